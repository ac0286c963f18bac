// Typed access to the arguments of a call. What does not fit is a TypeError that names the argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <napi.h>
#include <time.h>

namespace cnibox {

/// The bytes of a Uint8Array; valid as long as no JavaScript runs.
struct Bytes {
  uint8_t* data;
  size_t size;
};

class Arguments {
 public:
  /// @param call the function's name in JavaScript, for messages
  Arguments(const Napi::CallbackInfo& info, const char* call) : info_(info), call_(call) {}

  Napi::Env Env() const { return info_.Env(); }
  Napi::Value operator[](size_t index) const { return info_[index]; }
  bool Has(size_t index) const { return !info_[index].IsUndefined(); }

  /// A whole number that fits T.
  template <typename T>
  T Integer(size_t index, const char* name) const {
    static_assert(sizeof(T) <= sizeof(int32_t), "a double holds all values of T");
    return static_cast<T>(
        Whole(info_[index], name, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }

  /// A whole number from `least` to `most`.
  int64_t Range(size_t index, const char* name, int64_t least, int64_t most) const {
    return static_cast<int64_t>(
        Whole(info_[index], name, static_cast<double>(least), static_cast<double>(most)));
  }

  /// Seconds, with a fraction, as whole seconds and nanoseconds.
  timespec Time(size_t index, const char* name) const;

  /// 32 bits; a negative number is one whose top bit came out of JavaScript's `|`.
  uint32_t Flags(size_t index, const char* name) const {
    return static_cast<uint32_t>(Range(index, name, INT32_MIN, UINT32_MAX));
  }

  /// False where it is left out.
  bool Switch(size_t index) const { return Has(index) && info_[index].ToBoolean(); }

  int Descriptor(size_t index) const { return Integer<int>(index, "fd"); }

  /// A network namespace descriptor; -1 if it is -1 or left out: the own namespace.
  int Netns(size_t index) const {
    return Has(index) ? static_cast<int>(Range(index, "netns", -1, INT32_MAX)) : -1;
  }

  /// A string for the kernel, as UTF-8; one with a NUL inside is refused with EINVAL.
  std::string Text(size_t index, const char* name) const;

  Bytes Data(size_t index, const char* name) const;

  /// The elements of an array, each read by `element(value, name)`.
  template <typename Element>
  void Each(size_t index, const char* name, Element element) const {
    Napi::Array array = Array(index, name);
    for (uint32_t i = 0, length = array.Length(); i < length; i++) {
      element(array.Get(i), name);
    }
  }

  // The same checks for a value within an argument.
  double Whole(Napi::Value value, const char* name, double least, double most) const;
  std::string Text(Napi::Value value, const char* name, const char* syscall) const;
  Napi::Array Array(size_t index, const char* name) const;

  [[noreturn]] void Refuse(const char* name, const std::string& expected) const;

 private:
  const Napi::CallbackInfo& info_;
  const char* call_;
};

/// A new Uint8Array with a copy of `size` bytes.
Napi::Uint8Array NewBytes(Napi::Env env, const void* data, size_t size);

/// Two descriptors as an array.
Napi::Array NewPair(Napi::Env env, const int (&ends)[2]);

}  // namespace cnibox
