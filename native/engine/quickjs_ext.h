/*
 * What the engine's public header lacks. Each function is a few lines over the engine's own
 * internals; the engine's sources stay as they were published.
 */
#ifndef CNIBOX_ENGINE_QUICKJS_EXT_H_
#define CNIBOX_ENGINE_QUICKJS_EXT_H_

#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of typed arrays, in the order of napi_typedarray_type. */
enum ext_array {
  EXT_INT8,
  EXT_UINT8,
  EXT_UINT8_CLAMPED,
  EXT_INT16,
  EXT_UINT16,
  EXT_INT32,
  EXT_UINT32,
  EXT_FLOAT32,
  EXT_FLOAT64,
  EXT_BIGINT64,
  EXT_BIGUINT64,
  EXT_ARRAY_KINDS,
};

/*
 * A context with what our bytecode needs: without what would pull in the parser, and without Math.random.
 */
JSContext *ext_new_context(JSRuntime *rt);

/*
 * Does for all objects what the engine leaves for when they are first used, so that using them does not
 * write to them; and forgets what differs between processes, so that what is built of the same sources is the
 * same. -1: thrown.
 */
int ext_settle(JSContext *ctx);

/*
 * Loads, links and evaluates the module `name`, at once, and returns its namespace object.
 * Works while another module is being evaluated: a failure leaves the others alone, which the
 * engine's own JS_EvalFunction does not.
 */
JSValue ext_load_module(JSContext *ctx, const char *name);

/* Whether a module of this name has been loaded. */
int ext_has_module(JSContext *ctx, const char *name);

/* The `===` operator. */
int ext_strict_equals(JSContext *ctx, JSValueConst a, JSValueConst b);

/* The object of a primitive; an object itself. */
JSValue ext_to_object(JSContext *ctx, JSValueConst value);

int ext_is_array_buffer(JSValueConst value);

/* The kind of a typed array; -1 for any other value. */
int ext_typed_array_kind(JSValueConst value);

/* Bytes and element count of a typed array; null where its buffer is detached. */
void *ext_typed_array_data(JSValueConst array, size_t *length);

/* `new Kind(buffer, offset, length)`, whatever the globals have become. */
JSValue ext_new_typed_array(JSContext *ctx, int kind, JSValueConst buffer, size_t offset,
                            size_t length);

/* A fresh key that no JavaScript can see or guess. */
JSAtom ext_new_private_key(JSContext *ctx);

/* Hangs `value` (taken over) on an object under a private key, frozen or not. -1: thrown. */
int ext_set_private(JSContext *ctx, JSValueConst object, JSAtom key, JSValue value);

/* What hangs there, borrowed; undefined if nothing does. Prototypes are not searched. */
JSValueConst ext_get_private(JSValueConst object, JSAtom key);

#ifdef __cplusplus
}
#endif

#endif
