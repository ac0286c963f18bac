// Node-API on QuickJS: what its parts share.
//
// A napi_value is an index (plus one) into a stack of values; a handle scope is a height of that
// stack, and the whole of it is popped when a native callback returns. So a handle costs no
// allocation, and none dangles when the stack grows.
//
// A thrown value is kept in the environment until the callback that caused it has returned; until
// then every function that could run JavaScript answers napi_pending_exception.
#ifndef CNIBOX_ENGINE_NAPI_ENV_H_
#define CNIBOX_ENGINE_NAPI_ENV_H_

#include <node_api.h>

#include <memory>
#include <vector>

#include "../quickjs_ext.h"

namespace engine {

// A native function to call once the engine is in a state where JavaScript may run.
struct Finalizer {
  napi_finalize call;
  void* data;
  void* hint;
};

// A class made by napi_define_class. Its methods are only for objects that it constructed.
struct Class {
  napi_callback construct;
  void* data;
};

// What native code has hung on an object; it goes when the object does.
struct Attachment {
  const Class* constructed_by = nullptr;
  bool wraps = false;
  Finalizer wrapped = {};
  std::vector<Finalizer> finalizers;
  napi_ref weak_references = nullptr;  // head of a list
};

// The arguments of one call from JavaScript.
struct Call {
  JSValueConst receiver;
  JSValueConst new_target;
  int argc;
  JSValueConst* argv;
  void* data;
};

}  // namespace engine

struct napi_ref__ {
  JSValue value;  // owned while count > 0; else borrowed, and undefined once the object is gone
  uint32_t count;
  engine::Attachment* attachment;  // the list that holds this reference while it is weak
  napi_ref previous;
  napi_ref next;
};

struct napi_deferred__ {
  JSValue functions[2];  // resolve, reject
};

struct napi_env__ {
  explicit napi_env__(JSContext* context);
  ~napi_env__();

  // Puts a value (taken over) on the handle stack.
  napi_value Hold(JSValue value);
  // The value of a handle, borrowed.
  JSValueConst Get(napi_value handle) const {
    return handles[reinterpret_cast<size_t>(handle) - 1];
  }
  size_t Height() const { return handles.size(); }
  void PopTo(size_t height);

  napi_status Set(napi_status status) {
    last_error.error_code = status;
    return status;
  }
  napi_status Throw(JSValue value);
  // Moves the engine's exception here: for the moment when an engine function has failed.
  napi_status Catch() { return Throw(JS_GetException(context)); }
  // Answers with a value that an engine function gave, or with what it threw.
  napi_status Return(JSValue value, napi_value* result);

  // Runs a native callback; its result, or the exception that it left, goes to the engine.
  JSValue Invoke(napi_callback callback, engine::Call* call);

  // The attachment of an object; made if there is none. Null: thrown, in the engine.
  engine::Attachment* Attach(JSValueConst object);
  engine::Attachment* Find(JSValueConst object) const;

  void Later(const engine::Finalizer& finalizer) {
    if (finalizer.call) finalizers.push_back(finalizer);
  }
  void RunFinalizers();

  JSContext* const context;
  std::vector<JSValue> handles;
  JSValue exception = JS_UNDEFINED;
  bool pending = false;
  napi_extended_error_info last_error = {};
  int depth = 0;  // native callbacks that are running
  std::vector<engine::Finalizer> finalizers;
  std::vector<std::unique_ptr<engine::Class>> classes;
  JSAtom attachment_key;
  engine::Finalizer instance_data = {};
};

namespace engine {

// The classes of objects that carry native data.
extern JSClassID attachment_class;
extern JSClassID external_class;
extern JSClassID function_class;

inline napi_env EnvOf(JSRuntime* runtime) {
  return static_cast<napi_env>(JS_GetRuntimeOpaque(runtime));
}
inline napi_env EnvOf(JSContext* context) { return EnvOf(JS_GetRuntime(context)); }

// The name of a property: UTF-8, NAPI_AUTO_LENGTH allowed. JS_ATOM_NULL: thrown, in the engine.
JSAtom NewKey(JSContext* context, const char* name, size_t length);
// A string of UTF-8 bytes; what is not UTF-8 becomes U+FFFD, as in the WHATWG decoder.
JSValue NewString(JSContext* context, const char* text, size_t length);

void DefineExternalClass(JSRuntime* runtime);
void DefineFunctionClass(JSRuntime* runtime);
void DefineAttachmentClass(JSRuntime* runtime);

// A function that calls `callback`; only for objects that `only_for` constructed, unless null.
JSValue NewFunction(napi_env env, JSAtom name, napi_callback callback, void* data,
                    const Class* only_for);
// Defines what a descriptor says on `object`. 0: it refuses; -1: thrown, in the engine.
int DefineProperty(napi_env env, JSValueConst object, const napi_property_descriptor& property,
                   const Class* only_for);

}  // namespace engine

// For every function: refuses a null argument, or a value of the wrong kind.
#define REQUIRE(condition, status)                \
  do {                                            \
    if (!(condition)) return env->Set(status);    \
  } while (0)
#define REQUIRE_ARG(argument) REQUIRE((argument) != nullptr, napi_invalid_arg)
// For those that may run JavaScript.
#define REQUIRE_NO_EXCEPTION() REQUIRE(!env->pending, napi_pending_exception)

#endif  // CNIBOX_ENGINE_NAPI_ENV_H_
