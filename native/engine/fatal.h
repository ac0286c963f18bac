// The last words: a program that cannot go on still answers as a plugin must, with one JSON
// object on the standard output, and exit status 1.
#ifndef CNIBOX_ENGINE_FATAL_H_
#define CNIBOX_ENGINE_FATAL_H_

#include <string>

#include "quickjs.h"

namespace engine {

// Also prints `stack` (may be null) for the developer, on the standard error.
[[noreturn]] void Die(const char* message, const char* stack);
[[noreturn]] inline void Die(const std::string& message) { Die(message.c_str(), nullptr); }

// For a thrown value (borrowed) that nobody has caught.
[[noreturn]] void DieOfException(JSContext* context, JSValueConst thrown);

// From here on an uncaught C++ exception ends in Die as well.
void InstallTerminateHandler();

}  // namespace engine

#endif  // CNIBOX_ENGINE_FATAL_H_
