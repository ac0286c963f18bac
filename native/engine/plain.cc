#include <unistd.h>

#include <cstring>
#include <exception>

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

// The C++ library allocates what is thrown by malloc, and a pool for when that fails whenever the program
// starts. A system call that is refused is thrown, and the first block of malloc's is a mapping of its own.
namespace {
constexpr size_t kHeader = 256;  // in front of what is thrown; the library uses less than that
alignas(16) char reserve[1024];  // for one std::bad_alloc at a time
bool is_reserve_used = false;
}  // namespace

extern "C" void* __cxa_allocate_exception(size_t size) noexcept {
  auto* block = static_cast<char*>(engine::HeapTake(kHeader + size));
  if (!block) {
    if (is_reserve_used || kHeader + size > sizeof reserve) std::terminate();
    is_reserve_used = true;
    block = reserve;
  }
  memset(block, 0, kHeader);
  return block + kHeader;
}

extern "C" void __cxa_free_exception(void* thrown) noexcept {
  char* block = static_cast<char*>(thrown) - kHeader;
  if (block != reserve) return engine::HeapGive(block);
  is_reserve_used = false;
}

// Only for exceptions that are thrown a second time, from a std::exception_ptr: there are none.
extern "C" void* __cxa_allocate_dependent_exception() noexcept { std::terminate(); }
extern "C" void __cxa_free_dependent_exception(void*) noexcept {}

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
