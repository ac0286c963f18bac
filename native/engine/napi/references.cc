// What native code hangs on objects (wrapped pointers, finalizers), references, externals.
//
// An attachment is the native side of a small object under a private key; the engine frees that
// with the object it hangs on, and its finalizer is how we learn that the object is gone. The
// engine may be inside its collector then, where JavaScript must not run: finalizers are queued.
#include "../freeze.h"
#include "env.h"

namespace engine {

ENGINE_FROZEN JSClassID attachment_class;
ENGINE_FROZEN JSClassID external_class;

namespace {

void Link(napi_ref reference, Attachment* attachment) {
  reference->attachment = attachment;
  reference->previous = nullptr;
  reference->next = attachment->weak_references;
  if (reference->next) reference->next->previous = reference;
  attachment->weak_references = reference;
}

void Unlink(napi_ref reference) {
  if (!reference->attachment) return;
  if (reference->next) reference->next->previous = reference->previous;
  if (reference->previous) {
    reference->previous->next = reference->next;
  } else {
    reference->attachment->weak_references = reference->next;
  }
  reference->attachment = nullptr;
}

void FinalizeAttachment(JSRuntime* runtime, JSValue holder) {
  auto* attachment = static_cast<Attachment*>(JS_GetOpaque(holder, attachment_class));
  if (!attachment) return;
  while (napi_ref reference = attachment->weak_references) {
    Unlink(reference);
    reference->value = JS_UNDEFINED;
  }
  napi_env env = EnvOf(runtime);
  if (attachment->wraps) env->Later(attachment->wrapped);
  for (const Finalizer& finalizer : attachment->finalizers) env->Later(finalizer);
  delete attachment;
}

void FinalizeExternal(JSRuntime* runtime, JSValue value) {
  auto* external = static_cast<Finalizer*>(JS_GetOpaque(value, external_class));
  if (!external) return;
  EnvOf(runtime)->Later(*external);
  delete external;
}

// Lets go of the object, but keeps the reference usable for as long as the object lives.
napi_status Weaken(napi_env env, napi_ref reference) {
  JSValue value = reference->value;
  if (JS_IsObject(value)) {
    Attachment* attachment = env->Attach(value);
    if (!attachment) return env->Catch();
    Link(reference, attachment);
  } else {
    reference->value = JS_UNDEFINED;  // a symbol: nothing can hang on it
  }
  return env->Set(napi_ok);
}

}  // namespace

void DefineAttachmentClass(JSRuntime* runtime) {
  static const JSClassDef definition = {"Attachment", FinalizeAttachment, nullptr, nullptr,
                                        nullptr};
  JS_NewClassID(&attachment_class);
  JS_NewClass(runtime, attachment_class, &definition);
}

void DefineExternalClass(JSRuntime* runtime) {
  static const JSClassDef definition = {"External", FinalizeExternal, nullptr, nullptr, nullptr};
  JS_NewClassID(&external_class);
  JS_NewClass(runtime, external_class, &definition);
}

}  // namespace engine

engine::Attachment* napi_env__::Find(JSValueConst object) const {
  JSValueConst holder = ext_get_private(object, attachment_key);
  return static_cast<engine::Attachment*>(JS_GetOpaque(holder, engine::attachment_class));
}

engine::Attachment* napi_env__::Attach(JSValueConst object) {
  if (engine::Attachment* found = Find(object)) return found;
  JSValue holder = JS_NewObjectProtoClass(context, JS_NULL, engine::attachment_class);
  if (JS_IsException(holder)) return nullptr;
  auto* attachment = new engine::Attachment;
  JS_SetOpaque(holder, attachment);
  return ext_set_private(context, object, attachment_key, holder) < 0 ? nullptr : attachment;
}

napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count,
                                  napi_ref* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  JSValueConst target = env->Get(value);
  // Not of primitives: callers rely on the refusal to wrap what they want to keep.
  REQUIRE(JS_IsObject(target) || JS_IsSymbol(target), napi_invalid_arg);
  auto* reference = new napi_ref__{target, count, nullptr, nullptr, nullptr};
  if (count > 0) {
    JS_DupValue(env->context, target);
  } else if (engine::Weaken(env, reference) != napi_ok) {
    delete reference;
    return napi_pending_exception;
  }
  *result = reference;
  return env->Set(napi_ok);
}

napi_status napi_delete_reference(napi_env env, napi_ref reference) {
  REQUIRE_ARG(reference);
  engine::Unlink(reference);
  JSValue value = reference->count > 0 ? reference->value : JS_UNDEFINED;
  delete reference;
  JS_FreeValue(env->context, value);
  return env->Set(napi_ok);
}

napi_status napi_reference_ref(napi_env env, napi_ref reference, uint32_t* result) {
  REQUIRE_ARG(reference);
  if (reference->count == 0) {
    // The object of a weak reference may be gone: the count stays 0 then, as it does in Node.
    if (JS_IsUndefined(reference->value)) {
      if (result) *result = 0;
      return env->Set(napi_ok);
    }
    engine::Unlink(reference);
    JS_DupValue(env->context, reference->value);
  }
  reference->count++;
  if (result) *result = reference->count;
  return env->Set(napi_ok);
}

napi_status napi_reference_unref(napi_env env, napi_ref reference, uint32_t* result) {
  REQUIRE_ARG(reference);
  REQUIRE(reference->count > 0, napi_generic_failure);
  if (reference->count == 1) {
    JSValue owned = reference->value;
    napi_status status = engine::Weaken(env, reference);
    if (status != napi_ok) return status;
    reference->count = 0;
    JS_FreeValue(env->context, owned);
  } else {
    reference->count--;
  }
  if (result) *result = reference->count;
  return env->Set(napi_ok);
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  REQUIRE_ARG(reference);
  REQUIRE_ARG(result);
  *result = JS_IsUndefined(reference->value)
                ? nullptr
                : env->Hold(JS_DupValue(env->context, reference->value));
  return env->Set(napi_ok);
}

napi_status napi_wrap(napi_env env, napi_value object, void* native, napi_finalize finalize,
                      void* hint, napi_ref* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(object);
  REQUIRE(JS_IsObject(env->Get(object)), napi_invalid_arg);
  engine::Attachment* attachment = env->Attach(env->Get(object));
  if (!attachment) return env->Catch();
  REQUIRE(!attachment->wraps, napi_invalid_arg);
  attachment->wraps = true;
  attachment->wrapped = {finalize, native, hint};
  return result ? napi_create_reference(env, object, 0, result) : env->Set(napi_ok);
}

static napi_status Unwrap(napi_env env, napi_value object, void** result, bool remove) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(object);
  REQUIRE(JS_IsObject(env->Get(object)), napi_invalid_arg);
  engine::Attachment* attachment = env->Find(env->Get(object));
  REQUIRE(attachment && attachment->wraps, napi_invalid_arg);
  if (result) *result = attachment->wrapped.data;
  if (remove) attachment->wraps = false;
  return env->Set(napi_ok);
}

napi_status napi_unwrap(napi_env env, napi_value object, void** result) {
  REQUIRE_ARG(result);
  return Unwrap(env, object, result, false);
}

napi_status napi_remove_wrap(napi_env env, napi_value object, void** result) {
  return Unwrap(env, object, result, true);
}

napi_status napi_add_finalizer(napi_env env, napi_value object, void* data,
                               napi_finalize finalize, void* hint, napi_ref* result) {
  REQUIRE_ARG(object);
  REQUIRE_ARG(finalize);
  REQUIRE(JS_IsObject(env->Get(object)), napi_invalid_arg);
  engine::Attachment* attachment = env->Attach(env->Get(object));
  if (!attachment) return env->Catch();
  attachment->finalizers.push_back({finalize, data, hint});
  return result ? napi_create_reference(env, object, 0, result) : env->Set(napi_ok);
}

napi_status napi_create_external(napi_env env, void* data, napi_finalize finalize, void* hint,
                                 napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(result);
  JSValue value = JS_NewObjectProtoClass(env->context, JS_NULL, engine::external_class);
  if (JS_IsException(value)) return env->Catch();
  JS_SetOpaque(value, new engine::Finalizer{finalize, data, hint});
  return env->Return(value, result);
}

napi_status napi_get_value_external(napi_env env, napi_value value, void** result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  auto* external =
      static_cast<engine::Finalizer*>(JS_GetOpaque(env->Get(value), engine::external_class));
  REQUIRE(external, napi_invalid_arg);
  *result = external->data;
  return env->Set(napi_ok);
}
