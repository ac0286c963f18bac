// The engine's heap: small blocks by size, cut from arenas; large ones from the C library.
#pragma once

struct JSMallocFunctions;

namespace engine {

extern const JSMallocFunctions kHeap;

}  // namespace engine
