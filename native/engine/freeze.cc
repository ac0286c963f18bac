#include "freeze.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "fatal.h"
#include "heap.h"

// The linker's names for the ends of the section.
extern "C" const char __start_frozen[], __stop_frozen[];

namespace engine {

namespace {

ENGINE_FROZEN Roots roots = {};
ENGINE_FROZEN bool is_frozen = false;

// Nearly every page is written sooner or later, if only to count a reference, and most are read
// before that: two faults. Copied at once they take a third of the time. Linux before 5.14 cannot.
void CopyPages(HeapUse use) {
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE of asm-generic/mman-common.h
  constexpr uintptr_t kPage = 4096;
  uintptr_t begin = reinterpret_cast<uintptr_t>(use.begin) & -kPage;
  madvise(reinterpret_cast<void*>(begin), reinterpret_cast<uintptr_t>(use.end) - begin,
          kPopulateWrite);
}

void Write(int fd, const char* begin, const char* end) {
  while (begin < end) {
    ssize_t written = write(fd, begin, end - begin);
    if (written <= 0) Die("Cannot freeze: the image cannot be written", nullptr);
    begin += written;
  }
}

}  // namespace

Roots* Thaw() {
  if (!is_frozen) return nullptr;
  CopyPages(HeapUsed());
  return &roots;
}

void Freeze(const Roots& started, const char* path) {
  HeapEndFreezing();
  roots = started;
  is_frozen = true;
  HeapUse use = HeapUsed();
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  Write(fd, __start_frozen, __stop_frozen);
  Write(fd, use.begin, use.end);
  dprintf(STDOUT_FILENO, "%zu\n", reinterpret_cast<size_t>(use.begin));
  _exit(0);
}

}  // namespace engine
