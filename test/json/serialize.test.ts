import fc from "fast-check";
import t from "tap";
import { parse } from "../../src/json/parse.ts";
import { serialize, serializePlain, serializeString } from "../../src/json/serialize.ts";
import type { JsonValue, Serializable } from "../../src/json/types.ts";

t.test("compact and indented agree with the platform where Go does", async (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (generated) => {
      const text = JSON.stringify(generated);
      fc.pre(!/[<>&\u2028\u2029]|\\ud/.test(text)); // Go escapes these in another way
      const value = JSON.parse(text); // without -0, the sign of which the platform does not write
      t.equal(serialize(value as Serializable), JSON.stringify(value));
      t.equal(serialize(value as Serializable, { indent: true }), JSON.stringify(value, null, 4));
    }),
    { numRuns: 300 },
  );
});

t.test("what is written reads as the same value", async (t) => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.boolean(),
      fc.boolean(),
      (value, indent, sorted) => {
        const read = parse(JSON.stringify(value)); // null prototypes on both sides
        t.same(parse(serialize(read, { indent, sorted })), read);
      },
    ),
    { numRuns: 200 },
  );
});

t.test("empty containers stand on one line", async (t) => {
  const value = { a: {}, b: [], c: [{}, [[]]] };
  t.equal(serialize(value), '{"a":{},"b":[],"c":[{},[[]]]}');
  t.equal(
    serialize(value, { indent: true }),
    [
      "{",
      '    "a": {},',
      '    "b": [],',
      '    "c": [',
      "        {},",
      "        [",
      "            []",
      "        ]",
      "    ]",
      "}",
    ].join("\n"),
  );
});

t.test("keys as they are, or sorted by bytes at every level", async (t) => {
  const value = { b: 1, a: { d: [{ z: 1, y: 2 }], c: 3 }, B: 4, é: 5, "10": 6, "2": 7 };
  t.equal(serialize({ b: 1, a: { d: 2, c: 3 } }), '{"b":1,"a":{"d":2,"c":3}}');
  t.equal(
    serialize(value, { sorted: true }),
    '{"10":6,"2":7,"B":4,"a":{"c":3,"d":[{"y":2,"z":1}]},"b":1,"é":5}',
  );
  // By UTF-16 units the pair would come before U+FF00.
  const wide = { "😀a": 4, "😀": 1, "\uff00": 2, a: 3 };
  t.equal(serialize(wide, { sorted: true }), '{"a":3,"\uff00":2,"😀":1,"😀a":4}');
});

t.test("sorting is that of Buffer.compare", async (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (keys) => {
      fc.pre(!keys.some((key) => /\p{Surrogate}/u.test(key)));
      const text = serialize(Object.fromEntries(keys.map((key) => [key, 0])), { sorted: true });
      const written = [...text.matchAll(/"((?:[^"\\]|\\.)*)":0/g)].map((m) =>
        JSON.parse(`"${m[1]}"`),
      );
      t.same(
        written,
        [...new Set(keys)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    }),
    { numRuns: 200 },
  );
});

t.test("members that are undefined are left out", async (t) => {
  t.equal(serialize({ a: undefined, b: 1, c: undefined }), '{"b":1}');
  t.equal(serialize({ a: undefined }, { indent: true }), "{}");
});

t.test("keys of a prototype are not written, and __proto__ is only a key", async (t) => {
  const value = parse('{"__proto__":{"toString":1}}');
  t.equal(serialize(value), '{"__proto__":{"toString":1}}');
  t.equal(serialize(Object.create({ inherited: 1 })), "{}");
});

t.test("escapes in strings", async (t) => {
  const cases: Record<string, string> = {
    plain: '"plain"',
    "": '""',
    '"\\': '"\\"\\\\"',
    "/": '"/"',
    "\b\f\n\r\t": '"\\b\\f\\n\\r\\t"',
    "\0\x01\v\x1f": '"\\u0000\\u0001\\u000b\\u001f"',
    "\x7f": '"\x7f"',
    "<a>&": '"\\u003ca\\u003e\\u0026"',
    "\u2028\u2029": '"\\u2028\\u2029"',
    "é中😀\uffff": '"é中😀\uffff"',
    "\ud83d": '"\\ufffd"',
    "a\ude00\ud83db": '"a\\ufffd\\ufffdb"',
    "\ud83d\ud83d\ude00": '"\\ufffd😀"',
  };
  for (const [text, written] of Object.entries(cases)) {
    t.equal(serializeString(text), written);
    t.equal(serialize({ [text]: text }), `{${written}:${written}}`);
  }
});

t.test("numbers", async (t) => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1e20, "100000000000000000000"],
    [1e21, "1e+21"],
    [1e-6, "0.000001"],
    [1e-7, "1e-7"],
    [-1.5, "-1.5"],
    [9007199254740991, "9007199254740991"],
  ];
  for (const [value, text] of cases) t.equal(serialize(value), text);
  const bad: [number, string][] = [
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ];
  for (const [value, shown] of bad) {
    t.throws(() => serialize([value]), new Error(`json: unsupported value: ${shown}`));
  }
});

t.test("scalars stand alone", async (t) => {
  t.equal(serialize(null), "null");
  t.equal(serialize(true, { indent: true }), "true");
  t.equal(serialize([false, null, "a"]), '[false,null,"a"]');
});

t.test("depth is no problem", async (t) => {
  const text = "[".repeat(10000) + "]".repeat(10000);
  t.equal(serialize(parse(text) as JsonValue), text);
});

t.test("the engine's own writer writes the same", async (t) => {
  const value = {
    z: ["<a> & b\u2028\u2029", 'é"\\\n\u0001\u007f😀'],
    a: { n: 0, m: [], l: undefined },
  };
  t.equal(serializePlain(value, null), serialize(value, { indent: true }));
  const keys = ["a", "l", "m", "n", "z"];
  t.equal(serializePlain(value, keys), serialize(value, { indent: true, sorted: true }));
});
