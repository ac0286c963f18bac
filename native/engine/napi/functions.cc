// Functions and classes: calls from JavaScript into native code, and back.
#include <string>

#include "../freeze.h"
#include "env.h"

namespace engine {

ENGINE_FROZEN JSClassID function_class;

namespace {

struct Function {
  napi_callback callback;
  void* data;
  const Class* only_for;
};

JSValue CallFunction(JSContext* context, JSValueConst receiver, int argc, JSValueConst* argv,
                     int, JSValue* holder) {
  napi_env env = EnvOf(context);
  auto* function = static_cast<Function*>(JS_GetOpaque(*holder, function_class));
  if (function->only_for) {
    // Native code takes the wrapped pointer on trust, so a foreign receiver must not reach it.
    Attachment* attachment = JS_IsObject(receiver) ? env->Find(receiver) : nullptr;
    if (!attachment || attachment->constructed_by != function->only_for)
      return JS_ThrowTypeError(context, "Illegal invocation");
  }
  Call call = {receiver, JS_UNDEFINED, argc, argv, function->data};
  return env->Invoke(function->callback, &call);
}

// `index` is the class's place in env->classes. Called without `new`, new_target is undefined.
JSValue CallConstructor(JSContext* context, JSValueConst new_target, int argc,
                        JSValueConst* argv, int index) {
  napi_env env = EnvOf(context);
  Class* made = env->classes[index].get();
  JSValue object = JS_UNDEFINED;
  if (!JS_IsUndefined(new_target)) {
    JSValue prototype = JS_GetPropertyStr(context, new_target, "prototype");
    if (JS_IsException(prototype)) return prototype;
    object = JS_IsObject(prototype) ? JS_NewObjectProto(context, prototype)
                                    : JS_NewObject(context);
    JS_FreeValue(context, prototype);
    if (JS_IsException(object)) return object;
    Attachment* attachment = env->Attach(object);
    if (!attachment) {
      JS_FreeValue(context, object);
      return JS_EXCEPTION;
    }
    attachment->constructed_by = made;
  }
  Call call = {object, new_target, argc, argv, made->data};
  JSValue result = env->Invoke(made->construct, &call);
  if (JS_IsException(result) || JS_IsObject(result) || JS_IsUndefined(new_target)) {
    JS_FreeValue(context, object);
    return result;
  }
  JS_FreeValue(context, result);
  return object;
}

}  // namespace

void DefineFunctionClass(JSRuntime* runtime) {
  static const JSClassDef definition = {
      "NativeFunction",
      [](JSRuntime*, JSValue value) {
        delete static_cast<Function*>(JS_GetOpaque(value, function_class));
      },
      nullptr, nullptr, nullptr};
  JS_NewClassID(&function_class);
  JS_NewClass(runtime, function_class, &definition);
}

JSValue NewFunction(napi_env env, JSAtom name, napi_callback callback, void* data,
                    const Class* only_for) {
  JSContext* context = env->context;
  JSValue holder = JS_NewObjectProtoClass(context, JS_NULL, function_class);
  if (JS_IsException(holder)) return holder;
  JS_SetOpaque(holder, new Function{callback, data, only_for});
  JSValue function = JS_NewCFunctionData(context, CallFunction, 0, 0, 1, &holder);
  JS_FreeValue(context, holder);
  if (!JS_IsException(function) &&
      JS_DefinePropertyValueStr(context, function, "name", JS_AtomToString(context, name),
                                JS_PROP_CONFIGURABLE) < 0) {
    JS_FreeValue(context, function);
    return JS_EXCEPTION;
  }
  return function;
}

}  // namespace engine

napi_status napi_create_function(napi_env env, const char* name, size_t length,
                                 napi_callback callback, void* data, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(callback);
  REQUIRE_ARG(result);
  JSContext* context = env->context;
  JSAtom key = engine::NewKey(context, name ? name : "", name ? length : 0);
  if (key == JS_ATOM_NULL) return env->Catch();
  JSValue function = engine::NewFunction(env, key, callback, data, nullptr);
  JS_FreeAtom(context, key);
  return env->Return(function, result);
}

napi_status napi_define_class(napi_env env, const char* name, size_t length,
                              napi_callback constructor, void* data, size_t count,
                              const napi_property_descriptor* properties, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(name);
  REQUIRE_ARG(constructor);
  REQUIRE_ARG(result);
  REQUIRE(properties || count == 0, napi_invalid_arg);
  JSContext* context = env->context;

  auto* made = new engine::Class{constructor, data};
  env->classes.emplace_back(made);
  std::string text = length == NAPI_AUTO_LENGTH ? name : std::string(name, length);
  JSCFunctionType call;
  call.constructor_magic = engine::CallConstructor;
  JSValue function =
      JS_NewCFunction2(context, call.generic, text.c_str(), 0, JS_CFUNC_constructor_or_func_magic,
                       static_cast<int>(env->classes.size() - 1));
  if (JS_IsException(function)) return env->Catch();
  JSValue prototype = JS_NewObject(context);
  bool ok = !JS_IsException(prototype);
  if (ok) JS_SetConstructor(context, function, prototype);
  for (size_t i = 0; ok && i < count; i++) {
    bool is_static = properties[i].attributes & napi_static;
    ok = engine::DefineProperty(env, is_static ? function : prototype, properties[i],
                                is_static ? nullptr : made) >= 0;
  }
  JS_FreeValue(context, prototype);
  if (ok) return env->Return(function, result);
  JS_FreeValue(context, function);
  return env->Catch();
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* argc,
                             napi_value* argv, napi_value* receiver, void** data) {
  REQUIRE_ARG(info);
  auto* call = reinterpret_cast<engine::Call*>(info);
  auto hold = [env](JSValueConst value) { return env->Hold(JS_DupValue(env->context, value)); };
  if (argv) {
    REQUIRE_ARG(argc);
    for (size_t i = 0; i < *argc; i++)
      argv[i] = hold(i < static_cast<size_t>(call->argc) ? call->argv[i] : JS_UNDEFINED);
  }
  if (argc) *argc = static_cast<size_t>(call->argc);
  if (receiver) *receiver = hold(call->receiver);
  if (data) *data = call->data;
  return env->Set(napi_ok);
}

// Null where the call has none, that is without `new`.
napi_status napi_get_new_target(napi_env env, napi_callback_info info, napi_value* result) {
  REQUIRE_ARG(info);
  REQUIRE_ARG(result);
  auto* call = reinterpret_cast<engine::Call*>(info);
  *result = JS_IsUndefined(call->new_target)
                ? nullptr
                : env->Hold(JS_DupValue(env->context, call->new_target));
  return env->Set(napi_ok);
}

static std::vector<JSValueConst> Arguments(napi_env env, size_t argc, const napi_value* argv) {
  std::vector<JSValueConst> values(argc);
  for (size_t i = 0; i < argc; i++) values[i] = env->Get(argv[i]);
  return values;
}

napi_status napi_call_function(napi_env env, napi_value receiver, napi_value function,
                               size_t argc, const napi_value* argv, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(function);
  REQUIRE(argv || argc == 0, napi_invalid_arg);
  REQUIRE(JS_IsFunction(env->context, env->Get(function)), napi_invalid_arg);
  std::vector<JSValueConst> values = Arguments(env, argc, argv);
  JSValue value = JS_Call(env->context, env->Get(function),
                          receiver ? env->Get(receiver) : JS_UNDEFINED,
                          static_cast<int>(argc), values.data());
  if (JS_IsException(value)) return env->Catch();
  if (result) return env->Return(value, result);
  JS_FreeValue(env->context, value);
  return env->Set(napi_ok);
}

napi_status napi_new_instance(napi_env env, napi_value constructor, size_t argc,
                              const napi_value* argv, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(constructor);
  REQUIRE_ARG(result);
  REQUIRE(argv || argc == 0, napi_invalid_arg);
  REQUIRE(JS_IsFunction(env->context, env->Get(constructor)), napi_invalid_arg);
  std::vector<JSValueConst> values = Arguments(env, argc, argv);
  return env->Return(JS_CallConstructor(env->context, env->Get(constructor),
                                        static_cast<int>(argc), values.data()),
                     result);
}

napi_status napi_instanceof(napi_env env, napi_value object, napi_value constructor,
                            bool* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(object);
  REQUIRE_ARG(constructor);
  REQUIRE_ARG(result);
  *result = false;
  if (!JS_IsFunction(env->context, env->Get(constructor))) {
    napi_throw_type_error(env, "ERR_NAPI_CONS_FUNCTION", "Constructor must be a function");
    return env->Set(napi_function_expected);
  }
  int is = JS_IsInstanceOf(env->context, env->Get(object), env->Get(constructor));
  if (is < 0) return env->Catch();
  *result = is;
  return env->Set(napi_ok);
}
