import { addon, check, thrown } from "./check.ts";

export function checkValues(): void {
  const { getNumber, createNumber, getBool, bigint, typeOf, coerce } = addon;

  check(
    "int32",
    [1, -1, 2 ** 31, 2 ** 32 + 5, 1.9, -1.9, Number.NaN, Number.POSITIVE_INFINITY].map((n) =>
      getNumber("int32", n),
    ),
    [1, -1, -(2 ** 31), 5, 1, -1, 0, 0],
  );
  check(
    "uint32",
    [1, -1, 2 ** 31, 2 ** 32 + 5, 1.9, Number.NaN].map((n) => getNumber("uint32", n)),
    [1, 2 ** 32 - 1, 2 ** 31, 5, 1, 0],
  );
  check(
    "int64",
    [2 ** 53, -(2 ** 53), 1e300, -1e300, Number.NaN, 2.5, Number.NEGATIVE_INFINITY].map((n) =>
      getNumber("int64", n),
    ),
    [2 ** 53, -(2 ** 53), 2 ** 63, -(2 ** 63), 0, 2, 0],
  );
  check(
    "double",
    [0.1, -0, 1e300, Number.NaN].map((n) => getNumber("double", n)),
    [0.1, -0, 1e300, Number.NaN],
  );
  check(
    "not a number",
    ["int32", "uint32", "int64", "double"].map((kind) => getNumber(kind, "1")),
    ["status 6", "status 6", "status 6", "status 6"],
  );
  check("made int32", createNumber("int32", -7), -7);
  check("made uint32", createNumber("uint32", 4294967295), 4294967295);
  check("made int64", createNumber("int64", -(2 ** 40)), -(2 ** 40));
  check("made double", createNumber("double", 0.5), 0.5);
  check("bool", [getBool(true), getBool(false), getBool(1)], [true, false, "status 7"]);
  check("null", addon.getNull(), null);

  check(
    "bigint int64",
    [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)].map((n) => bigint(true, n)),
    [
      [0n, true],
      [-1n, true],
      [2n ** 63n - 1n, true],
      [-(2n ** 63n), true],
    ],
  );
  check(
    "bigint int64, cut",
    [2n ** 63n, 2n ** 64n + 3n].map((n) => bigint(true, n)),
    [
      [-(2n ** 63n), false],
      [3n, false],
    ],
  );
  check(
    "bigint uint64",
    [0n, 2n ** 64n - 1n].map((n) => bigint(false, n)),
    [
      [0n, true],
      [2n ** 64n - 1n, true],
    ],
  );
  check(
    "bigint uint64, cut",
    [-1n, 2n ** 64n].map((n) => bigint(false, n)),
    [
      [2n ** 64n - 1n, false],
      [0n, false],
    ],
  );
  check("no bigint", [bigint(true, 1), bigint(false, "1")], ["status 17", "status 17"]);

  check("typeof", [undefined, null, true, 1, 1.5, "s", Symbol(), {}, [], () => 0, 1n].map(typeOf), [
    "undefined",
    "null",
    "boolean",
    "number",
    "number",
    "string",
    "symbol",
    "object",
    "object",
    "function",
    "bigint",
  ]);
  check("typeof external", typeOf(addon.external("of typeof")), "external");

  const object = {};
  check(
    "strict equals",
    [
      [1, 1],
      [1, "1"],
      [Number.NaN, Number.NaN],
      [0, -0],
      [object, object],
      [object, {}],
      ["ab", `a${"b"}`],
      [1n, 1n],
    ].map(([a, b]) => addon.strictEquals(a, b)),
    [true, false, false, true, true, false, true, true],
  );

  check(
    "to bool",
    ["", "x", 0, null, object].map((v) => coerce("bool", v)),
    [false, true, false, false, true],
  );
  check(
    "to number",
    ["12", "x", true, null].map((v) => coerce("number", v)),
    [12, Number.NaN, 1, 0],
  );
  check(
    "to string",
    [12, null, [1, 2]].map((v) => coerce("string", v)),
    ["12", "null", "1,2"],
  );
  const refusing = {
    toString() {
      throw new RangeError("no text");
    },
  };
  check(
    "to string, refused",
    thrown(() => coerce("string", refusing)),
    thrown(() => {
      throw new RangeError("no text");
    }),
  );
  check("symbol to string", thrown(() => coerce("string", Symbol())).slice(0, 9), "TypeError");
  check("symbol to number", thrown(() => coerce("number", Symbol())).slice(0, 9), "TypeError");

  check("null arguments", addon.nullArguments(), "1 1 1 1 ");
  check("last error", addon.lastError(), "6 A number was expected");
}

export function checkStrings(): void {
  const { bytesOf } = addon;
  const stringOf = (...bytes: number[]) => addon.stringOf(new Uint8Array(bytes));

  check(
    "string in",
    stringOf(0x61, 0, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80),
    "a\0é€😀",
  );
  check("string in, empty", stringOf(), "");
  check("string in, to its NUL", addon.autoLength(), "to the end");
  check(
    "string in, broken",
    [
      stringOf(0x61, 0xff, 0x62),
      stringOf(0xe2, 0x82),
      stringOf(0xe2, 0x82, 0x61),
      stringOf(0xc0, 0x80),
      stringOf(0xed, 0xa0, 0x80),
      stringOf(0xf4, 0x90, 0x80, 0x80),
      stringOf(0xf0, 0x9f, 0x98),
      stringOf(0xf0, 0x80, 0x80, 0x80),
      stringOf(0x80, 0x80),
      stringOf(0xe2, 0xe2, 0x82, 0xac),
    ],
    [
      "a\ufffdb",
      "\ufffd",
      "\ufffda",
      "\ufffd\ufffd",
      "\ufffd\ufffd\ufffd",
      "\ufffd\ufffd\ufffd\ufffd",
      "\ufffd",
      "\ufffd\ufffd\ufffd\ufffd",
      "\ufffd\ufffd",
      "\ufffd€",
    ],
  );

  check(
    "string out",
    bytesOf("aé€😀", 99),
    [0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80],
  );
  check("string out, NUL inside", bytesOf("a\0b", 99), [0x61, 0, 0x62]);
  check(
    "string out, lone surrogates",
    [bytesOf("\ud800", 99), bytesOf("a\udc00b\ud800", 99)],
    [
      [0xef, 0xbf, 0xbd],
      [0x61, 0xef, 0xbf, 0xbd, 0x62, 0xef, 0xbf, 0xbd],
    ],
  );
  check(
    "string out, cut between characters",
    [4, 5, 6, 7].map((n) => bytesOf("aa€😀", n)),
    [
      [0x61, 0x61],
      [0x61, 0x61],
      [0x61, 0x61, 0xe2, 0x82, 0xac],
      [0x61, 0x61, 0xe2, 0x82, 0xac],
    ],
  );
  check("string out, of a number", bytesOf(1, 9), "status 3");
}
