// The way out: printing, ending badly, and the entry of the addon.
#include <unistd.h>

#include <stdexcept>

#include "addon.h"

namespace conformance {

namespace {

std::vector<std::string> arguments;

napi_value Arguments(napi_env env, napi_callback_info) {
  napi_value array;
  napi_create_array(env, &array);
  for (size_t i = 0; i < arguments.size(); i++)
    napi_set_element(env, array, static_cast<uint32_t>(i), String(env, arguments[i]));
  return array;
}

napi_value Print(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string text = Text(env, call[0]) + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) napi_throw_error(env, nullptr, "write");
  return nullptr;
}

napi_value FatalError(napi_env, napi_callback_info) {
  napi_fatal_error("somewhere", NAPI_AUTO_LENGTH, "cannot go on, at all", 12);
}

napi_value CppException(napi_env, napi_callback_info) {
  throw std::runtime_error("a C++ exception");
}

napi_value CppAllocation(napi_env env, napi_callback_info) {
  std::vector<std::string> all;
  for (;;) all.emplace_back(1 << 20, 'x');
  return Undefined(env);
}

}  // namespace

void ExportProcess(napi_env env, napi_value exports) {
  Export(env, exports, "arguments", Arguments);
  Export(env, exports, "print", Print);
  Export(env, exports, "fatalError", FatalError);
  Export(env, exports, "cppException", CppException);
  Export(env, exports, "cppAllocation", CppAllocation);
}

}  // namespace conformance

// The engine's main() calls this, as it does with the real addon.
namespace cnibox {
void SetArguments(int argc, char** argv) { conformance::arguments.assign(argv, argv + argc); }
}  // namespace cnibox

NAPI_MODULE_INIT() {
  conformance::ExportValues(env, exports);
  conformance::ExportObjects(env, exports);
  conformance::ExportFunctions(env, exports);
  conformance::ExportLifetimes(env, exports);
  conformance::ExportBytes(env, exports);
  conformance::ExportWrapped(env, exports);
  conformance::ExportProcess(env, exports);
  if (conformance::ExportCollect) conformance::ExportCollect(env, exports);
  return exports;
}
