// Time and chance.

#include <sys/random.h>
#include <time.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

Napi::Value Clock(const Arguments& args) {
  clockid_t id = args.Integer<int>(0, "id");
  timespec now;
  Try("clock_gettime", [&] { return clock_gettime(id, &now); });
  return Napi::Number::New(args.Env(), static_cast<double>(now.tv_sec) + now.tv_nsec / 1e9);
}

Napi::Value Random(const Arguments& args) {
  uint8_t bytes[256];  // up to here getrandom(2) promises to be neither short nor interrupted
  size_t length = args.Range(0, "length", 0, sizeof bytes);
  Try("getrandom", [&] { return getrandom(bytes, length, 0); });
  return NewBytes(args.Env(), bytes, length);
}

}  // namespace cnibox
