// A Node-API addon for tests only: it exposes the C functions as they are, so that the same checks
// can ask Node and the engine the same questions.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace conformance {

// The arguments of a call.
class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env(env) {
    size_t count = 8;
    values.resize(count);
    napi_get_cb_info(env, info, &count, values.data(), &receiver, &data);
    given = count;
  }
  napi_value operator[](size_t i) const { return values[i]; }

  napi_env env;
  std::vector<napi_value> values;  // at least 8; undefined where not given
  size_t given;
  napi_value receiver = nullptr;
  void* data = nullptr;
};

inline napi_value Undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}
inline napi_value Number(napi_env env, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  return value;
}
inline napi_value Boolean(napi_env env, bool truth) {
  napi_value value;
  napi_get_boolean(env, truth, &value);
  return value;
}
inline napi_value String(napi_env env, const std::string& text) {
  napi_value value;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}
inline std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length + 1, '\0');
  napi_get_value_string_utf8(env, value, &text[0], text.size(), &length);
  text.resize(length);
  return text;
}
inline double ToDouble(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

// What a check sees of a failed call: "status 6". A pending exception is left to be thrown.
inline napi_value Failure(napi_env env, napi_status status) {
  return status == napi_pending_exception ? nullptr
                                          : String(env, "status " + std::to_string(status));
}
// The result of a call that gives a value: by reference, since the call may stand before it.
inline napi_value Result(napi_env env, napi_status status, const napi_value& value) {
  return status == napi_ok ? value : Failure(env, status);
}

inline void Export(napi_env env, napi_value exports, const char* name, napi_callback callback,
                   void* data = nullptr) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  napi_set_named_property(env, exports, name, function);
}

void ExportValues(napi_env env, napi_value exports);
void ExportObjects(napi_env env, napi_value exports);
void ExportFunctions(napi_env env, napi_value exports);
void ExportLifetimes(napi_env env, napi_value exports);
void ExportBytes(napi_env env, napi_value exports);
void ExportWrapped(napi_env env, napi_value exports);
void ExportProcess(napi_env env, napi_value exports);
// Only where collect.cc is linked in, that is on the engine.
__attribute__((weak)) void ExportCollect(napi_env env, napi_value exports);

}  // namespace conformance
