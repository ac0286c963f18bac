// Functions, raw classes, errors, exceptions, promises.
#include "addon.h"

namespace conformance {

namespace {

// callInfo(...arguments): [count, first, third, receiver]; the third is undefined if not given
napi_value CallInfo(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value values[3], receiver, result;
  napi_get_cb_info(env, info, &count, values, &receiver, nullptr);
  napi_create_array(env, &result);
  napi_set_element(env, result, 0, Number(env, static_cast<double>(count)));
  napi_set_element(env, result, 1, values[0]);
  napi_set_element(env, result, 2, values[2]);
  napi_set_element(env, result, 3, receiver);
  return result;
}

// call(function, receiver, ...arguments)
napi_value CallFunction(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value value = nullptr;
  size_t count = call.given > 2 ? call.given - 2 : 0;
  napi_status status =
      napi_call_function(env, call[1], call[0], count, call.values.data() + 2, &value);
  return Result(env, status, value);
}

// catchCall(function): what it throws, or undefined; and an exception is pending meanwhile
napi_value CatchCall(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value error;
  napi_status status = napi_call_function(env, Undefined(env), call[0], 0, nullptr, nullptr);
  if (status == napi_ok) return Undefined(env);
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  napi_value object;
  napi_status refused = napi_get_named_property(env, call[0], "name", &object);
  napi_get_and_clear_last_exception(env, &error);
  if (!pending || refused != napi_pending_exception) return String(env, "was not pending");
  napi_is_exception_pending(env, &pending);
  return pending ? String(env, "is still pending") : error;
}

// newInstance(constructor, ...arguments)
napi_value NewInstance(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value value = nullptr;
  return Result(
      env, napi_new_instance(env, call[0], call.given - 1, call.values.data() + 1, &value), value);
}

napi_value InstanceOf(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool is = false;
  napi_status status = napi_instanceof(env, call[0], call[1], &is);
  return Result(env, status, Boolean(env, is));
}

// createError(kind, code, message)
napi_value CreateError(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string kind = Text(env, call[0]);
  napi_valuetype type;
  napi_typeof(env, call[1], &type);
  napi_value code = type == napi_undefined ? nullptr : call[1];
  napi_value error = nullptr;
  napi_status status = kind == "TypeError" ? napi_create_type_error(env, code, call[2], &error)
                       : kind == "RangeError"
                           ? napi_create_range_error(env, code, call[2], &error)
                           : napi_create_error(env, code, call[2], &error);
  return Result(env, status, error);
}

// throwError(kind, message): with code E_TEST
napi_value ThrowError(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string kind = Text(env, call[0]), message = Text(env, call[1]);
  kind == "TypeError"    ? napi_throw_type_error(env, "E_TEST", message.c_str())
  : kind == "RangeError" ? napi_throw_range_error(env, "E_TEST", message.c_str())
                         : napi_throw_error(env, "E_TEST", message.c_str());
  return nullptr;
}

napi_value Throw(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_throw(env, call[0]);
  return nullptr;
}

napi_value IsError(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool is = false;
  napi_status status = napi_is_error(env, call[0], &is);
  return Result(env, status, Boolean(env, is));
}

// promise(rejected, value)
napi_value Promise(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_deferred deferred;
  napi_value promise;
  bool rejected = false;
  napi_get_value_bool(env, call[0], &rejected);
  napi_status status = napi_create_promise(env, &deferred, &promise);
  if (status != napi_ok) return Failure(env, status);
  status = rejected ? napi_reject_deferred(env, deferred, call[1])
                    : napi_resolve_deferred(env, deferred, call[1]);
  return Result(env, status, promise);
}

// new Raw(x): keeps x; without `new` it says so
napi_value ConstructRaw(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value target = nullptr;
  napi_get_new_target(env, info, &target);
  if (!target) return String(env, "without new");
  napi_set_named_property(env, call.receiver, "target", target);
  napi_set_named_property(env, call.receiver, "x", call[0]);
  return nullptr;
}

napi_value RawMethod(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value x;
  return Result(env, napi_get_named_property(env, call.receiver, "x", &x), x);
}

void ExportRawClass(napi_env env, napi_value exports) {
  const auto with = [](const char* name, int attributes) {
    napi_property_descriptor property = {};
    property.utf8name = name;
    property.attributes = static_cast<napi_property_attributes>(attributes);
    return property;
  };
  napi_property_descriptor method = with("method", napi_default_method);
  method.method = RawMethod;
  napi_property_descriptor accessor = with("accessor", napi_default);
  accessor.getter = RawMethod;
  napi_property_descriptor constant = with("constant", napi_static | napi_enumerable);
  constant.value = Number(env, 42);
  napi_property_descriptor all[] = {method, accessor, constant};
  napi_value constructor;
  napi_define_class(env, "RawClass", 3, ConstructRaw, nullptr, 3, all, &constructor);
  napi_set_named_property(env, exports, "Raw", constructor);
}

}  // namespace

void ExportFunctions(napi_env env, napi_value exports) {
  Export(env, exports, "callInfo", CallInfo);
  Export(env, exports, "call", CallFunction);
  Export(env, exports, "catchCall", CatchCall);
  Export(env, exports, "newInstance", NewInstance);
  Export(env, exports, "instanceOf", InstanceOf);
  Export(env, exports, "createError", CreateError);
  Export(env, exports, "throwError", ThrowError);
  Export(env, exports, "throw", Throw);
  Export(env, exports, "isError", IsError);
  Export(env, exports, "promise", Promise);
  ExportRawClass(env, exports);
}

}  // namespace conformance
