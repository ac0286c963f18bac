// The engine's heap: small blocks by size, cut from arenas; large ones from the C library.
#ifndef CNIBOX_ENGINE_HEAP_H_
#define CNIBOX_ENGINE_HEAP_H_

#include <cstddef>

struct JSMallocFunctions;

namespace engine {

// What QuickJS allocates with. The C++ of the host does, too.
extern const JSMallocFunctions kHeap;

// A block of this heap, as for `new`; null: no memory.
void* HeapTake(size_t size);
void HeapGive(void* block);

// From now on all memory comes from inside the executable's image, until that is full.
void HeapBeginFreezing();
// The end of that.
void HeapEndFreezing();

}  // namespace engine

#endif  // CNIBOX_ENGINE_HEAP_H_
