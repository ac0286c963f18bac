// How the engine is started and left: plain.cc for the executable that is shipped, sanitize.cc for
// the one that looks for memory errors.
#ifndef CNIBOX_ENGINE_RUNTIME_H_
#define CNIBOX_ENGINE_RUNTIME_H_

#include "napi/env.h"

namespace engine {

// Null: no memory.
JSRuntime* NewRuntime();

// Ends the process after a normal run.
[[noreturn]] void Leave(napi_env env, int status);

}  // namespace engine

#endif  // CNIBOX_ENGINE_RUNTIME_H_
