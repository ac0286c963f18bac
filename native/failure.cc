#include "failure.h"

#include <cctype>
#include <cstring>

namespace cnibox {

namespace {

std::string Code(int number) {
  const char* name = strerrorname_np(number);
  return name ? name : "E" + std::to_string(number);
}

// "ENOENT: no such file or directory, open '/x'", as on Node.
std::string Message(const SystemFailure& failure) {
  const char* known = strerrordesc_np(failure.number);
  std::string reason = known ? known : "unknown error";
  // Lower case within a sentence, but not the first letter of an acronym ("RFS specific error").
  if (!std::isupper(static_cast<unsigned char>(reason[1]))) {
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  }
  std::string text = Code(failure.number) + ": " + reason + ", " + failure.syscall;
  if (!failure.path.empty()) text += " '" + failure.path + "'";
  if (!failure.destination.empty()) text += " -> '" + failure.destination + "'";
  return text;
}

}  // namespace

void Fail(const char* syscall, std::string_view path, std::string_view destination) {
  throw SystemFailure{errno, syscall, std::string(path), std::string(destination)};
}

void ThrowFailure(Napi::Env env, const SystemFailure& failure) {
  napi_value value = nullptr;
  NAPI_THROW_IF_FAILED_VOID(
      env, napi_create_error(env, nullptr, Napi::String::New(env, Message(failure)), &value));
  Napi::Object error(env, value);
  error.Set("code", Napi::String::New(env, Code(failure.number)));
  error.Set("errno", Napi::Number::New(env, failure.number));
  error.Set("syscall", Napi::String::New(env, failure.syscall));
  if (!failure.path.empty()) error.Set("path", Napi::String::New(env, failure.path));
  NAPI_THROW_IF_FAILED_VOID(env, napi_throw(env, value));
}

}  // namespace cnibox
