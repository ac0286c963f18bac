// The executable of `npm run build:sanitize`: the collector runs every CNIBOX_GC_EVERY (default
// 64) allocations, and what was allocated and lost is reported however the program ends.
#include <malloc.h>
#include <sanitizer/lsan_interface.h>
#include <unistd.h>

#include <cstdlib>

#include "fatal.h"
#include "freeze.h"
#include "heap.h"
#include "runtime.h"

const char* frozen_end = nullptr;

namespace {

JSRuntime* runtime;
const pid_t main_process = getpid();

int Period() {
  const char* text = getenv("CNIBOX_GC_EVERY");
  int period = text ? atoi(text) : 0;
  return period > 0 ? period : 64;
}

// A threshold of 0 makes the engine collect when it next makes an object.
void CountAllocation() {
  static const int period = Period();
  static int count = 0;
  if (++count % period == 0 && runtime) JS_SetGCThreshold(runtime, 0);
}

size_t UsableSize(const void* block) { return malloc_usable_size(const_cast<void*>(block)); }

void* Allocate(JSMallocState* state, size_t size) {
  CountAllocation();
  void* block = malloc(size);
  if (!block) return nullptr;
  state->malloc_count++;
  state->malloc_size += UsableSize(block);
  return block;
}

void Free(JSMallocState* state, void* block) {
  if (!block) return;
  state->malloc_count--;
  state->malloc_size -= UsableSize(block);
  free(block);
}

void* Reallocate(JSMallocState* state, void* block, size_t size) {
  if (!block) return size == 0 ? nullptr : Allocate(state, size);
  if (size == 0) {
    Free(state, block);
    return nullptr;
  }
  size_t before = UsableSize(block);
  void* moved = realloc(block, size);
  if (moved) state->malloc_size += UsableSize(moved) - before;
  return moved;
}

}  // namespace

extern "C" {

const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }

void __real__exit(int status);

// Linked in place of _exit (-Wl,--wrap): the leak check would not run otherwise. A child of vfork
// shares our memory and must leave at once.
void __wrap__exit(int status) {
  if (getpid() == main_process) __lsan_do_leak_check();
  __real__exit(status);
}

}  // extern "C"

namespace engine {

JSRuntime* NewRuntime() {
  static const JSMallocFunctions functions = {Allocate, Free, Reallocate, UsableSize};
  return runtime = JS_NewRuntime2(&functions, nullptr);
}

// A sanitizer's own state cannot be frozen, nor a program that is relocated.
Roots* Thaw() { return nullptr; }
void HeapBeginFreezing() {}
void Freeze(const Roots&, const char*) { Die("Cannot freeze: this is the sanitized program", nullptr); }

// Frees everything: the engine asserts then that no object is left.
void Leave(napi_env env, int status) {
  JSContext* context = env->context;
  JS_FreeAtom(context, env->attachment_key);
  JS_FreeContext(context);
  JSRuntime* ended = runtime;
  JS_RunGC(ended);
  env->RunFinalizers();
  delete env;
  runtime = nullptr;
  JS_FreeRuntime(ended);
  exit(status);
}

}  // namespace engine
