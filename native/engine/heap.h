// The engine's heap: small blocks by size, cut from arenas; large ones from the C library.
#ifndef CNIBOX_ENGINE_HEAP_H_
#define CNIBOX_ENGINE_HEAP_H_

#include <cstddef>

struct JSMallocFunctions;

namespace engine {

// What QuickJS allocates with. The C++ of the host does, too.
extern const JSMallocFunctions kHeap;

// From now on all memory comes from inside the executable's image, until it is full.
void HeapBeginFreezing();
// The end of that. Says how many bytes of the image's memory are used.
size_t HeapEndFreezing();

}  // namespace engine

#endif  // CNIBOX_ENGINE_HEAP_H_
