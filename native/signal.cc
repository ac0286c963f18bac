// Signals as something to read.

#include <csignal>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

namespace {

// Not a signalfd(2): that needs the signals blocked in every thread, and Node has some of its own.
volatile sig_atomic_t signal_pipe = -1;

void Pass(int signal) {
  int error = errno;
  auto byte = static_cast<unsigned char>(signal);
  // A pipe that is full says already that there is something to read.
  [[maybe_unused]] ssize_t written = write(signal_pipe, &byte, 1);
  errno = error;
}

}  // namespace

Napi::Value CatchSignals(const Arguments& args) {
  std::vector<int> signals;
  args.Each(0, "signals", [&](Napi::Value value, const char* name) {
    signals.push_back(static_cast<int>(args.Whole(value, name, 1, SIGRTMAX)));
  });
  int ends[2];
  Try("pipe2", [&] { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); });
  int before = signal_pipe;
  signal_pipe = ends[1];
  if (before != -1) close(before);
  struct sigaction action = {};
  action.sa_handler = Pass;
  for (int signal : signals) {
    Try("sigaction", [&] { return sigaction(signal, &action, nullptr); });
  }
  return Napi::Number::New(args.Env(), ends[0]);
}

}  // namespace cnibox
