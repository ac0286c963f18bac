/*
 * What musl has for x86-64 is `rep movsq`, whatever the size, and a processor needs some forty cycles
 * to begin one. The engine copies thousands of times in a call, and seldom more than a few words.
 */
#ifdef __x86_64__
#include <stddef.h>
#include <stdint.h>

#define UNALIGNED __attribute__((aligned(1), may_alias))
typedef uint16_t UNALIGNED Two;
typedef uint32_t UNALIGNED Four;
typedef uint64_t UNALIGNED Eight;
typedef long long __attribute__((vector_size(16))) Vector;
typedef Vector UNALIGNED Sixteen;

/* From here on the processor's own loop is the faster one. */
enum { LONG = 1024 };

/* The first and the last of these, which may overlap; both are read before one is written. */
#define COPY_ENDS(type)                                        \
  do {                                                         \
    type first = *(const type *)from;                          \
    type last = *(const type *)(from + size - sizeof(type));   \
    *(type *)to = first;                                       \
    *(type *)(to + size - sizeof(type)) = last;                \
  } while (0)

static void copy_upwards(char *to, const char *from, size_t size) {
  Sixteen last = *(const Sixteen *)(from + size - 16);
  for (size_t at = 0; at < size - 16; at += 16)
    *(Sixteen *)(to + at) = *(const Sixteen *)(from + at);
  *(Sixteen *)(to + size - 16) = last;
}

static void copy_downwards(char *to, const char *from, size_t size) {
  Sixteen first = *(const Sixteen *)from;
  for (size_t at = size; at > 16; at -= 16)
    *(Sixteen *)(to + at - 16) = *(const Sixteen *)(from + at - 16);
  *(Sixteen *)to = first;
}

void *memmove(void *target, const void *source, size_t size) {
  char *to = target;
  const char *from = source;
  if (size > 16) {
    size_t distance = (uintptr_t)to - (uintptr_t)from;
    if (distance < size) {
      copy_downwards(to, from, size);
    } else if (size < LONG || -distance < size) {
      copy_upwards(to, from, size);
    } else {
      __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    }
  } else if (size >= 8) {
    COPY_ENDS(Eight);
  } else if (size >= 4) {
    COPY_ENDS(Four);
  } else if (size >= 2) {
    COPY_ENDS(Two);
  } else if (size == 1) {
    *to = *from;
  }
  return target;
}

void *memcpy(void *restrict target, const void *restrict source, size_t size)
    __attribute__((alias("memmove")));
#endif
