// The memory that is frozen (freeze.h), and how it is filled when the executable is built.
//
// Its blocks have no headers: nothing of it is freed later, and a fifteenth of the executable would be
// headers. Until it is frozen, the sizes of blocks are kept beside it.
#ifndef CNIBOX_ENGINE_IMAGE_H_
#define CNIBOX_ENGINE_IMAGE_H_

#include <cstddef>

namespace engine {

struct Span {
  char* begin;
  char* end;
};

// Lies in the executable, which has all of it in its file up to where it has been filled.
extern const Span kImage;

// A block of `size` bytes; null: the image is full.
void* ImageTake(size_t size);
// The block can be had again.
void ImageGive(void* block);
// Bytes in a block.
size_t ImageSize(const void* block);
// What is filled: from the beginning of the image to here.
char* ImageEnd();

}  // namespace engine

#endif  // CNIBOX_ENGINE_IMAGE_H_
