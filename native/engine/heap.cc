#include "heap.h"

#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime.h"

namespace engine {

namespace {

// A program that ends after some milliseconds spends a sixth of them in the C library's allocator,
// which is made to return memory and to share it between threads. Here a freed block goes to the
// list of its size and waits for the next of that size. Large blocks are few, and stay malloc's.
constexpr size_t kStep = 16;  // blocks are aligned to it, as malloc's are
constexpr size_t kLimit = 520;
constexpr size_t kArena = 64 << 10;

// In front of each block: how many steps it takes with its header, or 0 for one of the C library's.
struct Header {
  uint64_t steps;
};

struct Free {
  Free* next;
};

constexpr size_t Steps(size_t size) { return (size + sizeof(Header) + kStep - 1) / kStep; }

Free* lists[Steps(kLimit) + 1];
char* arena;
char* arena_end;

void* Cut(size_t steps) {
  size_t size = steps * kStep;
  if (static_cast<size_t>(arena_end - arena) < size) {
    auto* fresh = static_cast<char*>(malloc(kArena));
    if (!fresh) return nullptr;
    arena = fresh + kStep - sizeof(Header);  // so that what follows a header is aligned
    arena_end = fresh + kArena;
  }
  auto* header = reinterpret_cast<Header*>(arena);
  arena += size;
  header->steps = steps;
  return header + 1;
}

Header* HeaderOf(void* block) { return static_cast<Header*>(block) - 1; }

void* Large(size_t size) {
  auto* start = static_cast<char*>(malloc(size + kStep));
  if (!start) return nullptr;
  char* block = start + kStep;
  HeaderOf(block)->steps = 0;
  return block;
}

size_t Usable(const void* block) {
  if (!block) return 0;
  const Header* header = static_cast<const Header*>(block) - 1;
  if (header->steps) return header->steps * kStep - sizeof(Header);
  return malloc_usable_size(const_cast<char*>(static_cast<const char*>(block) - kStep)) - kStep;
}

void* Allocate(JSMallocState* state, size_t size) {
  void* block;
  if (size <= kLimit) {
    size_t steps = Steps(size);
    Free*& list = lists[steps];
    block = list;
    if (list) {
      list = list->next;
    } else {
      block = Cut(steps);
    }
  } else {
    block = Large(size);
  }
  if (!block) return nullptr;
  state->malloc_count++;
  state->malloc_size += Usable(block);
  return block;
}

void Release(JSMallocState* state, void* block) {
  if (!block) return;
  state->malloc_count--;
  state->malloc_size -= Usable(block);
  size_t steps = HeaderOf(block)->steps;
  if (steps == 0) return free(static_cast<char*>(block) - kStep);
  auto* freed = static_cast<Free*>(block);
  freed->next = lists[steps];
  lists[steps] = freed;
}

void* Resize(JSMallocState* state, void* block, size_t size) {
  if (!block) return size == 0 ? nullptr : Allocate(state, size);
  if (size == 0) {
    Release(state, block);
    return nullptr;
  }
  size_t before = Usable(block);
  bool is_small = HeaderOf(block)->steps != 0;
  if (is_small && size <= before) return block;
  if (!is_small && size > kLimit) {
    auto* moved = static_cast<char*>(realloc(static_cast<char*>(block) - kStep, size + kStep));
    if (!moved) return nullptr;
    block = moved + kStep;
    state->malloc_size += Usable(block) - before;
    return block;
  }
  void* moved = Allocate(state, size);
  if (!moved) return nullptr;
  memcpy(moved, block, before < size ? before : size);
  Release(state, block);
  return moved;
}

}  // namespace

const JSMallocFunctions kHeap = {Allocate, Release, Resize, Usable};

}  // namespace engine
