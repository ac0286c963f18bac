#include <algorithm>
#include <vector>

#include <poll.h>
#include <time.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

namespace {

int64_t Milliseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

Napi::Value Poll(const Arguments& args) {
  std::vector<int> numbers;
  args.Each(0, "fds", [&](Napi::Value value, const char* name) {
    numbers.push_back(static_cast<int>(args.Whole(value, name, INT32_MIN, INT32_MAX)));
  });
  if (numbers.size() % 2 != 0) args.Refuse("fds", "pairs of descriptor and events");
  int timeout = args.Range(1, "timeout", -1, INT32_MAX);

  std::vector<pollfd> fds;
  for (size_t i = 0; i < numbers.size(); i += 2) {
    fds.push_back({numbers[i], static_cast<short>(numbers[i + 1]), 0});
  }
  int64_t end = timeout > 0 ? Milliseconds() + timeout : 0;
  // After a signal only what is left of the time is waited for.
  while (poll(fds.data(), fds.size(), timeout) == -1) {
    if (errno != EINTR) Fail("poll");
    if (timeout > 0) timeout = std::max<int64_t>(0, end - Milliseconds());
  }

  Napi::Array revents = Napi::Array::New(args.Env(), fds.size());
  for (uint32_t i = 0; i < fds.size(); i++) {
    revents.Set(i, Napi::Number::New(args.Env(), fds[i].revents));
  }
  return revents;
}

}  // namespace cnibox
