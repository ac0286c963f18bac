// Errors and exceptions.
#include <cstring>

#include "env.h"

namespace {

// An error made by the constructor that JavaScript sees under that name, so that it has a stack.
JSValue NewError(napi_env env, const char* constructor, JSValueConst message, JSValueConst code) {
  JSContext* context = env->context;
  JSValue global = JS_GetGlobalObject(context);
  JSValue function = JS_GetPropertyStr(context, global, constructor);
  JSValue error = JS_CallConstructor(context, function, 1, &message);
  JS_FreeValue(context, function);
  JS_FreeValue(context, global);
  if (!JS_IsException(error) && !JS_IsUndefined(code) &&
      JS_SetPropertyStr(context, error, "code", JS_DupValue(context, code)) < 0) {
    JS_FreeValue(context, error);
    return JS_EXCEPTION;
  }
  return error;
}

napi_status Create(napi_env env, const char* constructor, napi_value code, napi_value message,
                   napi_value* result) {
  REQUIRE_ARG(message);
  REQUIRE_ARG(result);
  REQUIRE(JS_IsString(env->Get(message)), napi_string_expected);
  REQUIRE(!code || JS_IsString(env->Get(code)), napi_string_expected);
  return env->Return(
      NewError(env, constructor, env->Get(message), code ? env->Get(code) : JS_UNDEFINED),
      result);
}

napi_status Throw(napi_env env, const char* constructor, const char* code, const char* message) {
  REQUIRE_NO_EXCEPTION();
  JSContext* context = env->context;
  JSValue text = engine::NewString(context, message ? message : "", message ? strlen(message) : 0);
  JSValue code_text = code ? engine::NewString(context, code, strlen(code)) : JS_UNDEFINED;
  JSValue error = NewError(env, constructor, text, code_text);
  JS_FreeValue(context, text);
  JS_FreeValue(context, code_text);
  if (JS_IsException(error)) return env->Catch();
  env->Throw(error);
  return env->Set(napi_ok);
}

}  // namespace

napi_status napi_create_error(napi_env env, napi_value code, napi_value message,
                              napi_value* result) {
  return Create(env, "Error", code, message, result);
}

napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message,
                                   napi_value* result) {
  return Create(env, "TypeError", code, message, result);
}

napi_status napi_create_range_error(napi_env env, napi_value code, napi_value message,
                                    napi_value* result) {
  return Create(env, "RangeError", code, message, result);
}

napi_status napi_throw(napi_env env, napi_value error) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(error);
  env->Throw(JS_DupValue(env->context, env->Get(error)));
  return env->Set(napi_ok);
}

napi_status napi_throw_error(napi_env env, const char* code, const char* message) {
  return Throw(env, "Error", code, message);
}

napi_status napi_throw_type_error(napi_env env, const char* code, const char* message) {
  return Throw(env, "TypeError", code, message);
}

napi_status napi_throw_range_error(napi_env env, const char* code, const char* message) {
  return Throw(env, "RangeError", code, message);
}

napi_status napi_is_error(napi_env env, napi_value value, bool* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  *result = JS_IsError(env->context, env->Get(value));
  return env->Set(napi_ok);
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  REQUIRE_ARG(result);
  *result = env->pending;
  return env->Set(napi_ok);
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  REQUIRE_ARG(result);
  *result = env->Hold(env->exception);
  env->exception = JS_UNDEFINED;
  env->pending = false;
  return env->Set(napi_ok);
}
