#include <unistd.h>

#include "heap.h"
#include "runtime.h"

// The C++ library's own handler would print to the standard error, and brings 70 KB of demangler
// along; fatal.cc installs ours.
namespace __gnu_cxx {
void __verbose_terminate_handler() { __builtin_trap(); }
}  // namespace __gnu_cxx

// The start-up code of a static program registers its unwind entries, and the unwinder then sorts
// them all when the first exception is thrown: 0.35 ms, in nearly every call. Unregistered, they are
// found through the table that the linker has sorted.
extern "C" void __wrap___register_frame_info(const void*, void*) {}
extern "C" void* __wrap___deregister_frame_info(const void*) { return nullptr; }

namespace engine {

// References are counted, so the collector is for cycles alone. A plugin call makes few, and ends
// before it has used this much; a daemon's memory does not grow far beyond it.
JSRuntime* NewRuntime() {
  JSRuntime* runtime = JS_NewRuntime2(&kHeap, nullptr);
  if (runtime) JS_SetGCThreshold(runtime, 3 << 20);
  return runtime;
}

// The kernel frees memory faster than we could.
void Leave(napi_env, int status) { _exit(status); }

}  // namespace engine
