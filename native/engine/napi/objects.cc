// Objects and arrays: their properties and elements.
#include "env.h"

// Native code may ask for a property of anything but undefined and null, as JavaScript may. As in
// Node, the status says so, and an exception is pending as well.
#define REQUIRE_OBJECT(object)                                                         \
  do {                                                                                 \
    REQUIRE_ARG(object);                                                               \
    if (JS_IsUndefined(env->Get(object)) || JS_IsNull(env->Get(object))) {             \
      napi_throw_type_error(env, nullptr, "Cannot convert undefined or null to object"); \
      return env->Set(napi_object_expected);                                           \
    }                                                                                  \
  } while (0)

namespace {

// Frees the atom on return.
struct Key {
  Key(JSContext* context, JSAtom atom) : context(context), atom(atom) {}
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { JS_FreeAtom(context, atom); }
  JSContext* context;
  JSAtom atom;
};

napi_status Set(napi_env env, napi_value object, JSAtom key, napi_value value) {
  JSContext* context = env->context;
  JSValue taken = JS_DupValue(context, env->Get(value));
  if (JS_SetProperty(context, env->Get(object), key, taken) < 0) return env->Catch();
  return env->Set(napi_ok);
}

napi_status Has(napi_env env, napi_value object, JSAtom key, bool* result) {
  int has = JS_HasProperty(env->context, env->Get(object), key);
  if (has < 0) return env->Catch();
  *result = has;
  return env->Set(napi_ok);
}

}  // namespace

napi_status napi_get_global(napi_env env, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_GetGlobalObject(env->context), result);
}

napi_status napi_create_object(napi_env env, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewObject(env->context), result);
}

napi_status napi_create_array(napi_env env, napi_value* result) {
  REQUIRE_ARG(result);
  return env->Return(JS_NewArray(env->context), result);
}

napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  REQUIRE_ARG(result);
  JSContext* context = env->context;
  JSValue array = JS_NewArray(context);
  if (!JS_IsException(array) &&
      JS_SetPropertyStr(context, array, "length", JS_NewInt64(context, length)) < 0) {
    JS_FreeValue(context, array);
    return env->Catch();
  }
  return env->Return(array, result);
}

napi_status napi_is_array(napi_env env, napi_value value, bool* result) {
  REQUIRE_ARG(value);
  REQUIRE_ARG(result);
  *result = JS_IsArray(env->context, env->Get(value)) > 0;
  return env->Set(napi_ok);
}

napi_status napi_get_array_length(napi_env env, napi_value array, uint32_t* result) {
  REQUIRE_ARG(array);
  REQUIRE_ARG(result);
  JSContext* context = env->context;
  REQUIRE(JS_IsArray(context, env->Get(array)) > 0, napi_array_expected);
  JSValue length = JS_GetPropertyStr(context, env->Get(array), "length");
  JS_ToUint32(context, result, length);
  JS_FreeValue(context, length);
  return env->Set(napi_ok);
}

napi_status napi_set_property(napi_env env, napi_value object, napi_value name,
                              napi_value value) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(name);
  REQUIRE_ARG(value);
  Key key(env->context, JS_ValueToAtom(env->context, env->Get(name)));
  if (key.atom == JS_ATOM_NULL) return env->Catch();
  return Set(env, object, key.atom, value);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value name,
                              napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(name);
  REQUIRE_ARG(result);
  Key key(env->context, JS_ValueToAtom(env->context, env->Get(name)));
  if (key.atom == JS_ATOM_NULL) return env->Catch();
  return env->Return(JS_GetProperty(env->context, env->Get(object), key.atom), result);
}

napi_status napi_has_property(napi_env env, napi_value object, napi_value name, bool* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(name);
  REQUIRE_ARG(result);
  Key key(env->context, JS_ValueToAtom(env->context, env->Get(name)));
  if (key.atom == JS_ATOM_NULL) return env->Catch();
  return Has(env, object, key.atom, result);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value value) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(name);
  REQUIRE_ARG(value);
  Key key(env->context, engine::NewKey(env->context, name, NAPI_AUTO_LENGTH));
  if (key.atom == JS_ATOM_NULL) return env->Catch();
  return Set(env, object, key.atom, value);
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(name);
  REQUIRE_ARG(result);
  Key key(env->context, engine::NewKey(env->context, name, NAPI_AUTO_LENGTH));
  if (key.atom == JS_ATOM_NULL) return env->Catch();
  return env->Return(JS_GetProperty(env->context, env->Get(object), key.atom), result);
}

napi_status napi_has_named_property(napi_env env, napi_value object, const char* name,
                                    bool* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(name);
  REQUIRE_ARG(result);
  Key key(env->context, engine::NewKey(env->context, name, NAPI_AUTO_LENGTH));
  if (key.atom == JS_ATOM_NULL) return env->Catch();
  return Has(env, object, key.atom, result);
}

napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(value);
  JSValue taken = JS_DupValue(env->context, env->Get(value));
  if (JS_SetPropertyUint32(env->context, env->Get(object), index, taken) < 0)
    return env->Catch();
  return env->Set(napi_ok);
}

napi_status napi_get_element(napi_env env, napi_value object, uint32_t index,
                             napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(result);
  return env->Return(JS_GetPropertyUint32(env->context, env->Get(object), index), result);
}

// Whether one of the first `count` objects of a prototype chain has the key: then it hides a
// property of that name further up.
static bool IsHidden(JSContext* context, const std::vector<JSValue>& chain, size_t count,
                     JSAtom key) {
  for (size_t i = 0; i < count; i++)
    if (JS_GetOwnProperty(context, nullptr, chain[i], key) > 0) return true;
  return false;
}

// The enumerable names of one object of the chain, appended to `names`.
static bool AppendNames(JSContext* context, const std::vector<JSValue>& chain, size_t level,
                        JSValueConst names, uint32_t* count) {
  JSPropertyEnum* keys;
  uint32_t length;
  if (JS_GetOwnPropertyNames(context, &keys, &length, chain[level],
                             JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0)
    return false;
  bool ok = true;
  for (uint32_t i = 0; i < length; i++) {
    if (ok && !IsHidden(context, chain, level, keys[i].atom)) {
      JSValue name = JS_AtomToString(context, keys[i].atom);
      ok = !JS_IsException(name) &&
           JS_SetPropertyUint32(context, names, (*count)++, name) >= 0;
    }
    JS_FreeAtom(context, keys[i].atom);
  }
  js_free(context, keys);
  return ok;
}

// The same names as a for-in loop gives: enumerable strings, those of the prototypes too.
napi_status napi_get_property_names(napi_env env, napi_value object, napi_value* result) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  REQUIRE_ARG(result);
  JSContext* context = env->context;
  JSValue names = JS_NewArray(context);
  if (JS_IsException(names)) return env->Catch();
  std::vector<JSValue> chain = {ext_to_object(context, env->Get(object))};
  uint32_t count = 0;
  bool ok = true;
  for (size_t level = 0; ok && JS_IsObject(chain[level]); level++) {
    ok = AppendNames(context, chain, level, names, &count);
    chain.push_back(JS_GetPrototype(context, chain[level]));
  }
  for (JSValue link : chain) JS_FreeValue(context, link);
  if (ok) return env->Return(names, result);
  JS_FreeValue(context, names);
  return env->Catch();
}

namespace engine {

int DefineProperty(napi_env env, JSValueConst object, const napi_property_descriptor& property,
                   const Class* only_for) {
  JSContext* context = env->context;
  Key key(context, property.utf8name ? NewKey(context, property.utf8name, NAPI_AUTO_LENGTH)
                                     : JS_ValueToAtom(context, env->Get(property.name)));
  if (key.atom == JS_ATOM_NULL) return -1;
  int flags = 0;
  if (property.attributes & napi_enumerable) flags |= JS_PROP_ENUMERABLE;
  if (property.attributes & napi_configurable) flags |= JS_PROP_CONFIGURABLE;

  if (property.getter || property.setter) {
    auto accessor = [&](napi_callback callback) {
      return callback ? NewFunction(env, key.atom, callback, property.data, only_for)
                      : JS_UNDEFINED;
    };
    return JS_DefinePropertyGetSet(context, object, key.atom, accessor(property.getter),
                                   accessor(property.setter), flags);
  }
  if (property.attributes & napi_writable) flags |= JS_PROP_WRITABLE;
  JSValue value = property.method
                      ? NewFunction(env, key.atom, property.method, property.data, only_for)
                      : JS_DupValue(context, env->Get(property.value));
  if (JS_IsException(value)) return -1;
  return JS_DefinePropertyValue(context, object, key.atom, value, flags);
}

}  // namespace engine

napi_status napi_define_properties(napi_env env, napi_value object, size_t count,
                                   const napi_property_descriptor* properties) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_ARG(object);
  REQUIRE(JS_IsObject(env->Get(object)), napi_object_expected);
  REQUIRE(properties || count == 0, napi_invalid_arg);
  for (size_t i = 0; i < count; i++) {
    int defined = engine::DefineProperty(env, env->Get(object), properties[i], nullptr);
    if (defined < 0) return env->Catch();
    REQUIRE(defined, napi_generic_failure);
  }
  return env->Set(napi_ok);
}
