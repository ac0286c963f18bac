// UTF-8 between the kernel, which knows bytes only, and JavaScript.
#pragma once

#include <string_view>

#include <napi.h>

namespace cnibox {

/// The JavaScript string of UTF-8 bytes; each invalid sequence becomes U+FFFD (WHATWG Encoding), as
/// both hosts have it.
Napi::String NewText(Napi::Env env, std::string_view bytes);

}  // namespace cnibox
