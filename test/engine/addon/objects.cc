// Objects, arrays, properties.
#include "addon.h"

namespace conformance {

namespace {

// arrayOf(length)
napi_value ArrayOf(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value array = nullptr;
  size_t length = static_cast<size_t>(ToDouble(env, call[0]));
  return Result(env, napi_create_array_with_length(env, length, &array), array);
}

napi_value ArrayLength(napi_env env, napi_callback_info info) {
  Call call(env, info);
  uint32_t length = 0;
  napi_status status = napi_get_array_length(env, call[0], &length);
  return Result(env, status, Number(env, length));
}

napi_value IsArray(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool is = false;
  napi_status status = napi_is_array(env, call[0], &is);
  return Result(env, status, Boolean(env, is));
}

// set(object, key, value)
napi_value Set(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return Result(env, napi_set_property(env, call[0], call[1], call[2]), call[0]);
}

napi_value Get(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value value = nullptr;
  return Result(env, napi_get_property(env, call[0], call[1], &value), value);
}

napi_value Has(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool has = false;
  napi_status status = napi_has_property(env, call[0], call[1], &has);
  return Result(env, status, Boolean(env, has));
}

// The same three with the key as a C string.
napi_value SetNamed(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string key = Text(env, call[1]);
  return Result(env, napi_set_named_property(env, call[0], key.c_str(), call[2]), call[0]);
}

napi_value GetNamed(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value value = nullptr;
  std::string key = Text(env, call[1]);
  return Result(env, napi_get_named_property(env, call[0], key.c_str(), &value), value);
}

napi_value HasNamed(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool has = false;
  std::string key = Text(env, call[1]);
  napi_status status = napi_has_named_property(env, call[0], key.c_str(), &has);
  return Result(env, status, Boolean(env, has));
}

napi_value SetElement(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto index = static_cast<uint32_t>(ToDouble(env, call[1]));
  return Result(env, napi_set_element(env, call[0], index, call[2]), call[0]);
}

napi_value GetElement(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value value = nullptr;
  auto index = static_cast<uint32_t>(ToDouble(env, call[1]));
  return Result(env, napi_get_element(env, call[0], index, &value), value);
}

napi_value PropertyNames(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value names = nullptr;
  return Result(env, napi_get_property_names(env, call[0], &names), names);
}

napi_value Global(napi_env env, napi_callback_info) {
  napi_value value = nullptr;
  return Result(env, napi_get_global(env, &value), value);
}

napi_value GetSeven(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return Number(env, *static_cast<int*>(call.data));
}

napi_value KeepValue(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_set_named_property(env, call.receiver, "kept", call[0]);
  return nullptr;
}

// define(object, symbol): one property of each kind
napi_value Define(napi_env env, napi_callback_info info) {
  static int seven = 7;
  Call call(env, info);
  const napi_property_descriptor properties[] = {
      {"method", nullptr, GetSeven, nullptr, nullptr, nullptr, napi_default_method, &seven},
      {"accessor", nullptr, nullptr, GetSeven, KeepValue, nullptr, napi_enumerable, &seven},
      {"readOnly", nullptr, nullptr, nullptr, nullptr, Number(env, 1), napi_enumerable, nullptr},
      {"writable", nullptr, nullptr, nullptr, nullptr, Number(env, 2),
       napi_default_jsproperty, nullptr},
      {nullptr, call[1], nullptr, nullptr, nullptr, Number(env, 3), napi_default, nullptr},
  };
  return Result(env, napi_define_properties(env, call[0], 5, properties), call[0]);
}

}  // namespace

void ExportObjects(napi_env env, napi_value exports) {
  Export(env, exports, "arrayOf", ArrayOf);
  Export(env, exports, "arrayLength", ArrayLength);
  Export(env, exports, "isArray", IsArray);
  Export(env, exports, "set", Set);
  Export(env, exports, "get", Get);
  Export(env, exports, "has", Has);
  Export(env, exports, "setNamed", SetNamed);
  Export(env, exports, "getNamed", GetNamed);
  Export(env, exports, "hasNamed", HasNamed);
  Export(env, exports, "setElement", SetElement);
  Export(env, exports, "getElement", GetElement);
  Export(env, exports, "propertyNames", PropertyNames);
  Export(env, exports, "global", Global);
  Export(env, exports, "define", Define);
}

}  // namespace conformance
