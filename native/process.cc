// This process, and its children after their start.

#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"
#include "host.h"
#include "text.h"

namespace cnibox {

namespace {

int argument_count = 0;
char** arguments = nullptr;

}  // namespace

void SetArguments(int argc, char** argv) {
  argument_count = argc;
  arguments = argv;
}

Napi::Value Argv(const Arguments& args) {
  Napi::Array array = Napi::Array::New(args.Env(), argument_count);
  for (int i = 0; i < argument_count; i++) {
    array.Set(static_cast<uint32_t>(i), NewText(args.Env(), arguments[i]));
  }
  return array;
}

Napi::Value Environ(const Arguments& args) {
  Napi::Object object = Napi::Object::New(args.Env());
  size_t count = 0;
  while (environ && environ[count]) count++;
  // From the end, so that the first of two values is the one that stays.
  while (count-- > 0) {
    std::string_view entry = environ[count];
    size_t equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    object.Set(NewText(args.Env(), entry.substr(0, equals)),
               NewText(args.Env(), entry.substr(equals + 1)));
  }
  return object;
}

Napi::Value Executable(const Arguments& args) {
  char path[PATH_MAX];  // the kernel resolves it, to no more than that
  ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size == -1) Fail("readlink", "/proc/self/exe");
  return NewText(args.Env(), {path, static_cast<size_t>(size)});
}

Napi::Value Getpid(const Arguments& args) { return Napi::Number::New(args.Env(), getpid()); }

Napi::Value Exit(const Arguments& args) {
  _exit(static_cast<int>(args.Range(0, "status", 0, 255)));
}

Napi::Value Waitpid(const Arguments& args) {
  int pid = args.Integer<int>(0, "pid");
  int status = 0;
  Try("waitpid", [&] { return waitpid(pid, &status, 0); });
  Napi::Object object = Napi::Object::New(args.Env());
  auto set = [&](const char* name, bool known, int value) {
    object.Set(name, known ? Napi::Number::New(args.Env(), value) : args.Env().Null());
  };
  set("status", WIFEXITED(status), WEXITSTATUS(status));
  set("signal", WIFSIGNALED(status), WTERMSIG(status));
  return object;
}

Napi::Value Kill(const Arguments& args) {
  int pid = args.Integer<int>(0, "pid");
  int signal = args.Integer<int>(1, "signal");
  Try("kill", [&] { return kill(pid, signal); });
  return args.Env().Undefined();
}

Napi::Value Setsid(const Arguments& args) {
  Try("setsid", [] { return setsid(); });
  return args.Env().Undefined();
}

}  // namespace cnibox
