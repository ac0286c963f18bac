// What the engine's main() tells the addon. Node has its own argument vector: there, nobody calls this.
#pragma once

namespace cnibox {

/// Keeps the argument vector for argv(). The strings must live as long as the process.
void SetArguments(int argc, char** argv);

}  // namespace cnibox
