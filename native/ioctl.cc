#include <cstring>

#include <sys/ioctl.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

Napi::Value Ioctl(const Arguments& args) {
  int fd = args.Descriptor(0);
  unsigned long request = args.Flags(1, "request");
  if (args[2].IsNumber()) {
    unsigned long value = args.Flags(2, "data");
    Try("ioctl", [&] { return ioctl(fd, request, value); });
    return NewBytes(args.Env(), nullptr, 0);
  }
  Bytes data = args.Data(2, "data");
  Napi::Uint8Array result = NewBytes(args.Env(), data.data, data.size);
  Try("ioctl", [&] { return ioctl(fd, request, result.Data()); });
  return result;
}

}  // namespace cnibox
