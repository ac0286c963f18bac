#include "arguments.h"

#include <cmath>
#include <cstring>

#include "failure.h"

namespace cnibox {

void Arguments::Refuse(const char* name, const std::string& expected) const {
  throw Napi::TypeError::New(
      Env(), std::string("Cannot ") + call_ + ": " + name + " must be " + expected);
}

double Arguments::Whole(Napi::Value value, const char* name, double least, double most) const {
  double number = NAN;
  if (value.IsNumber()) number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= least && number <= most) || std::trunc(number) != number) {
    Refuse(name, "an integer from " + std::to_string(static_cast<int64_t>(least)) + " to " +
                     std::to_string(static_cast<int64_t>(most)));
  }
  return number;
}

timespec Arguments::Time(size_t index, const char* name) const {
  constexpr double most = 1e11;  // the year 5138: past any time that makes sense, within any time_t
  double seconds = NAN;
  if (info_[index].IsNumber()) seconds = info_[index].As<Napi::Number>().DoubleValue();
  if (!(std::fabs(seconds) <= most)) Refuse(name, "a time in seconds");
  double whole = std::floor(seconds);
  auto nanoseconds = static_cast<long>((seconds - whole) * 1e9);
  return {static_cast<time_t>(whole), nanoseconds};
}

std::string Arguments::Text(Napi::Value value, const char* name, const char* syscall) const {
  if (!value.IsString()) Refuse(name, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  // To the kernel the string would end there: it would act on another file than the caller named.
  if (text.find('\0') != std::string::npos) throw SystemFailure{EINVAL, syscall, text, {}};
  return text;
}

std::string Arguments::Text(size_t index, const char* name) const {
  return Text(info_[index], name, call_);
}

Bytes Arguments::Data(size_t index, const char* name) const {
  napi_typedarray_type type = napi_int8_array;
  size_t size = 0;
  void* data = nullptr;
  napi_value value = info_[index];
  bool typed = info_[index].IsTypedArray() &&
               napi_get_typedarray_info(Env(), value, &type, &size, &data, nullptr, nullptr) ==
                   napi_ok;
  if (!typed || type != napi_uint8_array) Refuse(name, "a Uint8Array");
  return {static_cast<uint8_t*>(data), size};
}

Napi::Array Arguments::Array(size_t index, const char* name) const {
  if (!info_[index].IsArray()) Refuse(name, "an array");
  return info_[index].As<Napi::Array>();
}

Napi::Uint8Array NewBytes(Napi::Env env, const void* data, size_t size) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, size);
  if (size > 0) std::memcpy(array.Data(), data, size);
  return array;
}

Napi::Array NewPair(Napi::Env env, const int (&ends)[2]) {
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0u, Napi::Number::New(env, ends[0]));
  pair.Set(1u, Napi::Number::New(env, ends[1]));
  return pair;
}

}  // namespace cnibox
