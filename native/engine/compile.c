/*
 * The bytecode compiler, a tool of the build:
 *
 *     compile FROM TO NAME...
 *
 * compiles the module FROM/NAME to TO/NAME.bytecode. FROM/NAME.lines says where its lines come
 * from: line n of it is "file:line" for line n of the module, or empty. The stack traces of the
 * executable then name the TypeScript files, at no cost when it runs: the engine keeps one file
 * name and a table of lines for each function, and these are rewritten here.
 */
#include "quickjs.c"

#include <sys/stat.h>

/* The engine forbids these to itself. */
#undef malloc
#undef realloc
#undef free

typedef struct Origin {
  char *file; /* null: this line comes from no file */
  int line;
} Origin;

typedef struct Map {
  Origin *origins;
  int count;
} Map;

static void fail(const char *what, const char *name) {
  fprintf(stderr, "Cannot %s %s\n", what, name);
  exit(1);
}

static char *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) fail("open", path);
  struct stat info;
  if (fstat(fileno(file), &info) != 0) fail("stat", path);
  char *text = malloc(info.st_size + 1);
  if (!text || fread(text, 1, info.st_size, file) != (size_t)info.st_size) fail("read", path);
  fclose(file);
  text[info.st_size] = '\0';
  *length = info.st_size;
  return text;
}

static Map read_map(const char *path) {
  size_t length;
  char *text = read_file(path, &length);
  Map map = {NULL, 0};
  for (char *line = text; *line;) {
    char *end = strchr(line, '\n');
    if (!end) break;
    *end = '\0';
    map.origins = realloc(map.origins, (map.count + 1) * sizeof(Origin));
    char *colon = strrchr(line, ':');
    Origin origin = {NULL, 0};
    if (colon) {
      *colon = '\0';
      origin.file = line;
      origin.line = atoi(colon + 1);
    }
    map.origins[map.count++] = origin;
    line = end + 1;
  }
  return map; /* its strings stay in `text` */
}

static Origin origin_of(const Map *map, int line) {
  Origin none = {NULL, 0};
  return line >= 1 && line <= map->count ? map->origins[line - 1] : none;
}

typedef struct Position {
  uint32_t pc;
  int line;
} Position;

/* The line table of a function, decoded; the first entry is the function's own line. */
static Position *positions_of(const JSFunctionBytecode *b, int *count) {
  const uint8_t *p = b->debug.pc2line_buf, *end = p + b->debug.pc2line_len;
  Position *all = malloc((b->debug.pc2line_len + 1) * sizeof(Position));
  Position at = {0, b->debug.line_num};
  *count = 0;
  all[(*count)++] = at;
  while (p < end) {
    unsigned op = *p++;
    if (op == 0) {
      uint32_t pc;
      int line;
      p += get_leb128(&pc, p, end);
      p += get_sleb128(&line, p, end);
      at.pc += pc;
      at.line += line;
    } else {
      op -= PC2LINE_OP_FIRST;
      at.pc += op / PC2LINE_RANGE;
      at.line += op % PC2LINE_RANGE + PC2LINE_BASE;
    }
    all[(*count)++] = at;
  }
  return all;
}

/* One file that all of a function's lines come from, or null. */
static const char *file_of(const Map *map, const Position *all, int count) {
  const char *file = NULL;
  for (int i = 0; i < count; i++) {
    const char *other = origin_of(map, all[i].line).file;
    if (file && other && strcmp(file, other) != 0) return NULL;
    if (other) file = other;
  }
  return file;
}

/* An empty table would make the engine leave out the line: the first entry is always written. */
static void encode(JSContext *ctx, JSFunctionBytecode *b, const Position *all, int count) {
  DynBuf out;
  js_dbuf_init(ctx, &out);
  dbuf_putc(&out, PC2LINE_OP_FIRST - PC2LINE_BASE);
  for (int i = 1; i < count; i++) {
    int pc = all[i].pc - all[i - 1].pc, line = all[i].line - all[i - 1].line;
    if (line >= PC2LINE_BASE && line < PC2LINE_BASE + PC2LINE_RANGE && pc <= PC2LINE_DIFF_PC_MAX) {
      dbuf_putc(&out, line - PC2LINE_BASE + pc * PC2LINE_RANGE + PC2LINE_OP_FIRST);
    } else {
      dbuf_putc(&out, 0);
      dbuf_put_leb128(&out, pc);
      dbuf_put_sleb128(&out, line);
    }
  }
  js_free(ctx, b->debug.pc2line_buf);
  b->debug.pc2line_buf = out.buf;
  b->debug.pc2line_len = out.size;
}

static void map_lines(JSContext *ctx, JSFunctionBytecode *b, const Map *map) {
  for (int i = 0; i < b->cpool_count; i++)
    if (JS_VALUE_GET_TAG(b->cpool[i]) == JS_TAG_FUNCTION_BYTECODE)
      map_lines(ctx, JS_VALUE_GET_PTR(b->cpool[i]), map);
  if (!b->has_debug) return;

  int count;
  Position *all = positions_of(b, &count);
  const char *file = file_of(map, all, count);
  if (file) { /* else it keeps the bundle's name and lines: a module made of several files */
    JS_FreeAtom(ctx, b->debug.filename);
    b->debug.filename = JS_NewAtom(ctx, file);
    int line = 1;
    for (int i = count - 1; i >= 0; i--) /* what precedes the first mapped line is like it */
      if (origin_of(map, all[i].line).file) line = origin_of(map, all[i].line).line;
    for (int i = 0; i < count; i++) {
      Origin origin = origin_of(map, all[i].line);
      if (origin.file) line = origin.line;
      all[i].line = line;
    }
    b->debug.line_num = all[0].line;
  }
  encode(ctx, b, all, count);
  free(all);
}

/* Imports are resolved at compile time, but what they export is not looked at. */
static int init_nothing(JSContext *ctx, JSModuleDef *m) { return 0; }
static JSModuleDef *load_nothing(JSContext *ctx, const char *name, void *opaque) {
  return JS_NewCModule(ctx, name, init_nothing);
}

static void compile(const char *from, const char *to, const char *name) {
  JSRuntime *rt = JS_NewRuntime();
  JSContext *ctx = JS_NewContext(rt);
  JS_SetModuleLoaderFunc(rt, NULL, load_nothing, NULL);

  char path[4096];
  size_t length;
  snprintf(path, sizeof path, "%s/%s", from, name);
  char *source = read_file(path, &length);
  JSValue module =
      JS_Eval(ctx, source, length, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(module)) {
    JSValue error = JS_GetException(ctx);
    JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
    fprintf(stderr, "%s\n%s", JS_ToCString(ctx, error), JS_ToCString(ctx, stack));
    fail("compile", path);
  }

  snprintf(path, sizeof path, "%s/%s.lines", from, name);
  Map map = read_map(path);
  JSModuleDef *definition = JS_VALUE_GET_PTR(module);
  map_lines(ctx, JS_VALUE_GET_PTR(definition->func_obj), &map);

  size_t size;
  uint8_t *bytecode = JS_WriteObject(ctx, &size, module, JS_WRITE_OBJ_BYTECODE);
  if (!bytecode) fail("write the bytecode of", name);
  snprintf(path, sizeof path, "%s/%s.bytecode", to, name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytecode, 1, size, file) != size || fclose(file) != 0) fail("write", path);
  /* The process ends soon: nothing is freed. */
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: compile FROM TO NAME...\n");
    return 2;
  }
  for (int i = 3; i < argc; i++) compile(argv[1], argv[2], argv[i]);
  return 0;
}
