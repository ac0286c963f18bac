// What a file is, what holds it, and when it changed.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

namespace {

Napi::Value NewStat(Napi::Env env, const struct stat& stat) {
  Napi::Object object = Napi::Object::New(env);
  auto set = [&](const char* name, double value) {
    object.Set(name, Napi::Number::New(env, value));
  };
  set("dev", static_cast<double>(stat.st_dev));
  set("ino", static_cast<double>(stat.st_ino));
  set("mode", stat.st_mode);
  set("nlink", static_cast<double>(stat.st_nlink));
  set("uid", stat.st_uid);
  set("gid", stat.st_gid);
  set("rdev", static_cast<double>(stat.st_rdev));
  set("size", static_cast<double>(stat.st_size));
  set("mtime", static_cast<double>(stat.st_mtim.tv_sec) + stat.st_mtim.tv_nsec / 1e9);
  return object;
}

}  // namespace

Napi::Value Stat(const Arguments& args) {
  std::string path = args.Text(0, "path");
  struct stat result;
  int found =
      TryFile("stat", path, args.Switch(1), [&] { return stat(path.c_str(), &result); });
  return found == -1 ? args.Env().Null() : NewStat(args.Env(), result);
}

Napi::Value Lstat(const Arguments& args) {
  std::string path = args.Text(0, "path");
  struct stat result;
  int found =
      TryFile("lstat", path, args.Switch(1), [&] { return lstat(path.c_str(), &result); });
  return found == -1 ? args.Env().Null() : NewStat(args.Env(), result);
}

Napi::Value Fstat(const Arguments& args) {
  int fd = args.Descriptor(0);
  struct stat result;
  Try("fstat", [&] { return fstat(fd, &result); });
  return NewStat(args.Env(), result);
}

Napi::Value Statfs(const Arguments& args) {
  std::string path = args.Text(0, "path");
  struct statfs result;
  Try("statfs", path, [&] { return statfs(path.c_str(), &result); });
  // The field is signed on some architectures, the magic numbers are not.
  return Napi::Number::New(args.Env(), static_cast<uint32_t>(result.f_type));
}

Napi::Value Utimes(const Arguments& args) {
  std::string path = args.Text(0, "path");
  timespec time = args.Time(1, "time");
  const timespec times[] = {time, time};
  Try("utimensat", path, [&] { return utimensat(AT_FDCWD, path.c_str(), times, 0); });
  return args.Env().Undefined();
}

}  // namespace cnibox
