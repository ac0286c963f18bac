#include "text.h"

#include <cstdint>
#include <string>

#include "arguments.h"
#include "calls.h"

namespace cnibox {

namespace {

struct Sequence {
  size_t length;  // bytes that belong together: a character, or what one U+FFFD stands for
  bool valid;
};

// The first sequence of `bytes`, which is not empty. An invalid one ends before the first byte that
// cannot continue it ("maximal subpart", Unicode 3.9; the decoder of the WHATWG Encoding standard).
Sequence First(std::string_view bytes) {
  auto at = [&](size_t index) { return static_cast<uint8_t>(bytes[index]); };
  uint8_t lead = at(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {1, false};
  size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte is narrowed to exclude overlong forms, surrogates and what is above U+10FFFF.
  uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < length; i++) {
    if (i == bytes.size() || at(i) < low || at(i) > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {length, true};
}

}  // namespace

Napi::String NewText(Napi::Env env, std::string_view bytes) {
  std::string repaired;
  size_t copied = 0;
  for (size_t i = 0; i < bytes.size();) {
    Sequence sequence = First(bytes.substr(i));
    if (!sequence.valid) {
      repaired.append(bytes, copied, i - copied).append("\xef\xbf\xbd");
      copied = i + sequence.length;
    }
    i += sequence.length;
  }
  if (copied == 0) return Napi::String::New(env, bytes.data(), bytes.size());
  repaired.append(bytes, copied);
  return Napi::String::New(env, repaired);
}

Napi::Value EncodeUtf8(const Arguments& args) {
  if (!args[0].IsString()) args.Refuse("text", "a string");
  std::string text = args[0].As<Napi::String>().Utf8Value();
  return NewBytes(args.Env(), text.data(), text.size());
}

Napi::Value DecodeUtf8(const Arguments& args) {
  Bytes bytes = args.Data(0, "data");
  return NewText(args.Env(), {reinterpret_cast<const char*>(bytes.data), bytes.size});
}

}  // namespace cnibox
