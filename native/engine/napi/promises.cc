// Promises that native code settles.
#include "env.h"

napi_status napi_create_promise(napi_env env, napi_deferred* deferred, napi_value* promise) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(deferred);
  REQUIRE_ARG(promise);
  auto* made = new napi_deferred__;
  JSValue value = JS_NewPromiseCapability(env->context, made->functions);
  if (JS_IsException(value)) {
    delete made;
    return env->Catch();
  }
  *deferred = made;
  return env->Return(value, promise);
}

static napi_status Settle(napi_env env, napi_deferred deferred, napi_value with, int which) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(deferred);
  REQUIRE_ARG(with);
  JSContext* context = env->context;
  JSValueConst value = env->Get(with);
  JSValue result = JS_Call(context, deferred->functions[which], JS_UNDEFINED, 1, &value);
  for (JSValue function : deferred->functions) JS_FreeValue(context, function);
  delete deferred;
  if (JS_IsException(result)) return env->Catch();
  JS_FreeValue(context, result);
  return env->Set(napi_ok);
}

napi_status napi_resolve_deferred(napi_env env, napi_deferred deferred, napi_value resolution) {
  return Settle(env, deferred, resolution, 0);
}

napi_status napi_reject_deferred(napi_env env, napi_deferred deferred, napi_value rejection) {
  return Settle(env, deferred, rejection, 1);
}
