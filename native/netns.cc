#include "netns.h"

#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

namespace {

// "thread-self": on Node the calling thread need not be the one that "self" stands for.
constexpr char kOwnNetns[] = "/proc/thread-self/ns/net";

int OpenOwnNetns() {
  return Try("open", kOwnNetns, [] { return open(kOwnNetns, O_RDONLY | O_CLOEXEC); });
}

// Leaves for a namespace with `leave` and comes back when destroyed. The own namespace is opened
// anew each time: a descriptor kept from earlier could be that of another thread, or one from
// before somebody else moved this thread.
template <typename Leave>
int OpenOwnAndLeave(Leave leave) {
  int own = OpenOwnNetns();
  try {
    leave();
  } catch (...) {
    close(own);
    throw;
  }
  return own;
}

void Return(int own) {
  if (setns(own, CLONE_NEWNET) == -1) {
    const char* reason = strerrordesc_np(errno);
    std::string text = "cnibox: cannot return to the own network namespace: ";
    text.append(reason ? reason : "unknown error").append("\n");
    // A failure to say so must not keep us from ending.
    [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    std::abort();
  }
  close(own);
}

}  // namespace

InNetns::InNetns(int netns) {
  if (netns == -1) return;
  own_ = OpenOwnAndLeave([&] { Try("setns", [&] { return setns(netns, CLONE_NEWNET); }); });
}

InNetns::~InNetns() {
  if (own_ != -1) Return(own_);
}

Napi::Value UnshareNetns(const Arguments& args) {
  int own = OpenOwnAndLeave([] { Try("unshare", [] { return unshare(CLONE_NEWNET); }); });
  int fresh = open(kOwnNetns, O_RDONLY | O_CLOEXEC);
  int error = errno;
  Return(own);
  if (fresh == -1) throw SystemFailure{error, "open", kOwnNetns, {}};
  return Napi::Number::New(args.Env(), fresh);
}

}  // namespace cnibox
