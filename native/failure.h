// The one door for failure: what a system call refuses leaves the addon through here.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include <napi.h>

namespace cnibox {

/// A failed system call on its way to JavaScript; see ThrowFailure.
struct SystemFailure {
  int number;
  const char* syscall;
  std::string path;         // the file it was about, or empty
  std::string destination;  // the second file of rename, link, symlink, or empty
};

/// Throws a SystemFailure for the present errno.
[[noreturn]] void Fail(const char* syscall, std::string_view path = {},
                       std::string_view destination = {});

/// Throws `failure` in JavaScript: an Error with code, errno, syscall and path (see src/sys/errno.ts).
void ThrowFailure(Napi::Env env, const SystemFailure& failure);

/// Makes a system call, again if a signal interrupts it; a result of -1 becomes a SystemFailure. But if
/// absence is `expected`, -1 is what comes of it where there is no such file.
template <typename Call>
auto TryFile(const char* syscall, std::string_view path, bool expected, Call call) {
  for (;;) {
    auto result = call();
    if (result != -1) return result;
    if (expected && (errno == ENOENT || errno == ENOTDIR)) return result;
    if (errno != EINTR) Fail(syscall, path);
  }
}

template <typename Call>
auto Try(const char* syscall, std::string_view path, Call call) {
  return TryFile(syscall, path, false, call);
}

template <typename Call>
auto Try(const char* syscall, Call call) {
  return Try(syscall, {}, call);
}

}  // namespace cnibox
