// What is done with a file descriptor.

#include <memory>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"
#include "netns.h"

namespace cnibox {

namespace {

constexpr int64_t kLargest = (int64_t{1} << 53) - 1;  // Number.MAX_SAFE_INTEGER

}  // namespace

Napi::Value Open(const Arguments& args) {
  std::string path = args.Text(0, "path");
  uint32_t flags = args.Flags(1, "flags");
  mode_t mode = args.Has(2) ? args.Flags(2, "mode") : 0;
  int netns = args.Netns(3);
  bool may_be_absent = args.Switch(4);
  int fd = [&] {
    InNetns inside(netns);
    return TryFile("open", path, may_be_absent,
                   [&] { return open(path.c_str(), flags | O_CLOEXEC, mode); });
  }();
  if (fd == -1) return args.Env().Null();
  return Napi::Number::New(args.Env(), fd);
}

Napi::Value Close(const Arguments& args) {
  // Linux frees the descriptor before anything can interrupt: after EINTR it is closed, and a
  // second try could close what another thread has opened under the same number.
  if (close(args.Descriptor(0)) == -1 && errno != EINTR) Fail("close");
  return args.Env().Undefined();
}

Napi::Value Read(const Arguments& args) {
  int fd = args.Descriptor(0);
  size_t length = args.Range(1, "length", 0, INT32_MAX);
  std::unique_ptr<uint8_t[]> buffer(new uint8_t[length]);
  ssize_t size = Try("read", [&] { return read(fd, buffer.get(), length); });
  return NewBytes(args.Env(), buffer.get(), size);
}

Napi::Value Write(const Arguments& args) {
  int fd = args.Descriptor(0);
  Bytes data = args.Data(1, "data");
  ssize_t size = Try("write", [&] { return write(fd, data.data, data.size); });
  return Napi::Number::New(args.Env(), static_cast<double>(size));
}

Napi::Value Fsync(const Arguments& args) {
  int fd = args.Descriptor(0);
  Try("fsync", [&] { return fsync(fd); });
  return args.Env().Undefined();
}

Napi::Value Ftruncate(const Arguments& args) {
  int fd = args.Descriptor(0);
  off_t length = args.Range(1, "length", 0, kLargest);
  Try("ftruncate", [&] { return ftruncate(fd, length); });
  return args.Env().Undefined();
}

Napi::Value Fchmod(const Arguments& args) {
  int fd = args.Descriptor(0);
  mode_t mode = args.Flags(1, "mode");
  Try("fchmod", [&] { return fchmod(fd, mode); });
  return args.Env().Undefined();
}

Napi::Value Fchown(const Arguments& args) {
  int fd = args.Descriptor(0);
  uid_t uid = args.Flags(1, "uid");  // -1 leaves it as it is, as in C
  gid_t gid = args.Flags(2, "gid");
  Try("fchown", [&] { return fchown(fd, uid, gid); });
  return args.Env().Undefined();
}

Napi::Value Flock(const Arguments& args) {
  int fd = args.Descriptor(0);
  int operation = args.Integer<int>(1, "operation");
  Try("flock", [&] { return flock(fd, operation); });
  return args.Env().Undefined();
}

Napi::Value Pipe(const Arguments& args) {
  int ends[2];
  Try("pipe2", [&] { return pipe2(ends, O_CLOEXEC); });
  return NewPair(args.Env(), ends);
}

}  // namespace cnibox
