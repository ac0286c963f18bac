// The environment: the handle stack, scopes, the pending exception, finalizers, instance data.
#include "env.h"

#include <cstring>

#include "../fatal.h"

using engine::Finalizer;

napi_env__::napi_env__(JSContext* context) : context(context) {
  handles.reserve(256);
  JSRuntime* runtime = JS_GetRuntime(context);
  JS_SetRuntimeOpaque(runtime, this);
  engine::DefineAttachmentClass(runtime);
  engine::DefineExternalClass(runtime);
  engine::DefineFunctionClass(runtime);
  attachment_key = ext_new_private_key(context);
}

// The context and the runtime are freed after this; finalizers of what still lives run in
// RunFinalizers, which the host calls in between.
napi_env__::~napi_env__() {
  RunFinalizers();
  if (instance_data.call) instance_data.call(this, instance_data.data, instance_data.hint);
}

napi_value napi_env__::Hold(JSValue value) {
  handles.push_back(value);
  return reinterpret_cast<napi_value>(handles.size());
}

void napi_env__::PopTo(size_t height) {
  while (handles.size() > height) {
    JSValue value = handles.back();
    handles.pop_back();
    JS_FreeValue(context, value);
  }
}

napi_status napi_env__::Throw(JSValue value) {
  exception = value;
  pending = true;
  return Set(napi_pending_exception);
}

napi_status napi_env__::Return(JSValue value, napi_value* result) {
  if (JS_IsException(value)) return Catch();
  *result = Hold(value);
  return Set(napi_ok);
}

JSValue napi_env__::Invoke(napi_callback callback, engine::Call* call) {
  size_t height = Height();
  depth++;
  napi_value handle = callback(this, reinterpret_cast<napi_callback_info>(call));
  JSValue result = handle ? JS_DupValue(context, Get(handle)) : JS_UNDEFINED;
  PopTo(height);
  depth--;

  bool thrown = pending;
  JSValue error = exception;
  pending = false;
  exception = JS_UNDEFINED;
  if (depth == 0) RunFinalizers();
  if (!thrown) return result;
  JS_FreeValue(context, result);
  return JS_Throw(context, error);
}

void napi_env__::RunFinalizers() {
  depth++;  // what a finalizer calls must not start this again
  for (size_t i = 0; i < finalizers.size(); i++) {
    Finalizer finalizer = finalizers[i];
    size_t height = Height();
    finalizer.call(this, finalizer.data, finalizer.hint);
    PopTo(height);
    if (pending) engine::DieOfException(context, exception);
  }
  finalizers.clear();
  depth--;
}

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result) {
  REQUIRE_ARG(result);
  *result = reinterpret_cast<napi_handle_scope>(env->Height() + 1);
  return env->Set(napi_ok);
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  REQUIRE_ARG(scope);
  size_t height = reinterpret_cast<size_t>(scope) - 1;
  REQUIRE(height <= env->Height(), napi_handle_scope_mismatch);
  env->PopTo(height);
  return env->Set(napi_ok);
}

// An escapable scope keeps one slot below its first handle for the value that escapes.
napi_status napi_open_escapable_handle_scope(napi_env env,
                                             napi_escapable_handle_scope* result) {
  REQUIRE_ARG(result);
  *result = reinterpret_cast<napi_escapable_handle_scope>(env->Hold(JS_UNINITIALIZED));
  return env->Set(napi_ok);
}

napi_status napi_close_escapable_handle_scope(napi_env env, napi_escapable_handle_scope scope) {
  REQUIRE_ARG(scope);
  size_t height = reinterpret_cast<size_t>(scope);
  REQUIRE(height <= env->Height(), napi_handle_scope_mismatch);
  env->PopTo(height);
  return env->Set(napi_ok);
}

napi_status napi_escape_handle(napi_env env, napi_escapable_handle_scope scope,
                               napi_value escapee, napi_value* result) {
  REQUIRE_ARG(scope);
  REQUIRE_ARG(escapee);
  REQUIRE_ARG(result);
  JSValue& slot = env->handles[reinterpret_cast<size_t>(scope) - 1];
  REQUIRE(JS_IsUninitialized(slot), napi_escape_called_twice);
  slot = JS_DupValue(env->context, env->Get(escapee));
  *result = reinterpret_cast<napi_value>(scope);
  return env->Set(napi_ok);
}

napi_status napi_set_instance_data(napi_env env, void* data, napi_finalize finalize, void* hint) {
  env->instance_data = {finalize, data, hint};
  return env->Set(napi_ok);
}

napi_status napi_get_instance_data(napi_env env, void** data) {
  REQUIRE_ARG(data);
  *data = env->instance_data.data;
  return env->Set(napi_ok);
}

napi_status napi_get_last_error_info(napi_env env, const napi_extended_error_info** result) {
  static const char* const messages[] = {
      nullptr,
      "Invalid argument",
      "An object was expected",
      "A string was expected",
      "A string or symbol was expected",
      "A function was expected",
      "A number was expected",
      "A boolean was expected",
      "An array was expected",
      "Unknown failure",
      "An exception is pending",
      "The async work item was cancelled",
      "napi_escape_handle already called on scope",
      "Invalid handle scope usage",
      "Invalid callback scope usage",
      "Thread-safe function queue is full",
      "Thread-safe function handle is closing",
      "A bigint was expected",
      "A date was expected",
      "An arraybuffer was expected",
      "A detachable arraybuffer was expected",
      "Main thread would deadlock",
      "External buffers are not allowed",
      "Cannot run JavaScript",
  };
  REQUIRE_ARG(result);
  env->last_error.error_message = messages[env->last_error.error_code];
  *result = &env->last_error;
  return napi_ok;  // reading the last error must not replace it
}

void napi_fatal_error(const char* location, size_t location_length, const char* message,
                      size_t message_length) {
  auto text = [](const char* bytes, size_t length) {
    if (!bytes) return std::string();
    return length == NAPI_AUTO_LENGTH ? std::string(bytes) : std::string(bytes, length);
  };
  engine::Die(text(location, location_length) + ": " + text(message, message_length));
}
