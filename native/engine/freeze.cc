#include "freeze.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fatal.h"
#include "heap.h"
#include "image.h"

// The linker's names for the ends of the section.
extern "C" const char __start_frozen[], __stop_frozen[];

ENGINE_FROZEN const char* frozen_end = nullptr;

namespace engine {

namespace {

ENGINE_FROZEN Roots roots = {};

void Write(int fd, const char* begin, const char* end) {
  while (begin < end) {
    ssize_t written = write(fd, begin, end - begin);
    if (written <= 0) Die("Cannot freeze: the image cannot be written", nullptr);
    begin += written;
  }
}

}  // namespace

Roots* Thaw() { return frozen_end ? &roots : nullptr; }

void Freeze(const Roots& started, const char* path) {
  HeapEndFreezing();
  roots = started;
  frozen_end = ImageEnd();
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  Write(fd, __start_frozen, __stop_frozen);
  Write(fd, kImage.begin, frozen_end);
  dprintf(STDOUT_FILENO, "%zu\n", reinterpret_cast<size_t>(kImage.begin));
  _exit(0);
}

}  // namespace engine
