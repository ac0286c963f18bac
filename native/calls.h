// The functions of the addon, by topic. What each does is said once, in src/sys/addon.ts.
#pragma once

#include <napi.h>

#include "arguments.h"

namespace cnibox {

using Function = Napi::Value (*)(const Arguments& args);

// file.cc
Napi::Value Open(const Arguments& args);
Napi::Value Close(const Arguments& args);
Napi::Value Read(const Arguments& args);
Napi::Value Write(const Arguments& args);
Napi::Value Fsync(const Arguments& args);
Napi::Value Ftruncate(const Arguments& args);
Napi::Value Fchmod(const Arguments& args);
Napi::Value Fchown(const Arguments& args);
Napi::Value Flock(const Arguments& args);
Napi::Value Pipe(const Arguments& args);

// path.cc
Napi::Value Rename(const Arguments& args);
Napi::Value Link(const Arguments& args);
Napi::Value Symlink(const Arguments& args);
Napi::Value Readlink(const Arguments& args);
Napi::Value Realpath(const Arguments& args);
Napi::Value Unlink(const Arguments& args);
Napi::Value Mkdir(const Arguments& args);
Napi::Value Rmdir(const Arguments& args);
Napi::Value Readdir(const Arguments& args);
Napi::Value Mount(const Arguments& args);
Napi::Value Umount(const Arguments& args);

// stat.cc
Napi::Value Stat(const Arguments& args);
Napi::Value Lstat(const Arguments& args);
Napi::Value Fstat(const Arguments& args);
Napi::Value Statfs(const Arguments& args);
Napi::Value Utimes(const Arguments& args);

// netns.cc
Napi::Value UnshareNetns(const Arguments& args);

// socket.cc
Napi::Value Socket(const Arguments& args);
Napi::Value Bind(const Arguments& args);
Napi::Value Connect(const Arguments& args);
Napi::Value Listen(const Arguments& args);
Napi::Value Accept(const Arguments& args);
Napi::Value Getsockname(const Arguments& args);
Napi::Value Setsockopt(const Arguments& args);
Napi::Value Getsockopt(const Arguments& args);
Napi::Value AttachFilter(const Arguments& args);
Napi::Value Shutdown(const Arguments& args);
Napi::Value Socketpair(const Arguments& args);

// datagram.cc
Napi::Value Send(const Arguments& args);
Napi::Value Recv(const Arguments& args);
Napi::Value SendDescriptors(const Arguments& args);

// ioctl.cc
Napi::Value Ioctl(const Arguments& args);

// poll.cc
Napi::Value Poll(const Arguments& args);

// process.cc
Napi::Value Argv(const Arguments& args);
Napi::Value Environ(const Arguments& args);
Napi::Value Executable(const Arguments& args);
Napi::Value Getpid(const Arguments& args);
Napi::Value Exit(const Arguments& args);
Napi::Value Waitpid(const Arguments& args);
Napi::Value Kill(const Arguments& args);
Napi::Value Setsid(const Arguments& args);

// signal.cc
Napi::Value CatchSignals(const Arguments& args);

// spawn.cc
Napi::Value Spawn(const Arguments& args);

// time.cc
Napi::Value Clock(const Arguments& args);
Napi::Value Random(const Arguments& args);

// text.cc
Napi::Value EncodeUtf8(const Arguments& args);
Napi::Value DecodeUtf8(const Arguments& args);

// digest.cc
Napi::Value Digest(const Arguments& args);

// constants.cc
Napi::Object Constants(Napi::Env env);

}  // namespace cnibox
