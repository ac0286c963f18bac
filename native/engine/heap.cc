#include "heap.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "freeze.h"
#include "runtime.h"

namespace engine {

namespace {

// A program that ends after some milliseconds spends a sixth of them in the C library's allocator,
// which is made to return memory and to share it between threads. Here a block is cut from an
// arena; freed, it waits in the list of its size for the next of that size. Huge blocks are few,
// and are malloc's, except while freezing: then all memory comes from the image.
constexpr size_t kStep = 8;  // sizes and addresses are multiples; nothing here needs more alignment
constexpr size_t kSmall = 512;
constexpr size_t kHuge = 256 << 10;
constexpr size_t kArena = 64 << 10;
constexpr size_t kArenaInImage = 4 << 10;
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

constexpr size_t Steps(size_t size) { return (size + sizeof(Header) + kStep - 1) / kStep; }

// Blocks that are neither small nor huge come in four sizes for each doubling.
struct Class {
  size_t index;
  size_t steps;
};
constexpr Class ClassOf(size_t steps) {
  unsigned doublings = 63 - __builtin_clzll(steps - 1);
  unsigned shift = doublings - 2;  // to a quarter of the doubling
  size_t quarters = ((steps - 1) >> shift) + 1;  // 5 to 8
  return {doublings * 4 + quarters - 5, quarters << shift};
}
constexpr size_t kFirstClass = ClassOf(Steps(kSmall) + 1).index;
constexpr size_t kClasses = ClassOf(Steps(kHuge)).index - kFirstClass + 1;

// The first region: what is frozen lies here, and most calls need no other. What is untouched of it
// costs nothing.
alignas(16) char memory[3 * kRegion];

struct Heap {
  Free* lists[Steps(kSmall) + 1];
  Free* classes[kClasses];
  Free* spare;  // freed blocks that have none of the sizes above, as frozen ones may
  Arena arena;  // small blocks are cut from it,
  Arena region;  // and all others from this
  bool is_freezing;
};
ENGINE_FROZEN Heap heap = {{}, {}, nullptr, {}, {memory, memory + sizeof memory}, false};

Header* HeaderOf(void* block) { return static_cast<Header*>(block) - 1; }

void* NewBlock(char* start, size_t steps) {
  if (!start) return nullptr;
  auto* header = reinterpret_cast<Header*>(start);
  header->steps = steps;
  return header + 1;
}

char* TakeOfRegion(size_t size) {
  if (heap.region.left() < size) {
    if (heap.is_freezing) return nullptr;
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* mapped = mmap(nullptr, kRegion, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto* start = static_cast<char*>(mapped);
    heap.region = {start, start + kRegion};
  }
  return heap.region.Take(size);
}

bool AddArena() {
  if (Free* spare = heap.spare) {
    heap.spare = spare->next;
    char* start = reinterpret_cast<char*>(HeaderOf(spare));
    heap.arena = {start, start + HeaderOf(spare)->steps * kStep};
    return true;
  }
  size_t size = heap.is_freezing ? kArenaInImage : kArena;
  char* start = TakeOfRegion(size);
  if (start) heap.arena = {start, start + size};
  return start != nullptr;
}

void* Small(size_t steps) {
  if (Free* freed = heap.lists[steps]) {
    heap.lists[steps] = freed->next;
    return freed;
  }
  while (heap.arena.left() < steps * kStep) {
    if (!AddArena()) return nullptr;
  }
  return NewBlock(heap.arena.Take(steps * kStep), steps);
}

// Exact in size: what is frozen is part of the file.
void* LargeInImage(size_t steps) {
  for (Free** at = &heap.spare; *at; at = &(*at)->next) {
    Free* found = *at;
    size_t has = HeaderOf(found)->steps;
    if (has < steps || has > steps + steps / 2) continue;
    *at = found->next;
    return found;
  }
  return NewBlock(TakeOfRegion(steps * kStep), steps);
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
  size_t steps = Steps(size);
  if (size <= kSmall) return Small(steps);
  if (heap.is_freezing) return LargeInImage(steps);
  if (size <= kHuge) return Large(steps);
  return NewBlock(static_cast<char*>(malloc(size + sizeof(Header))), 0);
}

// Where a block of this size waits to be used again.
Free*& ListOf(size_t steps) {
  if (steps <= Steps(kSmall)) return heap.lists[steps];
  Class its = ClassOf(steps);
  size_t index = its.index - kFirstClass;
  bool has_class = !heap.is_freezing && its.steps == steps && index < kClasses;
  return has_class ? heap.classes[index] : heap.spare;
}

void Give(void* block) {
  if (IS_FROZEN(block)) return;  // what came to lie there would be taken for immortal
  size_t steps = HeaderOf(block)->steps;
  if (steps == 0) return free(HeaderOf(block));
  Free*& list = ListOf(steps);
  auto* freed = static_cast<Free*>(block);
  freed->next = list;
  list = freed;
}

size_t Usable(const void* block) {
  if (!block) return 0;
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

void* Resize(JSMallocState* state, void* block, size_t size) {
  if (!block) return size == 0 ? nullptr : Allocate(state, size);
  if (size == 0) {
    Release(state, block);
    return nullptr;
  }
  size_t before = Usable(block);
  bool is_huge = HeaderOf(block)->steps == 0;
  if (!is_huge && size <= before) return block;
  if (is_huge && size > kHuge) {
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

void HeapBeginFreezing() { heap.is_freezing = true; }

// What is free inside of the image stays so, as above.
void HeapEndFreezing() { heap = {{}, {}, nullptr, {}, heap.region, false}; }

HeapUse HeapUsed() { return {memory, heap.region.at}; }

}  // namespace engine

// What the host's C++ keeps is frozen with the engine that it belongs to.
void* operator new(size_t size) {
  if (void* block = engine::Take(size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  if (block) engine::Give(block);
}
void operator delete(void* block, size_t) noexcept { operator delete(block); }
