#include "freeze.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fatal.h"
#include "heap.h"

// The linker's names for the ends of the section.
extern "C" char __start_frozen[], __stop_frozen[];

namespace engine {

namespace {

ENGINE_FROZEN Roots roots = {};
ENGINE_FROZEN bool is_frozen = false;

}  // namespace

Roots* Thaw() { return is_frozen ? &roots : nullptr; }

void Freeze(const Roots& started, const char* path) {
  dprintf(STDOUT_FILENO, "%zu\n", HeapEndFreezing());
  roots = started;
  is_frozen = true;
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  for (const char* at = __start_frozen; at < __stop_frozen;) {
    ssize_t written = fd < 0 ? -1 : write(fd, at, __stop_frozen - at);
    if (written <= 0) Die("Cannot freeze: the image cannot be written", nullptr);
    at += written;
  }
  _exit(0);
}

}  // namespace engine
