// The export table of the addon, and the trampoline that every call goes through.

#include <exception>
#include <string>

#include <napi.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

namespace {

struct Export {
  const char* name;
  Function function;
};

const Export kExports[] = {
    {"argv", Argv},
    {"environ", Environ},
    {"executable", Executable},
    {"getpid", Getpid},
    {"exit", Exit},

    {"open", Open},
    {"close", Close},
    {"read", Read},
    {"write", Write},
    {"fsync", Fsync},
    {"ftruncate", Ftruncate},
    {"fchmod", Fchmod},
    {"fchown", Fchown},
    {"rename", Rename},
    {"link", Link},
    {"symlink", Symlink},
    {"readlink", Readlink},
    {"realpath", Realpath},
    {"unlink", Unlink},
    {"mkdir", Mkdir},
    {"rmdir", Rmdir},
    {"utimes", Utimes},
    {"readdir", Readdir},
    {"stat", Stat},
    {"lstat", Lstat},
    {"fstat", Fstat},
    {"statfs", Statfs},
    {"flock", Flock},

    {"unshareNetns", UnshareNetns},
    {"mount", Mount},
    {"umount", Umount},

    {"socket", Socket},
    {"bind", Bind},
    {"connect", Connect},
    {"listen", Listen},
    {"accept", Accept},
    {"getsockname", Getsockname},
    {"setsockopt", Setsockopt},
    {"getsockopt", Getsockopt},
    {"attachFilter", AttachFilter},
    {"shutdown", Shutdown},
    {"socketpair", Socketpair},
    {"send", Send},
    {"recv", Recv},
    {"sendDescriptors", SendDescriptors},
    {"ioctl", Ioctl},
    {"poll", Poll},

    {"pipe", Pipe},
    {"spawn", Spawn},
    {"waitpid", Waitpid},
    {"kill", Kill},
    {"setsid", Setsid},
    {"catchSignals", CatchSignals},

    {"clock", Clock},
    {"random", Random},
    {"digest", Digest},
    {"encodeUtf8", EncodeUtf8},
    {"decodeUtf8", DecodeUtf8},
};

// No C++ exception may pass the frames of a JavaScript engine: what is not yet a Napi::Error, which
// node-addon-api hands over to JavaScript, becomes one here.
Napi::Value Call(const Napi::CallbackInfo& info) {
  const Export& entry = *static_cast<const Export*>(info.Data());
  try {
    return entry.function(Arguments(info, entry.name));
  } catch (const SystemFailure& failure) {
    ThrowFailure(info.Env(), failure);
    return {};
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), std::string("Cannot ") + entry.name + ": " + error.what());
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  for (const Export& entry : kExports) {
    void* data = const_cast<Export*>(&entry);
    exports.Set(entry.name, Napi::Function::New<Call>(env, entry.name, data));
  }
  exports.Set("constants", Constants(env));
  return exports;
}

}  // namespace

}  // namespace cnibox

using cnibox::Init;  // the macro wants a plain name
NODE_API_MODULE(cnibox, Init)
