// The engine executable: QuickJS, the addon, and the bytecode of all TypeScript in one file.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "../host.h"
#include "chunks.h"
#include "fatal.h"
#include "freeze.h"
#include "heap.h"
#include "napi/env.h"
#include "runtime.h"

// The addon's entry; Node finds it by this name as well.
extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace {

using engine::DieOfException;
using engine::Roots;

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

// The bytecode of a module that is going to be frozen is read from here: the executable has no use
// for it afterwards.
const char* modules_directory = nullptr;

const unsigned char* MapModule(const char* name, size_t* size) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s.bytecode", modules_directory, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) != 0) return nullptr;
  void* bytes = mmap(nullptr, about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (bytes == MAP_FAILED) return nullptr;
  *size = about.st_size;
  return static_cast<const unsigned char*>(bytes);
}

JSModuleDef* LoadChunk(JSContext* context, const char* name, void*) {
  const unsigned char* begin = nullptr;
  size_t size = 0;
  if (const Chunk* chunk = FindChunk(name)) {
    begin = chunk->begin;
    size = chunk->end - chunk->begin;
  } else if (modules_directory) {
    begin = MapModule(name, &size);
  }
  if (!begin) {
    JS_ThrowReferenceError(context, "no module '%s' in this executable", name);
    return nullptr;
  }
  JSValue module = JS_ReadObject(context, begin, size, JS_READ_OBJ_BYTECODE);
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
  bool is_there = ext_has_module(context, name) || FindChunk(name);
  JSValue result = is_there ? ext_load_module(context, name) : JS_UNDEFINED;
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

JSValue LoadModule(JSContext* context, const char* name) {
  JSValue module = ext_load_module(context, name);
  if (JS_IsException(module)) DieOfException(context, JS_GetException(context));
  return module;
}

// A started engine that has evaluated the main module.
Roots Start() {
  JSRuntime* runtime = engine::NewRuntime();
  if (!runtime) engine::Die("out of memory", nullptr);
  JS_SetMaxStackSize(runtime, StackSize());
  JS_SetModuleLoaderFunc(runtime, nullptr, LoadChunk, nullptr);
  JS_SetHostPromiseRejectionTracker(runtime, TrackRejection, nullptr);
  JSContext* context = ext_new_context(runtime);
  if (!context) engine::Die("out of memory", nullptr);
  auto* env = new napi_env__(context);
  DefineGlobals(env);
  return {env, LoadModule(context, "main.js")};
}

// A main module that exports `main` is called; it says how to exit. Others have done their work when
// they were evaluated.
int Run(const Roots& roots) {
  JSContext* context = roots.env->context;
  JSValue main = JS_GetPropertyStr(context, roots.main, "main");
  int status = 0;
  if (JS_IsFunction(context, main)) {
    JSValue result = JS_Call(context, main, JS_UNDEFINED, 0, nullptr);
    if (JS_IsException(result)) DieOfException(context, JS_GetException(context));
    JS_ToInt32(context, &status, result);
    JS_FreeValue(context, result);
  }
  JS_FreeValue(context, main);
  RunJobs(context, roots.env);
  return status;
}

// `PROGRAM --freeze IMAGE DIRECTORY MODULE...`: starts, loads the modules, and freezes. Only the build
// calls it so; an executable that is frozen does not know the option.
[[noreturn]] void FreezeWith(char** arguments) {
  engine::HeapBeginFreezing();
  modules_directory = arguments[1];
  Roots roots = Start();
  JSContext* context = roots.env->context;
  for (char** name = arguments + 2; *name; name++) {
    JS_FreeValue(context, LoadModule(context, *name));
  }
  RunJobs(context, roots.env);
  if (ext_settle(context) < 0) DieOfException(context, JS_GetException(context));
  JS_RunGC(JS_GetRuntime(context));
  roots.env->RunFinalizers();
  modules_directory = nullptr;
  engine::Freeze(roots, arguments[0]);
}

}  // namespace

int main(int argc, char** argv) {
  engine::InstallTerminateHandler();
  // As in Node: who reads our output may go away, and a failed ADD must still be undone.
  signal(SIGPIPE, SIG_IGN);

  const Roots* frozen = engine::Thaw();
  if (!frozen && argc > 3 && strcmp(argv[1], "--freeze") == 0) FreezeWith(argv + 2);
  cnibox::SetArguments(argc, argv);
  if (frozen) {
    JSRuntime* runtime = JS_GetRuntime(frozen->env->context);
    JS_UpdateStackTop(runtime);
    JS_SetMaxStackSize(runtime, StackSize());
    engine::Leave(frozen->env, Run(*frozen));
  }
  Roots roots = Start();
  int status = Run(roots);
  JS_FreeValue(roots.env->context, roots.main);
  engine::Leave(roots.env, status);
}
