// Scopes, references, wraps, externals, finalizers.
#include <map>

#include "addon.h"

namespace conformance {

namespace {

std::string finalized;  // the labels of what has been finalized, in order

void Finalize(napi_env, void* data, void* hint) {
  auto* label = static_cast<std::string*>(data);
  finalized += *label + (hint ? "+" : "") + " ";
  delete label;
}

napi_value Finalized(napi_env env, napi_callback_info) {
  std::string taken;
  taken.swap(finalized);
  return String(env, taken);
}

// scopes(count): makes that many handles, each in a scope of its own; returns the last, escaped
napi_value Scopes(napi_env env, napi_callback_info info) {
  Call call(env, info);
  double count = ToDouble(env, call[0]);
  napi_value last = nullptr;
  for (double i = 0; i < count; i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_escapable_handle_scope inner;
    napi_open_escapable_handle_scope(env, &inner);
    napi_value made = String(env, "handle " + std::to_string(static_cast<int>(i))), again;
    napi_escape_handle(env, inner, made, &last);
    if (napi_escape_handle(env, inner, made, &again) != napi_escape_called_twice)
      return String(env, "escaped twice");
    napi_close_escapable_handle_scope(env, inner);
    std::string text = Text(env, last);
    napi_close_handle_scope(env, scope);
    last = i + 1 == count ? String(env, text) : nullptr;
  }
  return last;
}

std::map<std::string, napi_ref> references;

// refer(name, value, count)
napi_value Refer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_ref reference = nullptr;
  auto count = static_cast<uint32_t>(ToDouble(env, call[2]));
  napi_status status = napi_create_reference(env, call[1], count, &reference);
  if (status == napi_ok) references[Text(env, call[0])] = reference;
  return Result(env, status, Undefined(env));
}

// referred(name): the value; null where it is gone
napi_value Referred(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value value = nullptr, none;
  napi_get_null(env, &none);
  napi_status status = napi_get_reference_value(env, references[Text(env, call[0])], &value);
  return Result(env, status, value ? value : none);
}

// count(name, up): changes the count of a reference and returns it
napi_value Count(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool up = false;
  napi_get_value_bool(env, call[1], &up);
  uint32_t count = 0;
  napi_ref reference = references[Text(env, call[0])];
  napi_status status = up ? napi_reference_ref(env, reference, &count)
                          : napi_reference_unref(env, reference, &count);
  return Result(env, status, Number(env, count));
}

napi_value Forget(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string name = Text(env, call[0]);
  napi_status status = napi_delete_reference(env, references[name]);
  references.erase(name);
  return Result(env, status, Undefined(env));
}

// wrap(object, label)
napi_value Wrap(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto* label = new std::string(Text(env, call[1]));
  napi_status status = napi_wrap(env, call[0], label, Finalize, label, nullptr);
  if (status != napi_ok) delete label;
  return Result(env, status, call[0]);
}

napi_value Unwrap(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  napi_status status = napi_unwrap(env, call[0], &data);
  return status == napi_ok ? String(env, *static_cast<std::string*>(data)) : Failure(env, status);
}

napi_value RemoveWrap(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  napi_status status = napi_remove_wrap(env, call[0], &data);
  if (status != napi_ok) return Failure(env, status);
  napi_value text = String(env, *static_cast<std::string*>(data));
  delete static_cast<std::string*>(data);
  return text;
}

// addFinalizer(object, label)
napi_value AddFinalizer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto* label = new std::string(Text(env, call[1]));
  napi_status status = napi_add_finalizer(env, call[0], label, Finalize, nullptr, nullptr);
  if (status != napi_ok) delete label;
  return Result(env, status, call[0]);
}

napi_value External(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value external = nullptr;
  auto* label = new std::string(Text(env, call[0]));
  return Result(env, napi_create_external(env, label, Finalize, nullptr, &external), external);
}

napi_value GetExternal(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  napi_status status = napi_get_value_external(env, call[0], &data);
  return status == napi_ok ? String(env, *static_cast<std::string*>(data)) : Failure(env, status);
}

// instanceData(text): what was there before
napi_value InstanceData(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* before = nullptr;
  napi_get_instance_data(env, &before);
  napi_value text = before ? String(env, *static_cast<std::string*>(before)) : Undefined(env);
  delete static_cast<std::string*>(before);
  auto* data = new std::string(Text(env, call[0]));
  napi_status status = napi_set_instance_data(
      env, data, [](napi_env, void* data, void*) { delete static_cast<std::string*>(data); },
      nullptr);
  return Result(env, status, text);
}

}  // namespace

void ExportLifetimes(napi_env env, napi_value exports) {
  Export(env, exports, "finalized", Finalized);
  Export(env, exports, "scopes", Scopes);
  Export(env, exports, "refer", Refer);
  Export(env, exports, "referred", Referred);
  Export(env, exports, "count", Count);
  Export(env, exports, "forget", Forget);
  Export(env, exports, "wrap", Wrap);
  Export(env, exports, "unwrap", Unwrap);
  Export(env, exports, "removeWrap", RemoveWrap);
  Export(env, exports, "addFinalizer", AddFinalizer);
  Export(env, exports, "external", External);
  Export(env, exports, "getExternal", GetExternal);
  Export(env, exports, "instanceData", InstanceData);
}

}  // namespace conformance
