// Primitives: undefined, null, booleans, numbers, and what kind a value is.
#include <cmath>

#include "env.h"

napi_status napi_get_undefined(napi_env env, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_UNDEFINED, result);
}

napi_status napi_get_null(napi_env env, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NULL, result);
}

napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewBool(env->context, value), result);
}

napi_status napi_create_double(napi_env env, double value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewFloat64(env->context, value), result);
}

napi_status napi_create_int32(napi_env env, int32_t value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewInt32(env->context, value), result);
}

napi_status napi_create_uint32(napi_env env, uint32_t value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewUint32(env->context, value), result);
}

napi_status napi_create_int64(napi_env env, int64_t value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewInt64(env->context, value), result);
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  REQUIRE(JS_IsBool(env->Get(value)), napi_boolean_expected);
  *result = JS_VALUE_GET_BOOL(env->Get(value));
  return env->Set(napi_ok);
}

napi_status napi_get_value_double(napi_env env, napi_value value, double* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  REQUIRE(JS_IsNumber(env->Get(value)), napi_number_expected);
  JS_ToFloat64(env->context, result, env->Get(value));
  return env->Set(napi_ok);
}

// NaN and the infinities become 0; what does not fit loses its upper bits.
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  REQUIRE(JS_IsNumber(env->Get(value)), napi_number_expected);
  JS_ToInt32(env->context, result, env->Get(value));
  return env->Set(napi_ok);
}

napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t* result) {
  return napi_get_value_int32(env, value, reinterpret_cast<int32_t*>(result));
}

// NaN and the infinities become 0; what does not fit becomes the nearest that does.
napi_status napi_get_value_int64(napi_env env, napi_value value, int64_t* result) {
  double number;
  napi_status status = napi_get_value_double(env, value, &number);
  if (status != napi_ok) return status;
  REQUIRE_ARG(result);
  if (!std::isfinite(number)) {
    *result = 0;
  } else if (number >= 0x1p63) {
    *result = INT64_MAX;
  } else if (number <= -0x1p63) {
    *result = INT64_MIN;
  } else {
    *result = static_cast<int64_t>(number);
  }
  return env->Set(napi_ok);
}

napi_status napi_create_bigint_int64(napi_env env, int64_t value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewBigInt64(env->context, value), result);
}

napi_status napi_create_bigint_uint64(napi_env env, uint64_t value, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewBigUint64(env->context, value), result);
}

// The low 64 bits; lossless tells whether they are the whole value.
static napi_status GetBigInt(napi_env env, napi_value value, int64_t* result, bool* lossless,
                             bool is_signed) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  REQUIRE_ARG(lossless);
  JSContext* context = env->context;
  JSValueConst bigint = env->Get(value);
  REQUIRE(JS_IsBigInt(context, bigint), napi_bigint_expected);
  JS_ToBigInt64(context, result, bigint);
  JSValue same = is_signed ? JS_NewBigInt64(context, *result)
                           : JS_NewBigUint64(context, static_cast<uint64_t>(*result));
  if (JS_IsException(same)) return env->Catch();
  *lossless = ext_strict_equals(context, same, bigint);
  JS_FreeValue(context, same);
  return env->Set(napi_ok);
}

napi_status napi_get_value_bigint_int64(napi_env env, napi_value value, int64_t* result,
                                        bool* lossless) {
  return GetBigInt(env, value, result, lossless, true);
}

napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* result,
                                         bool* lossless) {
  return GetBigInt(env, value, reinterpret_cast<int64_t*>(result), lossless, false);
}

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  JSValueConst v = env->Get(value);
  switch (JS_VALUE_GET_NORM_TAG(v)) {
    case JS_TAG_UNDEFINED: *result = napi_undefined; break;
    case JS_TAG_NULL: *result = napi_null; break;
    case JS_TAG_BOOL: *result = napi_boolean; break;
    case JS_TAG_INT:
    case JS_TAG_FLOAT64: *result = napi_number; break;
    case JS_TAG_STRING: *result = napi_string; break;
    case JS_TAG_SYMBOL: *result = napi_symbol; break;
    case JS_TAG_BIG_INT: *result = napi_bigint; break;
    case JS_TAG_OBJECT:
      *result = JS_IsFunction(env->context, v)               ? napi_function
                : JS_GetOpaque(v, engine::external_class)    ? napi_external
                                                             : napi_object;
      break;
    default: return env->Set(napi_invalid_arg);
  }
  return env->Set(napi_ok);
}

napi_status napi_strict_equals(napi_env env, napi_value a, napi_value b, bool* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(a);
  REQUIRE_ARG(b);
  REQUIRE_ARG(result);
  *result = ext_strict_equals(env->context, env->Get(a), env->Get(b));
  return env->Set(napi_ok);
}

napi_status napi_coerce_to_bool(napi_env env, napi_value value, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  int truth = JS_ToBool(env->context, env->Get(value));
  return env->Return(JS_NewBool(env->context, truth), result);
}

napi_status napi_coerce_to_number(napi_env env, napi_value value, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  double number;
  if (JS_ToFloat64(env->context, &number, env->Get(value)) < 0) return env->Catch();
  return env->Return(JS_NewFloat64(env->context, number), result);
}

napi_status napi_coerce_to_string(napi_env env, napi_value value, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  return env->Return(JS_ToString(env->context, env->Get(value)), result);
}
