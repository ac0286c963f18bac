// Array buffers and typed arrays.
#include <cstdlib>

#include "env.h"

using engine::EnvOf;
using engine::Finalizer;

napi_status napi_create_arraybuffer(napi_env env, size_t length, void** data,
                                    napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(result);
  JSContext* context = env->context;
  auto* bytes = static_cast<uint8_t*>(js_mallocz(context, length > 0 ? length : 1));
  if (!bytes) return env->Catch();
  JSValue buffer = JS_NewArrayBuffer(
      context, bytes, length,
      [](JSRuntime* runtime, void*, void* bytes) { js_free_rt(runtime, bytes); }, nullptr, false);
  if (JS_IsException(buffer)) {
    js_free(context, bytes);
    return env->Catch();
  }
  if (data) *data = bytes;
  return env->Return(buffer, result);
}

napi_status napi_create_external_arraybuffer(napi_env env, void* data, size_t length,
                                             napi_finalize finalize, void* hint,
                                             napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(result);
  auto* finalizer = new Finalizer{finalize, data, hint};
  JSValue buffer = JS_NewArrayBuffer(
      env->context, static_cast<uint8_t*>(data), length,
      [](JSRuntime* runtime, void* opaque, void*) {
        auto* finalizer = static_cast<Finalizer*>(opaque);
        EnvOf(runtime)->Later(*finalizer);
        delete finalizer;
      },
      finalizer, false);
  if (JS_IsException(buffer)) delete finalizer;
  return env->Return(buffer, result);
}

napi_status napi_is_arraybuffer(napi_env env, napi_value value, bool* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  *result = ext_is_array_buffer(env->Get(value));
  return env->Set(napi_ok);
}

napi_status napi_get_arraybuffer_info(napi_env env, napi_value value, void** data,
                                      size_t* length) {
  REQUIRE_ARG(value);
  REQUIRE(ext_is_array_buffer(env->Get(value)), napi_invalid_arg);
  size_t size;
  uint8_t* bytes = JS_GetArrayBuffer(env->context, &size, env->Get(value));
  if (!bytes) {  // detached
    JS_FreeValue(env->context, JS_GetException(env->context));
    size = 0;
  }
  if (data) *data = bytes;
  if (length) *length = size;
  return env->Set(napi_ok);
}

napi_status napi_is_typedarray(napi_env env, napi_value value, bool* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  *result = ext_typed_array_kind(env->Get(value)) >= 0;
  return env->Set(napi_ok);
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length,
                                   napi_value buffer, size_t offset, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(buffer);
  REQUIRE_ARG(result);
  REQUIRE(ext_is_array_buffer(env->Get(buffer)), napi_invalid_arg);
  REQUIRE(type >= 0 && static_cast<int>(type) < EXT_ARRAY_KINDS, napi_invalid_arg);
  return env->Return(
      ext_new_typed_array(env->context, type, env->Get(buffer), offset, length), result);
}

napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* buffer,
                                     size_t* offset) {
  REQUIRE_ARG(array);
  JSValueConst value = env->Get(array);
  int kind = ext_typed_array_kind(value);
  REQUIRE(kind >= 0, napi_invalid_arg);
  size_t count;
  void* bytes = ext_typed_array_data(value, &count);
  if (type) *type = static_cast<napi_typedarray_type>(kind);
  if (length) *length = count;
  if (data) *data = bytes;
  if (!buffer && !offset) return env->Set(napi_ok);
  size_t start;
  JSValue whole = JS_GetTypedArrayBuffer(env->context, value, &start, nullptr, nullptr);
  if (JS_IsException(whole)) return env->Catch();
  if (offset) *offset = start;
  if (buffer) {
    *buffer = env->Hold(whole);
  } else {
    JS_FreeValue(env->context, whole);
  }
  return env->Set(napi_ok);
}
