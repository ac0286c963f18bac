#include "fatal.h"

#include <errno.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>

namespace engine {

namespace {

// Writes through a buffer of its own: memory may be what has run out.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  ~Output() { Flush(); }

  void Put(char c) {
    if (used_ == sizeof buffer_) Flush();
    buffer_[used_++] = c;
  }
  void Put(const char* text) {
    while (*text) Put(*text++);
  }

  // A stack that has overflowed has thousands of lines, all alike.
  void PutLines(const char* text, int most) {
    for (int lines = 0; *text && lines < most; text++) {
      Put(*text);
      lines += *text == '\n';
    }
    if (*text) Put("    ...\n");
  }

  // The inside of a JSON string. The same characters are escaped as in every other output.
  void PutEscaped(const char* text) {
    const auto* p = reinterpret_cast<const unsigned char*>(text);
    for (; *p; p++) {
      switch (*p) {
        case '"': Put("\\\""); break;
        case '\\': Put("\\\\"); break;
        case '\n': Put("\\n"); break;
        case '\r': Put("\\r"); break;
        case '\t': Put("\\t"); break;
        default:
          if (*p < 0x20 || *p == '<' || *p == '>' || *p == '&') {
            PutUnit(*p);
          } else if (*p == 0xED && p[1] >= 0xA0 && p[2]) {
            Put("\xEF\xBF\xBD");  // a lone surrogate: not UTF-8
            p += 2;
          } else if (*p == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9)) {
            PutUnit(0x2000 | (p[2] - 0x80));
            p += 2;
          } else {
            Put(static_cast<char>(*p));
          }
      }
    }
  }

 private:
  void PutUnit(unsigned unit) {
    static const char digits[] = "0123456789abcdef";
    Put("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) Put(digits[unit >> shift & 15]);
  }

  void Flush() {
    size_t done = 0;
    while (done < used_) {
      ssize_t n = write(fd_, buffer_ + done, used_ - done);
      if (n < 0 && errno != EINTR) break;  // nobody is left to tell
      if (n > 0) done += static_cast<size_t>(n);
    }
    used_ = 0;
  }

  int fd_;
  size_t used_ = 0;
  char buffer_[1024];
};

// A property of a thrown value as text; null where it has none or asking for it throws.
const char* TextOf(JSContext* context, JSValueConst thrown, const char* property) {
  JSValue value = property ? JS_GetPropertyStr(context, thrown, property)
                           : JS_DupValue(context, thrown);
  const char* text = nullptr;
  if (!JS_IsException(value) && !(property && JS_IsUndefined(value)))
    text = JS_ToCString(context, value);
  JS_FreeValue(context, value);
  JS_FreeValue(context, JS_GetException(context));
  return text;
}

[[noreturn]] void Terminate() {
  try {
    if (std::current_exception()) throw;
  } catch (const std::exception& error) {
    Die(error.what(), nullptr);
  } catch (...) {
  }
  Die("unknown C++ exception", nullptr);
}

}  // namespace

void Die(const char* message, const char* stack) {
  {
    Output out(STDOUT_FILENO);
    out.Put("{\n    \"code\": 999,\n    \"msg\": \"");
    out.PutEscaped(message);
    out.Put("\"\n}");
    Output err(STDERR_FILENO);
    err.Put(message);
    err.Put('\n');
    if (stack) err.PutLines(stack, 30);
  }
  _exit(1);
}

void DieOfException(JSContext* context, JSValueConst thrown) {
  // The engine throws null when there is no memory left even for an Error.
  if (JS_IsNull(thrown)) Die("out of memory", nullptr);
  const char* message = TextOf(context, thrown, nullptr);
  const char* stack = JS_IsObject(thrown) ? TextOf(context, thrown, "stack") : nullptr;
  Die(message ? message : "an exception that has no text", stack);
}

void InstallTerminateHandler() { std::set_terminate(Terminate); }

}  // namespace engine

// For the engine's own C code: quickjs_ext.c.
extern "C" [[noreturn]] void engine_die(const char* message) { engine::Die(message, nullptr); }
