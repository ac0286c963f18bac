#include "image.h"

#include <sys/mman.h>

#include <cstdint>

#include "fatal.h"

namespace engine {

namespace {

constexpr size_t kStep = 8;  // sizes and addresses are multiples; nothing here needs more alignment
constexpr size_t kBytes = 3 << 20;
constexpr size_t kSmall = 64;  // steps

struct Free {
  Free* next;
};

// What is untouched of it costs nothing.
alignas(16) char memory[kBytes];

// Where a block begins: how many steps it has.
uint16_t* steps_of = nullptr;

Free* lists[kSmall + 1];  // by steps
Free* larger = nullptr;
Span rest = {};  // of a larger block that small ones are cut from
char* end = memory;

// Apart from the executable's own memory, whose file would have zeros in its place.
uint16_t* NewSteps() {
  constexpr size_t size = kBytes / kStep * sizeof *steps_of;
  void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) Die("Cannot freeze: no memory", nullptr);
  return static_cast<uint16_t*>(mapped);
}

uint16_t& StepsOf(const void* block) {
  if (!steps_of) steps_of = NewSteps();
  return steps_of[(static_cast<const char*>(block) - memory) / kStep];
}

// Cuts a block from what has room for it.
void* Cut(char*& from, size_t steps) {
  void* block = from;
  from += steps * kStep;
  StepsOf(block) = steps;
  return block;
}

void* CutFromEnd(size_t steps) {
  size_t left = (memory + kBytes - end) / kStep;
  return steps <= left && steps <= UINT16_MAX ? Cut(end, steps) : nullptr;
}

// Keeps what is left of a larger block for what is as small.
void LeaveRest() {
  if (rest.begin == rest.end) return;
  ImageGive(Cut(rest.begin, (rest.end - rest.begin) / kStep));
}

void* TakeSmall(size_t steps) {
  if (Free* freed = lists[steps]) {
    lists[steps] = freed->next;
    return freed;
  }
  while (rest.begin + steps * kStep > rest.end) {
    LeaveRest();
    if (!larger) return CutFromEnd(steps);
    char* begin = reinterpret_cast<char*>(larger);
    rest = {begin, begin + ImageSize(larger)};
    larger = larger->next;
  }
  return Cut(rest.begin, steps);
}

void* TakeLarger(size_t steps) {
  for (Free** at = &larger; *at; at = &(*at)->next) {
    Free* found = *at;
    size_t has = StepsOf(found);
    if (has < steps || has > steps + steps / 2) continue;
    *at = found->next;
    return found;
  }
  return CutFromEnd(steps);
}

}  // namespace

const Span kImage = {memory, memory + kBytes};

void* ImageTake(size_t size) {
  size_t steps = size ? (size + kStep - 1) / kStep : 1;
  return steps <= kSmall ? TakeSmall(steps) : TakeLarger(steps);
}

void ImageGive(void* block) {
  size_t steps = StepsOf(block);
  Free*& list = steps <= kSmall ? lists[steps] : larger;
  auto* freed = static_cast<Free*>(block);
  freed->next = list;
  list = freed;
}

size_t ImageSize(const void* block) { return StepsOf(block) * kStep; }

char* ImageEnd() { return end; }

}  // namespace engine
