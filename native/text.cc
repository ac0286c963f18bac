#include "text.h"

#include <string>

#include "arguments.h"
#include "calls.h"

namespace cnibox {

Napi::String NewText(Napi::Env env, std::string_view bytes) {
  return Napi::String::New(env, bytes.data(), bytes.size());
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
