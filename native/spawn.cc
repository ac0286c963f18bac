// The start of another program.

#include <csignal>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"
#include "netns.h"

namespace cnibox {

namespace {

// Strings as execve wants them: pointers, with a null at the end.
class Vector {
 public:
  void Add(std::string text) { texts_.push_back(std::move(text)); }

  char** Pointers() {
    pointers_.clear();
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
    return pointers_.data();
  }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

// What the child does before execve: standard descriptors in place, all others closed.
class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() {
    posix_spawn_file_actions_destroy(&actions_);
    for (int copy : copies_) close(copy);
  }

  // The descriptor is first copied out of the way of the standard ones: put in place one by one,
  // they would overwrite each other if, say, the input is to be our 1 and the output our 0.
  void Place(int fd, int standard) {
    int copy = Try("fcntl", [&] { return fcntl(fd, F_DUPFD_CLOEXEC, 3); });
    copies_.push_back(copy);
    posix_spawn_file_actions_adddup2(&actions_, copy, standard);
  }

  // Ours close themselves, but not what we inherited from who started us.
  void CloseOthers() { posix_spawn_file_actions_addclosefrom_np(&actions_, 3); }

  const posix_spawn_file_actions_t* Get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
  std::vector<int> copies_;
};

// No signal is blocked in the child, and SIGPIPE ends it, whatever the host has set.
class Attributes {
 public:
  Attributes() {
    sigset_t signals;
    posix_spawnattr_init(&attributes_);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }

  const posix_spawnattr_t* Get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

Napi::Value Spawn(const Arguments& args) {
  std::string path = args.Text(0, "path");
  Vector argv;
  args.Each(1, "argv", [&](Napi::Value value, const char* name) {
    argv.Add(args.Text(value, name, "execve"));
  });
  Vector environment;
  if (args[2].Type() != napi_object) args.Refuse("environ", "an object");
  Napi::Object variables = args[2].As<Napi::Object>();
  Napi::Array names = variables.GetPropertyNames();
  for (uint32_t i = 0, count = names.Length(); i < count; i++) {
    Napi::Value name = names.Get(i);
    environment.Add(args.Text(name, "environ", "execve") + "=" +
                    args.Text(variables.Get(name), "environ", "execve"));
  }
  std::vector<int> stdio;
  args.Each(3, "stdio", [&](Napi::Value value, const char* name) {
    stdio.push_back(static_cast<int>(args.Whole(value, name, 0, INT32_MAX)));
  });
  if (stdio.size() != 3) args.Refuse("stdio", "three descriptors");
  int netns = args.Netns(4);

  FileActions actions;
  for (int i = 0; i < 3; i++) actions.Place(stdio[i], i);
  actions.CloseOthers();
  Attributes attributes;
  // posix_spawn shares the memory with the child until execve (as vfork does), so it is as cheap
  // from a large process, and it knows what execve said.
  pid_t pid = 0;
  int error = 0;
  {
    InNetns inside(netns);
    error = posix_spawn(&pid, path.c_str(), actions.Get(), attributes.Get(), argv.Pointers(),
                        environment.Pointers());
  }
  if (error != 0) throw SystemFailure{error, "execve", path, {}};
  return Napi::Number::New(args.Env(), pid);
}

}  // namespace cnibox
