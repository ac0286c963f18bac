// The engine executable: QuickJS, the addon, and the bytecode of all TypeScript in one file.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "../host.h"
#include "chunks.h"
#include "fatal.h"
#include "napi/env.h"
#include "runtime.h"

// The addon's entry; Node finds it by this name as well.
extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace {

using engine::DieOfException;

// Promises that were rejected while nobody listened, with the reason. As in Node, one that is
// still here when all jobs are done ends the program.
std::vector<std::pair<JSValue, JSValue>> unhandled;

void TrackRejection(JSContext* context, JSValueConst promise, JSValueConst reason,
                    JS_BOOL is_handled, void*) {
  if (!is_handled) {
    unhandled.emplace_back(JS_DupValue(context, promise), JS_DupValue(context, reason));
    return;
  }
  for (auto entry = unhandled.begin(); entry != unhandled.end(); ++entry) {
    if (!ext_strict_equals(context, entry->first, promise)) continue;
    JS_FreeValue(context, entry->first);
    JS_FreeValue(context, entry->second);
    unhandled.erase(entry);
    return;
  }
}

// Deep recursion must end in an exception before the kernel ends it with a signal.
size_t StackSize() {
  constexpr size_t wanted = 4 << 20;
  rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  return std::min<size_t>(wanted, limit.rlim_cur / 2);
}

const Chunk* FindChunk(const char* name) {
  for (const Chunk* chunk = kChunks; chunk->name; chunk++)
    if (strcmp(chunk->name, name) == 0) return chunk;
  return nullptr;
}

JSModuleDef* LoadChunk(JSContext* context, const char* name, void*) {
  const Chunk* chunk = FindChunk(name);
  if (!chunk) {
    JS_ThrowReferenceError(context, "no module '%s' in this executable", name);
    return nullptr;
  }
  JSValue module = JS_ReadObject(context, chunk->begin, chunk->end - chunk->begin,
                                 JS_READ_OBJ_BYTECODE);
  if (JS_IsException(module)) return nullptr;
  auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
  JS_FreeValue(context, module);  // the context keeps its modules
  return definition;
}

// __cniboxLoad(name): the namespace of a module, loaded and evaluated at once; undefined where
// the executable has none of that name.
JSValue Load(JSContext* context, JSValueConst, int, JSValueConst* argv) {
  const char* name = JS_ToCString(context, argv[0]);
  if (!name) return JS_EXCEPTION;
  JSValue result = FindChunk(name) ? ext_load_module(context, name) : JS_UNDEFINED;
  JS_FreeCString(context, name);
  return result;
}

// What the TypeScript finds as globals beside the language: the addon and the loader.
void DefineGlobals(napi_env env) {
  JSContext* context = env->context;
  napi_value exports = env->Hold(JS_NewObject(context));
  if (napi_value other = napi_register_module_v1(env, exports)) exports = other;
  if (env->pending) DieOfException(context, env->exception);
  JSValue global = JS_GetGlobalObject(context);
  JS_SetPropertyStr(context, global, "__cniboxAddon", JS_DupValue(context, env->Get(exports)));
  JS_SetPropertyStr(context, global, "__cniboxLoad",
                    JS_NewCFunction(context, Load, "__cniboxLoad", 1));
  JS_FreeValue(context, global);
  env->PopTo(0);
}

void RunJobs(JSContext* context, napi_env env) {
  JSContext* failed;
  int ran;
  while ((ran = JS_ExecutePendingJob(JS_GetRuntime(context), &failed)) > 0) env->RunFinalizers();
  if (ran < 0) DieOfException(failed, JS_GetException(failed));
  if (!unhandled.empty()) DieOfException(context, unhandled.front().second);
}

}  // namespace

int main(int argc, char** argv) {
  engine::InstallTerminateHandler();
  // As in Node: who reads our output may go away, and a failed ADD must still be undone.
  signal(SIGPIPE, SIG_IGN);
  cnibox::SetArguments(argc, argv);

  JSRuntime* runtime = engine::NewRuntime();
  if (!runtime) engine::Die("out of memory", nullptr);
  JS_SetMaxStackSize(runtime, StackSize());
  JS_SetModuleLoaderFunc(runtime, nullptr, LoadChunk, nullptr);
  JS_SetHostPromiseRejectionTracker(runtime, TrackRejection, nullptr);
  JSContext* context = ext_new_context(runtime);
  if (!context) engine::Die("out of memory", nullptr);

  auto* env = new napi_env__(context);
  DefineGlobals(env);
  JSValue module = ext_load_module(context, "main.js");
  if (JS_IsException(module)) DieOfException(context, JS_GetException(context));
  JS_FreeValue(context, module);
  RunJobs(context, env);
  engine::Leave(env, 0);
}
