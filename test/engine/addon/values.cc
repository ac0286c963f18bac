// Primitives, strings, comparisons, conversions.
#include "addon.h"

namespace conformance {

namespace {

// getNumber(kind, value): as the C type of that name.
napi_value GetNumber(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string kind = Text(env, call[0]);
  double number = 0;
  napi_status status;
  if (kind == "int32") {
    int32_t value = 0;
    status = napi_get_value_int32(env, call[1], &value);
    number = value;
  } else if (kind == "uint32") {
    uint32_t value = 0;
    status = napi_get_value_uint32(env, call[1], &value);
    number = value;
  } else if (kind == "int64") {
    int64_t value = 0;
    status = napi_get_value_int64(env, call[1], &value);
    number = static_cast<double>(value);
  } else {
    status = napi_get_value_double(env, call[1], &number);
  }
  return Result(env, status, Number(env, number));
}

// createNumber(kind, value)
napi_value CreateNumber(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string kind = Text(env, call[0]);
  double number = ToDouble(env, call[1]);
  napi_value value = nullptr;
  napi_status status = kind == "int32"    ? napi_create_int32(env, number, &value)
                       : kind == "uint32" ? napi_create_uint32(env, number, &value)
                       : kind == "int64"  ? napi_create_int64(env, number, &value)
                                          : napi_create_double(env, number, &value);
  return Result(env, status, value);
}

napi_value GetBool(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool truth = false;
  napi_status status = napi_get_value_bool(env, call[0], &truth);
  return Result(env, status, Boolean(env, truth));
}

napi_value GetNull(napi_env env, napi_callback_info) {
  napi_value value;
  return Result(env, napi_get_null(env, &value), value);
}

// bigint(signed, value): [the value made anew from its 64 bits, whether that is all of it]
napi_value BigInt(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool is_signed = false, lossless = false;
  napi_get_value_bool(env, call[0], &is_signed);
  napi_value again = nullptr, pair;
  napi_status status;
  if (is_signed) {
    int64_t value;
    status = napi_get_value_bigint_int64(env, call[1], &value, &lossless);
    if (status == napi_ok) status = napi_create_bigint_int64(env, value, &again);
  } else {
    uint64_t value;
    status = napi_get_value_bigint_uint64(env, call[1], &value, &lossless);
    if (status == napi_ok) status = napi_create_bigint_uint64(env, value, &again);
  }
  if (status != napi_ok) return Failure(env, status);
  napi_create_array_with_length(env, 2, &pair);
  napi_set_element(env, pair, 0, again);
  napi_set_element(env, pair, 1, Boolean(env, lossless));
  return pair;
}

napi_value TypeOf(napi_env env, napi_callback_info info) {
  static const char* const names[] = {"undefined", "null",   "boolean",  "number",   "string",
                                      "symbol",    "object", "function", "external", "bigint"};
  Call call(env, info);
  napi_valuetype type;
  napi_status status = napi_typeof(env, call[0], &type);
  return status == napi_ok ? String(env, names[type]) : Failure(env, status);
}

napi_value StrictEquals(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool equal = false;
  napi_status status = napi_strict_equals(env, call[0], call[1], &equal);
  return Result(env, status, Boolean(env, equal));
}

// coerce(kind, value)
napi_value Coerce(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string kind = Text(env, call[0]);
  napi_value value = nullptr;
  napi_status status = kind == "bool"     ? napi_coerce_to_bool(env, call[1], &value)
                       : kind == "number" ? napi_coerce_to_number(env, call[1], &value)
                                          : napi_coerce_to_string(env, call[1], &value);
  return Result(env, status, value);
}

// stringOf(bytes): the text of the bytes of an array
napi_value StringOf(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* bytes = nullptr;
  size_t length = 0;
  napi_get_typedarray_info(env, call[0], nullptr, &length, &bytes, nullptr, nullptr);
  napi_value value = nullptr;
  return Result(
      env, napi_create_string_utf8(env, static_cast<const char*>(bytes), length, &value), value);
}

// bytesOf(text, size): [bytes that napi_get_value_string_utf8 writes into `size`, as numbers]
napi_value BytesOf(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::vector<char> buffer(static_cast<size_t>(ToDouble(env, call[1])), '?');
  size_t length = 0;
  napi_status status =
      napi_get_value_string_utf8(env, call[0], buffer.data(), buffer.size(), &length);
  if (status != napi_ok) return Failure(env, status);
  if (buffer[length] != '\0') return String(env, "no NUL at the end");
  napi_value bytes;
  napi_create_array(env, &bytes);
  for (size_t i = 0; i < length; i++)
    napi_set_element(env, bytes, static_cast<uint32_t>(i),
                     Number(env, static_cast<unsigned char>(buffer[i])));
  return bytes;
}

// autoLength(): a C string, by its NUL
napi_value AutoLength(napi_env env, napi_callback_info) {
  napi_value value = nullptr;
  return Result(env, napi_create_string_utf8(env, "to the end", NAPI_AUTO_LENGTH, &value), value);
}

// nullArguments(): the statuses of calls without a place for the result
napi_value NullArguments(napi_env env, napi_callback_info) {
  std::string statuses;
  for (napi_status status : {napi_get_undefined(env, nullptr), napi_create_object(env, nullptr),
                             napi_typeof(env, nullptr, nullptr),
                             napi_create_double(env, 1, nullptr)})
    statuses += std::to_string(status) + " ";
  return String(env, statuses);
}

// lastError(): what napi_get_last_error_info says after a number was asked of a string
napi_value LastError(napi_env env, napi_callback_info) {
  double number;
  napi_get_value_double(env, String(env, "no number"), &number);
  const napi_extended_error_info* error;
  napi_get_last_error_info(env, &error);
  return String(env, std::to_string(error->error_code) + " " + error->error_message);
}

}  // namespace

void ExportValues(napi_env env, napi_value exports) {
  Export(env, exports, "getNumber", GetNumber);
  Export(env, exports, "createNumber", CreateNumber);
  Export(env, exports, "getBool", GetBool);
  Export(env, exports, "getNull", GetNull);
  Export(env, exports, "bigint", BigInt);
  Export(env, exports, "typeOf", TypeOf);
  Export(env, exports, "strictEquals", StrictEquals);
  Export(env, exports, "coerce", Coerce);
  Export(env, exports, "stringOf", StringOf);
  Export(env, exports, "bytesOf", BytesOf);
  Export(env, exports, "autoLength", AutoLength);
  Export(env, exports, "nullArguments", NullArguments);
  Export(env, exports, "lastError", LastError);
}

}  // namespace conformance
