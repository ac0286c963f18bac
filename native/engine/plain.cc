#include <unistd.h>

#include "runtime.h"

// The C++ library's own handler would print to the standard error, and brings 70 KB of demangler
// along; fatal.cc installs ours.
namespace __gnu_cxx {
void __verbose_terminate_handler() { __builtin_trap(); }
}  // namespace __gnu_cxx

namespace engine {

JSRuntime* NewRuntime() { return JS_NewRuntime(); }

// The kernel frees memory faster than we could.
void Leave(napi_env, int status) { _exit(status); }

}  // namespace engine
