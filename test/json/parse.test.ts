import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import t from "tap";
import { JsonError, parse } from "../../src/json/parse.ts";
import { serialize } from "../../src/json/serialize.ts";
import type { JsonObject } from "../../src/json/types.ts";

/** Text → Go's message. Confirmed with a plugin of the reference, which prints it with code 6. */
const failures: Record<string, string> = {
  "": "unexpected end of JSON input",
  " \n": "unexpected end of JSON input",
  "{": "unexpected end of JSON input",
  '{"a"': "unexpected end of JSON input",
  '{"a":': "unexpected end of JSON input",
  '{"a":1': "unexpected end of JSON input",
  '{"a":1,': "unexpected end of JSON input",
  "[": "unexpected end of JSON input",
  "[1": "unexpected end of JSON input",
  "[1e999": "unexpected end of JSON input",
  "[1e999}": "invalid character '}' after array element",
  "[1,": "unexpected end of JSON input",
  '"a': "unexpected end of JSON input",
  '"\\': "invalid character ' ' in string escape code",
  '"\\"': "unexpected end of JSON input",
  '"\\u12': "invalid character ' ' in \\u hexadecimal character escape",
  "-": "invalid character ' ' in numeric literal",
  "1.": "invalid character ' ' after decimal point in numeric literal",
  "1e": "invalid character ' ' in exponent of numeric literal",
  "1e+": "invalid character ' ' in exponent of numeric literal",
  tru: "invalid character ' ' in literal true (expecting 'e')",
  "\ufeff{}": "invalid character 'ï' looking for beginning of value",
  x: "invalid character 'x' looking for beginning of value",
  "\v1": "invalid character '\\v' looking for beginning of value",
  "\u00a01": "invalid character 'Â' looking for beginning of value",
  "\u{1f600}": "invalid character 'ð' looking for beginning of value",
  "\u0001": "invalid character '\\x01' looking for beginning of value",
  "\u007f": "invalid character '\\x7f' looking for beginning of value",
  "'a'": "invalid character '\\'' looking for beginning of value",
  "\\": "invalid character '\\\\' looking for beginning of value",
  "// x\n1": "invalid character '/' looking for beginning of value",
  "[,": "invalid character ',' looking for beginning of value",
  "[1,]": "invalid character ']' looking for beginning of value",
  "[}": "invalid character '}' looking for beginning of value",
  '{"a":}': "invalid character '}' looking for beginning of value",
  '{"a":,': "invalid character ',' looking for beginning of value",
  "+1": "invalid character '+' looking for beginning of value",
  ".5": "invalid character '.' looking for beginning of value",
  NaN: "invalid character 'N' looking for beginning of value",
  True: "invalid character 'T' looking for beginning of value",
  undefined: "invalid character 'u' looking for beginning of value",
  "{,": "invalid character ',' looking for beginning of object key string",
  "{1": "invalid character '1' looking for beginning of object key string",
  "{a:1}": "invalid character 'a' looking for beginning of object key string",
  "{'a':1}": "invalid character '\\'' looking for beginning of object key string",
  '{"a":1,}': "invalid character '}' looking for beginning of object key string",
  "{]": "invalid character ']' looking for beginning of object key string",
  '{"a"}': "invalid character '}' after object key",
  '{"a" 1': "invalid character '1' after object key",
  '{"a","b"}': "invalid character ',' after object key",
  '{"a""b"}': "invalid character '\"' after object key",
  '{"a":1 "b":2}': "invalid character '\"' after object key:value pair",
  '{"a":1]': "invalid character ']' after object key:value pair",
  '{"a":01}': "invalid character '1' after object key:value pair",
  '{"a":{}:': "invalid character ':' after object key:value pair",
  "[1 2]": "invalid character '2' after array element",
  "[1}": "invalid character '}' after array element",
  "[[]1": "invalid character '1' after array element",
  "[-01]": "invalid character '1' after array element",
  "[1.5.5]": "invalid character '.' after array element",
  "[1e5e5]": "invalid character 'e' after array element",
  "[1e5.5]": "invalid character '.' after array element",
  "[0x10]": "invalid character 'x' after array element",
  "{} {}": "invalid character '{' after top-level value",
  "{}}": "invalid character '}' after top-level value",
  "[]]": "invalid character ']' after top-level value",
  "1 2": "invalid character '2' after top-level value",
  "00": "invalid character '0' after top-level value",
  "1,": "invalid character ',' after top-level value",
  "null\u0000": "invalid character '\\x00' after top-level value",
  '"a"b': "invalid character 'b' after top-level value",
  '"a\nb"': "invalid character '\\n' in string literal",
  '"a\tb"': "invalid character '\\t' in string literal",
  '"\u0000"': "invalid character '\\x00' in string literal",
  '"\u001f"': "invalid character '\\x1f' in string literal",
  '{"a\r': "invalid character '\\r' in string literal",
  '"a\n\\x"': "invalid character '\\n' in string literal",
  '"\\x41"': "invalid character 'x' in string escape code",
  '"\\\'"': "invalid character '\\'' in string escape code",
  '"\\é"': "invalid character 'Ã' in string escape code",
  '"\\0"': "invalid character '0' in string escape code",
  '"\\a\n"': "invalid character 'a' in string escape code",
  '"\\\n"': "invalid character '\\n' in string escape code",
  '"\\u12g4"': "invalid character 'g' in \\u hexadecimal character escape",
  '"\\u12"': "invalid character '\"' in \\u hexadecimal character escape",
  '"\\u{41}"': "invalid character '{' in \\u hexadecimal character escape",
  '"\\ud800\\u12"': "invalid character '\"' in \\u hexadecimal character escape",
  "-a": "invalid character 'a' in numeric literal",
  "--1": "invalid character '-' in numeric literal",
  "-.5": "invalid character '.' in numeric literal",
  "[-]": "invalid character ']' in numeric literal",
  "1.a": "invalid character 'a' after decimal point in numeric literal",
  "[1.]": "invalid character ']' after decimal point in numeric literal",
  "1.e5": "invalid character 'e' after decimal point in numeric literal",
  "1ea": "invalid character 'a' in exponent of numeric literal",
  "1E-}": "invalid character '}' in exponent of numeric literal",
  "1.5e++5": "invalid character '+' in exponent of numeric literal",
  trux: "invalid character 'x' in literal true (expecting 'e')",
  "tru ": "invalid character ' ' in literal true (expecting 'e')",
  tt: "invalid character 't' in literal true (expecting 'r')",
  falsy: "invalid character 'y' in literal false (expecting 'e')",
  nul1: "invalid character '1' in literal null (expecting 'l')",
  nill: "invalid character 'i' in literal null (expecting 'u')",
  truefalse: "invalid character 'f' after top-level value",
};

function failure(text: string): JsonError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof JsonError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

t.test("what is no JSON fails with Go's words", async (t) => {
  for (const [text, message] of Object.entries(failures)) {
    t.equal(failure(text).message, message, JSON.stringify(text));
    t.throws(() => JSON.parse(text), SyntaxError, "the platform agrees that it is none");
  }
});

t.test("an error says where it is", async (t) => {
  const cases: [string, number, number, number][] = [
    ["x", 0, 1, 1],
    ["", 0, 1, 1],
    ["{\n", 2, 2, 1],
    ['{\n  "a": 1,\n  "b" 2\n}', 18, 3, 7],
    ['["é", x]', 6, 1, 7],
    ['["a\\qb"]', 4, 1, 5],
    ['["a', 3, 1, 4],
    ["[trux]", 4, 1, 5],
    ["[1e]", 3, 1, 4],
    ['["\\u00x0"]', 6, 1, 7],
    ['{"a":1e999}', 5, 1, 6],
  ];
  for (const [text, offset, line, column] of cases) {
    const error = failure(text);
    t.same([error.offset, error.line, error.column], [offset, line, column], text);
    t.equal(error.name, "JsonError");
  }
});

t.test("a number that no double holds", async (t) => {
  t.equal(
    failure("[1e999]").message,
    "json: cannot unmarshal number 1e999 into Go value of type float64",
  );
  t.equal(parse("1e-999"), 0);
});

t.test("the limit of depth is Go's, for lists and objects", async (t) => {
  const deep = (open: string, depth: number, close: string) =>
    open.repeat(depth) + close.repeat(depth);
  t.doesNotThrow(() => parse(deep("[", 10000, "]")));
  t.doesNotThrow(() => parse(`${'{"a":'.repeat(10000)}1${"}".repeat(10000)}`));
  t.equal(failure("[".repeat(10001)).message, "invalid character '[' exceeded max depth");
  t.equal(failure('{"a":'.repeat(10001)).message, "invalid character '{' exceeded max depth");
  t.equal(failure(deep("[", 10001, "]")).offset, 10000);
  // Siblings do not add up.
  t.doesNotThrow(() => parse(`[${"[],".repeat(10001)}1]`));
});

/** The same value made of plain objects, for comparing. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

t.test("agrees with the platform about what is JSON", async (t) => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5, stringUnit: "binary" }),
      fc.constantFrom(undefined, 1, "\t"),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        t.same(plain(parse(text)), JSON.parse(text));
      },
    ),
    { numRuns: 300 },
  );
});

t.test("agrees with the platform about what is not, after one change", async (t) => {
  const characters = [...'{}[]:,"\\/-+.eE019 tfn\n\0aé\u2028'];
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom("insert", "replace", "delete"),
      fc.constantFrom(...characters),
      (value, place, change, character) => {
        const text = JSON.stringify(value);
        const at = place % (text.length + 1);
        const rest = text.slice(change === "insert" ? at : at + 1);
        const changed = text.slice(0, at) + (change === "delete" ? "" : character) + rest;
        fc.pre(!/e[+-]?\d{3}/i.test(changed)); // the platform makes infinities of such
        let expected: unknown;
        try {
          expected = JSON.parse(changed);
        } catch {
          t.ok(failure(changed).message);
          return;
        }
        fc.pre(!/\\u[dD][89a-fA-F]/.test(changed)); // of lone surrogates the two make different things
        t.same(plain(parse(changed)), expected);
      },
    ),
    { numRuns: 1000 },
  );
});

t.test("escapes", async (t) => {
  const cases: Record<string, string> = {
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"': '"\\/\b\f\n\r\t',
    '"\\u0041\\u00e9\\u4e2D"': "Aé中",
    '"a\\u0000b"': "a\0b",
    '"\\ud83d\\ude00"': "😀",
    '"x\\ud83dy"': "x\ufffdy",
    '"\\ude00\\ud83d"': "\ufffd\ufffd",
    '"\\ud83d\\ud83d\\ude00"': "\ufffd😀",
    '"\\ud83d\\n"': "\ufffd\n",
    '"\\\\"': "\\",
    '"\\\\\\""': '\\"',
    '"\\\\u0041"': "\\u0041",
    '"plain"': "plain",
    '"\u007f\u2028"': "\u007f\u2028",
  };
  for (const [text, expected] of Object.entries(cases)) {
    t.equal(parse(text), expected, encodeURI(text));
    t.same(parse(`[${text},"b"]`), [expected, "b"]);
  }
});

t.test("numbers", async (t) => {
  const cases = [
    "0",
    "-0",
    "1",
    "-1",
    "9007199254740991",
    "-9007199254740991",
    "0.1",
    "1E5",
    "1e+5",
    "1.5e-7",
  ];
  for (const text of cases) t.ok(Object.is(parse(text), Number(text)), text);
});

t.test("objects are no traps", async (t) => {
  const value = parse(
    '{"__proto__":{"a":1},"constructor":2,"10":3,"2":4,"toString":null}',
  ) as JsonObject;
  t.equal(Object.getPrototypeOf(value), null);
  t.same(Object.keys(value).sort(), ["10", "2", "__proto__", "constructor", "toString"]);
  t.same(plain(Object.entries(value).find(([key]) => key === "__proto__")), [
    "__proto__",
    { a: 1 },
  ]);
  t.equal(({} as { a?: number }).a, undefined);
});

t.test("it does not matter whether there is white space", async (t) => {
  const compact =
    '{"__proto__":{"a":[{}]},"constructor":[-0.5,null,"é"],"toJSON":true,"":"\u007f"}';
  const spaced = compact.replace(/[,:]/g, "$& ");
  t.ok(isDeepStrictEqual(parse(compact), parse(spaced)));
  t.same(serialize(parse(`${compact}\n`)), compact);
});

t.test("of a repeated key the last value counts, at the last place", async (t) => {
  const value = parse('{"a":1,"b":2,"a":{"c":3}}') as JsonObject;
  t.same(Object.keys(value), ["b", "a"]);
  t.same(plain(value.a), { c: 3 });
});

t.test("white space is the four characters", async (t) => {
  t.same(parse(' \t\r\n[ 1 ,\n{ "a" : [ ] , "b" : { } } ] \n'), [1, { a: [], b: {} }]);
});
