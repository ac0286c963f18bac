// For the engine alone: collect(), which Node has as `gc` with --expose-gc.
#include "../../../native/engine/napi/env.h"
#include "addon.h"

namespace conformance {

static napi_value Collect(napi_env env, napi_callback_info) {
  JS_RunGC(JS_GetRuntime(env->context));
  return nullptr;
}

void ExportCollect(napi_env env, napi_value exports) {
  Export(env, exports, "collect", Collect);
}

}  // namespace conformance
