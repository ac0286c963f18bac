/* The engine, and on top of it what its public header lacks. */
#include <math.h>
#include <stdarg.h>

#include "cutils.h"
#include "quickjs_ext.h"

/*
 * The C library's trigonometry and logarithms come with large tables, and angles in variants for three
 * generations of processors. A plugin has no use for them: Math.sin and its like end the program instead.
 */
_Noreturn void engine_die(const char *message);
static double no_curve(double x) {
  engine_die("Cannot compute an angle or a logarithm: this engine has neither");
}
static double no_curve2(double y, double x) { return no_curve(y); }
#define acos no_curve
#define asin no_curve
#define atan no_curve
#define atan2 no_curve2
#define cos no_curve
#define sin no_curve
#define tan no_curve
#define acosh no_curve
#define asinh no_curve
#define atanh no_curve
#define cosh no_curve
#define sinh no_curve
#define tanh no_curve
#define exp no_curve
#define expm1 no_curve
#define log no_curve
#define log10 no_curve
#define log1p no_curve
#define log2 no_curve
#define cbrt no_curve
#define hypot no_curve2

/*
 * The engine writes the stack of an error when it is made, also of one that is only an answer, such as
 * ENOENT. With printf that takes most of the time of a failed system call.
 */
static void append(DynBuf *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (; *format; format++) {
    if (*format != '%') {
      dbuf_putc(text, *format);
    } else if (*++format == 's') {
      dbuf_putstr(text, va_arg(arguments, const char *));
    } else {
      char digits[12], *first = digits + sizeof digits;
      unsigned number = va_arg(arguments, int);
      *--first = '\0';
      do *--first = '0' + number % 10;
      while (number /= 10);
      dbuf_putstr(text, first);
    }
  }
  va_end(arguments);
}
#define dbuf_printf append

#include "quickjs.c"

static const uint8_t array_classes[EXT_ARRAY_KINDS] = {
    [EXT_INT8] = JS_CLASS_INT8_ARRAY,
    [EXT_UINT8] = JS_CLASS_UINT8_ARRAY,
    [EXT_UINT8_CLAMPED] = JS_CLASS_UINT8C_ARRAY,
    [EXT_INT16] = JS_CLASS_INT16_ARRAY,
    [EXT_UINT16] = JS_CLASS_UINT16_ARRAY,
    [EXT_INT32] = JS_CLASS_INT32_ARRAY,
    [EXT_UINT32] = JS_CLASS_UINT32_ARRAY,
    [EXT_FLOAT32] = JS_CLASS_FLOAT32_ARRAY,
    [EXT_FLOAT64] = JS_CLASS_FLOAT64_ARRAY,
    [EXT_BIGINT64] = JS_CLASS_BIG_INT64_ARRAY,
    [EXT_BIGUINT64] = JS_CLASS_BIG_UINT64_ARRAY,
};

/* It is seeded when a context is made: each run of a frozen executable would get the same numbers. */
static int remove_random(JSContext *ctx) {
  JSValue global = JS_GetGlobalObject(ctx);
  JSValue math = JS_GetPropertyStr(ctx, global, "Math");
  JSAtom random = JS_NewAtom(ctx, "random");
  int result = JS_DeleteProperty(ctx, math, random, 0);
  JS_FreeAtom(ctx, random);
  JS_FreeValue(ctx, math);
  JS_FreeValue(ctx, global);
  return result;
}

JSContext *ext_new_context(JSRuntime *rt) {
  JSContext *ctx = JS_NewContextRaw(rt);
  if (!ctx) return NULL;
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicRegExp(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx);
  JS_AddIntrinsicBigInt(ctx);
  return remove_random(ctx) < 0 ? NULL : ctx;
}

/* The functions of the language's own objects, which the engine makes when they are asked for. */
static int make_functions(JSContext *ctx, JSObject *p) {
  for (int i = 0; i < p->shape->prop_count; i++) {
    JSShapeProperty *prs = get_shape_prop(p->shape) + i;
    JSProperty *pr = &p->prop[i];
    if ((prs->flags & JS_PROP_TMASK) != JS_PROP_AUTOINIT) continue;
    if (js_autoinit_get_id(pr) != JS_AUTOINIT_ID_PROP) continue;
    if (JS_AutoInitProperty(ctx, p, prs->atom, pr, prs) < 0) return -1;
  }
  return 0;
}

static BOOL has_opcode(const JSFunctionBytecode *b, int opcode) {
  for (int at = 0; at < b->byte_code_len; at += short_opcode_info(b->byte_code_buf[at]).size)
    if (b->byte_code_buf[at] == opcode) return TRUE;
  return FALSE;
}

/* The mark by which a class with private methods knows its objects; it is made for the first of them. */
static int make_brand(JSContext *ctx, JSObject *p) {
  if (p->class_id != JS_CLASS_BYTECODE_FUNCTION || !p->u.func.home_object) return 0;
  if (!has_opcode(p->u.func.function_bytecode, OP_add_brand)) return 0;
  JSValue first = JS_NewObject(ctx);
  if (JS_IsException(first)) return -1;
  int result = JS_AddBrand(ctx, first, JS_MKPTR(JS_TAG_OBJECT, p->u.func.home_object));
  JS_FreeValue(ctx, first);
  return result;
}

int ext_settle(JSContext *ctx) {
  /* When the table of atoms grows by itself, all atoms are written to. */
  if (JS_ResizeAtomHash(ctx->rt, 4096) < 0) return -1;
  struct list_head *el;
  list_for_each(el, &ctx->rt->gc_obj_list) {
    JSGCObjectHeader *header = list_entry(el, JSGCObjectHeader, link);
    if (header->gc_obj_type != JS_GC_OBJ_TYPE_JS_OBJECT) continue;
    if (make_functions(ctx, (JSObject *)header) < 0) return -1;
    if (make_brand(ctx, (JSObject *)header) < 0) return -1;
  }
  /* What is of this process alone: where its stack is, and when it was started. */
  ctx->rt->stack_top = ctx->rt->stack_limit = 0;
  ctx->random_state = 1;
  return 0;
}

JSValue ext_load_module(JSContext *ctx, const char *name) {
  JSModuleDef *m = js_host_resolve_imported_module(ctx, "", name);
  if (!m) return JS_EXCEPTION;
  if (js_resolve_module(ctx, m) < 0) return JS_EXCEPTION;
  if (js_create_module_function(ctx, m) < 0) return JS_EXCEPTION;
  if (js_link_module(ctx, m) < 0) return JS_EXCEPTION;
  JSValue result = js_evaluate_module(ctx, m);
  if (JS_IsException(result)) return result;
  JS_FreeValue(ctx, result);
  return js_get_module_ns(ctx, m);
}

int ext_has_module(JSContext *ctx, const char *name) {
  JSAtom atom = JS_NewAtom(ctx, name);
  int found = js_find_loaded_module(ctx, atom) != NULL;
  JS_FreeAtom(ctx, atom);
  return found;
}

int ext_strict_equals(JSContext *ctx, JSValueConst a, JSValueConst b) {
  return js_strict_eq(ctx, JS_DupValue(ctx, a), JS_DupValue(ctx, b));
}

JSValue ext_to_object(JSContext *ctx, JSValueConst value) {
  return JS_ToObject(ctx, value);
}

static int class_of(JSValueConst value) {
  return JS_IsObject(value) ? JS_VALUE_GET_OBJ(value)->class_id : -1;
}

int ext_is_array_buffer(JSValueConst value) {
  return class_of(value) == JS_CLASS_ARRAY_BUFFER;
}

int ext_typed_array_kind(JSValueConst value) {
  int class_id = class_of(value);
  for (int kind = 0; kind < EXT_ARRAY_KINDS; kind++)
    if (array_classes[kind] == class_id) return kind;
  return -1;
}

void *ext_typed_array_data(JSValueConst array, size_t *length) {
  JSObject *p = JS_VALUE_GET_OBJ(array);
  *length = p->u.array.count;
  return p->u.array.u.ptr;
}

JSValue ext_new_typed_array(JSContext *ctx, int kind, JSValueConst buffer, size_t offset,
                            size_t length) {
  JSValueConst args[3] = {buffer, JS_NewInt64(ctx, offset), JS_NewInt64(ctx, length)};
  return js_typed_array_constructor(ctx, JS_UNDEFINED, 3, args, array_classes[kind]);
}

JSAtom ext_new_private_key(JSContext *ctx) {
  JSValue symbol = JS_NewSymbolFromAtom(ctx, JS_ATOM_empty_string, JS_ATOM_TYPE_PRIVATE);
  if (JS_IsException(symbol)) return JS_ATOM_NULL;
  JSAtom key = JS_ValueToAtom(ctx, symbol);
  JS_FreeValue(ctx, symbol);
  return key;
}

int ext_set_private(JSContext *ctx, JSValueConst object, JSAtom key, JSValue value) {
  JSProperty *property = add_property(ctx, JS_VALUE_GET_OBJ(object), key, 0);
  if (!property) {
    JS_FreeValue(ctx, value);
    return -1;
  }
  property->u.value = value;
  return 0;
}

JSValueConst ext_get_private(JSValueConst object, JSAtom key) {
  JSProperty *property;
  if (find_own_property(&property, JS_VALUE_GET_OBJ(object), key)) return property->u.value;
  return JS_UNDEFINED;
}
