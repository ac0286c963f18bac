#include "heap.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "fatal.h"
#include "freeze.h"
#include "image.h"
#include "runtime.h"

namespace engine {

namespace {

// A program that ends after some milliseconds spends a sixth of them in the C library's allocator,
// which is made to return memory and to share it between threads. Here a block is cut from an
// arena; freed, it waits in the list of its size for the next of that size. Huge blocks are few,
// and are malloc's. While freezing, all memory comes from the image.
constexpr size_t kStep = 8;  // sizes and addresses are multiples; nothing here needs more alignment
constexpr size_t kSmall = 512;
constexpr size_t kHuge = 256 << 10;
constexpr size_t kArena = 64 << 10;
constexpr size_t kRegion = 1 << 20;

// In front of each block: its size with the header, in steps; 0 for a huge one.
struct Header {
  uint64_t steps;
};

struct Free {
  Free* next;
};

struct Arena {
  char* at;
  char* end;

  size_t left() const { return end - at; }
  char* Take(size_t size) {
    if (left() < size) return nullptr;
    char* taken = at;
    at += size;
    return taken;
  }
};

constexpr size_t kHeaderSteps = sizeof(Header) / kStep;
constexpr size_t Steps(size_t size) { return (size + kStep - 1) / kStep + kHeaderSteps; }

// Blocks that are neither small nor huge come in four sizes for each doubling: without the header, since
// the engine likes powers of two. Its maps look long for a key in a table that has come out larger.
struct Class {
  size_t index;
  size_t steps;
};
constexpr Class ClassOf(size_t with_header) {
  size_t steps = with_header - kHeaderSteps;
  unsigned doublings = 63 - __builtin_clzll(steps - 1);
  unsigned shift = doublings - 2;  // to a quarter of the doubling
  size_t quarters = ((steps - 1) >> shift) + 1;  // 5 to 8
  return {doublings * 4 + quarters - 5, (quarters << shift) + kHeaderSteps};
}
constexpr size_t kFirstClass = ClassOf(Steps(kSmall) + 1).index;
constexpr size_t kClasses = ClassOf(Steps(kHuge)).index - kFirstClass + 1;

struct Heap {
  Free* lists[Steps(kSmall) + 1];
  Free* classes[kClasses];
  Arena arena;  // small blocks are cut from it,
  Arena region;  // and all others from this: first, from what the image has left
  bool is_freezing;
};
ENGINE_FROZEN Heap heap = {};

Header* HeaderOf(void* block) { return static_cast<Header*>(block) - 1; }

void* NewBlock(char* start, size_t steps) {
  if (!start) return nullptr;
  auto* header = reinterpret_cast<Header*>(start);
  header->steps = steps;
  return header + 1;
}

char* TakeOfRegion(size_t size) {
  if (!heap.region.at) heap.region = {kImage.begin, kImage.end};
  if (heap.region.left() < size) {
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* mapped = mmap(nullptr, kRegion, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (mapped == MAP_FAILED || IS_FROZEN(mapped)) return nullptr;
    auto* start = static_cast<char*>(mapped);
    heap.region = {start, start + kRegion};
  }
  return heap.region.Take(size);
}

void* Small(size_t steps) {
  if (Free* freed = heap.lists[steps]) {
    heap.lists[steps] = freed->next;
    return freed;
  }
  if (heap.arena.left() < steps * kStep) {
    char* start = TakeOfRegion(kArena);
    if (!start) return nullptr;
    heap.arena = {start, start + kArena};
  }
  return NewBlock(heap.arena.Take(steps * kStep), steps);
}

void* Large(size_t steps) {
  Class its = ClassOf(steps);
  Free*& list = heap.classes[its.index - kFirstClass];
  if (Free* freed = list) {
    list = freed->next;
    return freed;
  }
  return NewBlock(TakeOfRegion(its.steps * kStep), its.steps);
}

void* Take(size_t size) {
  if (heap.is_freezing) return ImageTake(size);
  if (size <= kSmall) return Small(Steps(size));
  if (size <= kHuge) return Large(Steps(size));
  return NewBlock(static_cast<char*>(malloc(size + sizeof(Header))), 0);
}

void Give(void* block) {
  if (IS_FROZEN(block)) return;  // what came to lie there would be taken for immortal
  if (heap.is_freezing) return ImageGive(block);
  size_t steps = HeaderOf(block)->steps;
  if (steps == 0) return free(HeaderOf(block));
  Free*& list =
      steps <= Steps(kSmall) ? heap.lists[steps] : heap.classes[ClassOf(steps).index - kFirstClass];
  auto* freed = static_cast<Free*>(block);
  freed->next = list;
  list = freed;
}

// Of a frozen block nothing is known any more, and nothing is to be added to it.
size_t Usable(const void* block) {
  if (!block || IS_FROZEN(block)) return 0;
  if (heap.is_freezing) return ImageSize(block);
  Header* header = HeaderOf(const_cast<void*>(block));
  size_t size = header->steps ? header->steps * kStep : malloc_usable_size(header);
  return size - sizeof(Header);
}

void* Allocate(JSMallocState* state, size_t size) {
  void* block = Take(size);
  if (!block) return nullptr;
  state->malloc_count++;
  state->malloc_size += Usable(block);
  return block;
}

void Release(JSMallocState* state, void* block) {
  if (!block) return;
  state->malloc_count--;
  state->malloc_size -= Usable(block);
  Give(block);
}

bool IsHuge(void* block) { return !heap.is_freezing && HeaderOf(block)->steps == 0; }

void* Resize(JSMallocState* state, void* block, size_t size) {
  if (!block) return size == 0 ? nullptr : Allocate(state, size);
  if (size == 0) {
    Release(state, block);
    return nullptr;
  }
  size_t before = Usable(block);
  if (IS_FROZEN(block)) {
    before = frozen_end - static_cast<char*>(block);  // more than it has, which does no harm
  } else if (!IsHuge(block)) {
    if (size <= before) return block;
  } else if (size > kHuge) {
    auto* moved = static_cast<char*>(realloc(HeaderOf(block), size + sizeof(Header)));
    block = NewBlock(moved, 0);
    if (block) state->malloc_size += Usable(block) - before;
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

void* HeapTake(size_t size) { return Take(size); }

void HeapGive(void* block) { Give(block); }

void HeapBeginFreezing() {
  if (heap.region.at) Die("Cannot freeze: something lies in the image already", nullptr);
  heap.is_freezing = true;
}

void HeapEndFreezing() {
  heap.is_freezing = false;
  heap.region = {ImageEnd(), kImage.end};
}

}  // namespace engine

// What the host's C++ keeps is frozen with the engine that it belongs to.
void* operator new(size_t size) {
  if (void* block = engine::HeapTake(size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  if (block) engine::HeapGive(block);
}
void operator delete(void* block, size_t) noexcept { operator delete(block); }
