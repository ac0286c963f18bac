// Strings. The engine keeps them in 8 or 16 bits a unit; native code sees UTF-8.
#include <cstring>
#include <string>

#include "env.h"

namespace engine {

namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// How many bytes from `text` on are one well-formed character; 0 if they are not. `*skip` is then
// how many of them one U+FFFD stands for: the longest start of a character that is there.
size_t Character(const unsigned char* text, size_t length, size_t* skip) {
  unsigned char lead = text[0];
  if (lead < 0x80) return 1;
  *skip = 1;
  size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  // The second byte's range keeps out overlong forms, surrogates and what is above U+10FFFF.
  unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < size; i++) {
    if (i >= length || text[i] < low || text[i] > high) {
      *skip = i;
      return 0;
    }
    low = 0x80;
    high = 0xBF;
  }
  return size;
}

}  // namespace

JSValue NewString(JSContext* context, const char* text, size_t length) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text);
  std::string repaired;
  size_t copied = 0;  // up to here the text is in `repaired`, once there is anything to repair
  for (size_t at = 0; at < length;) {
    size_t skip = 0;
    size_t size = Character(bytes + at, length - at, &skip);
    if (size == 0) {
      repaired.append(text + copied, at - copied).append(kReplacement);
      copied = at + skip;
      size = skip;
    }
    at += size;
  }
  if (copied == 0) return JS_NewStringLen(context, text, length);
  repaired.append(text + copied, length - copied);
  return JS_NewStringLen(context, repaired.data(), repaired.size());
}

JSAtom NewKey(JSContext* context, const char* name, size_t length) {
  return JS_NewAtomLen(context, name, length == NAPI_AUTO_LENGTH ? strlen(name) : length);
}

}  // namespace engine

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length,
                                    napi_value* result) {
  REQUIRE_ARG(result);
  REQUIRE(text || length == 0, napi_invalid_arg);
  REQUIRE(length == NAPI_AUTO_LENGTH || length <= INT32_MAX, napi_invalid_arg);
  if (length == NAPI_AUTO_LENGTH) length = strlen(text);
  return env->Return(engine::NewString(env->context, text ? text : "", length), result);
}

// A lone surrogate comes as three bytes from the engine, and U+FFFD has as many.
static void ReplaceSurrogates(char* text, size_t length) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text);
  for (size_t i = 0; i + 2 < length; i++)
    if (bytes[i] == 0xED && bytes[i + 1] >= 0xA0) memcpy(text + i, engine::kReplacement, 3);
}

napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t size,
                                       size_t* result) {
  REQUIRE_ARG(value);
  REQUIRE(JS_IsString(env->Get(value)), napi_string_expected);
  REQUIRE(buffer || result, napi_invalid_arg);
  size_t length;
  const char* text = JS_ToCStringLen(env->context, &length, env->Get(value));
  if (!text) return env->Catch();
  if (buffer && size > 0) {
    if (length >= size) {
      length = size - 1;  // room for the NUL; then back to where a character begins
      while (length > 0 && (text[length] & 0xC0) == 0x80) length--;
    }
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    ReplaceSurrogates(buffer, length);
  } else if (buffer) {
    length = 0;
  }
  JS_FreeCString(env->context, text);
  if (result) *result = length;
  return env->Set(napi_ok);
}
