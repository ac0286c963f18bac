// A program that wakes up with everything loaded.
//
// To start the engine and to load the modules that nearly every call needs takes longer than most
// calls do. It is therefore done once, when the executable is built: the executable runs as far as
// that, and writes the memory that it has filled into its own file, from where the kernel maps it
// whenever the program is started.
//
// That works since the program is static and not relocated (every pointer stays right), since all
// that the engine and the host keep is allocated from one array (image.h), and since what they keep
// outside of it is marked ENGINE_FROZEN. The C library's memory is left alone. What is frozen stays for
// good: see immortal.h.
#ifndef CNIBOX_ENGINE_FREEZE_H_
#define CNIBOX_ENGINE_FREEZE_H_

#include "napi/env.h"

// Variables that are part of the frozen state. The section's name is known to src/_tools/freeze.ts.
#define ENGINE_FROZEN __attribute__((section("frozen")))

namespace engine {

// Where a started engine is found again.
struct Roots {
  napi_env env;
  JSValue main;  // the module that is run
};

// The roots of the frozen engine; null in an executable that is not frozen.
Roots* Thaw();

// Writes the frozen section and then the heap to `path`, with these roots, and the heap's address
// to standard output.
[[noreturn]] void Freeze(const Roots& roots, const char* path);

}  // namespace engine

#endif  // CNIBOX_ENGINE_FREEZE_H_
