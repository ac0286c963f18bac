// What is done with a path.

#include <climits>
#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"
#include "text.h"

namespace cnibox {

namespace {

// A call about two files: the error names both.
template <typename Call>
Napi::Value Two(const Arguments& args, const char* syscall, const char* first, const char* second,
                Call call) {
  std::string from = args.Text(0, first);
  std::string to = args.Text(1, second);
  while (call(from.c_str(), to.c_str()) == -1) {
    if (errno != EINTR) Fail(syscall, from, to);
  }
  return args.Env().Undefined();
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};

}  // namespace

Napi::Value Rename(const Arguments& args) { return Two(args, "rename", "from", "to", rename); }

Napi::Value Link(const Arguments& args) { return Two(args, "link", "from", "to", link); }

Napi::Value Symlink(const Arguments& args) {
  return Two(args, "symlink", "target", "path", symlink);
}

Napi::Value Readlink(const Arguments& args) {
  std::string path = args.Text(0, "path");
  char target[PATH_MAX];  // the kernel makes none that is longer
  ssize_t size = TryFile("readlink", path, args.Switch(1),
                         [&] { return readlink(path.c_str(), target, sizeof target); });
  if (size == -1) return args.Env().Null();
  return NewText(args.Env(), {target, static_cast<size_t>(size)});
}

Napi::Value Realpath(const Arguments& args) {
  std::string path = args.Text(0, "path");
  std::unique_ptr<char, Free> real(realpath(path.c_str(), nullptr));
  if (!real) Fail("realpath", path);
  return NewText(args.Env(), real.get());
}

Napi::Value Unlink(const Arguments& args) {
  std::string path = args.Text(0, "path");
  Try("unlink", path, [&] { return unlink(path.c_str()); });
  return args.Env().Undefined();
}

Napi::Value Mkdir(const Arguments& args) {
  std::string path = args.Text(0, "path");
  mode_t mode = args.Flags(1, "mode");
  Try("mkdir", path, [&] { return mkdir(path.c_str(), mode); });
  return args.Env().Undefined();
}

Napi::Value Rmdir(const Arguments& args) {
  std::string path = args.Text(0, "path");
  Try("rmdir", path, [&] { return rmdir(path.c_str()); });
  return args.Env().Undefined();
}

Napi::Value Readdir(const Arguments& args) {
  std::string path = args.Text(0, "path");
  std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  if (!directory) Fail("open", path);
  Napi::Array names = Napi::Array::New(args.Env());
  uint32_t count = 0;
  for (;;) {
    errno = 0;  // the only way to tell the end from a failure
    const dirent* entry = readdir(directory.get());
    if (!entry) break;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.Set(count++, NewText(args.Env(), name));
  }
  if (errno != 0) Fail("getdents64", path);
  return names;
}

Napi::Value Mount(const Arguments& args) {
  auto optional = [&](size_t index, const char* name) {
    return args[index].IsNull() ? std::string() : args.Text(index, name);
  };
  std::string source = optional(0, "source");
  std::string target = args.Text(1, "target");
  std::string type = optional(2, "type");
  uint32_t flags = args.Flags(3, "flags");
  const char* from = args[0].IsNull() ? nullptr : source.c_str();
  const char* kind = args[2].IsNull() ? nullptr : type.c_str();
  Try("mount", target, [&] { return mount(from, target.c_str(), kind, flags, nullptr); });
  return args.Env().Undefined();
}

Napi::Value Umount(const Arguments& args) {
  std::string target = args.Text(0, "target");
  uint32_t flags = args.Flags(1, "flags");
  Try("umount2", target, [&] { return umount2(target.c_str(), flags); });
  return args.Env().Undefined();
}

}  // namespace cnibox
