import { addon, check, thrown } from "./check.ts";

export function checkObjects(): void {
  const { get, set, has, propertyNames } = addon;
  const symbol = Symbol("key");
  const throwing = {
    get property() {
      throw new Error("from the getter");
    },
    set property(_) {
      throw new Error("from the setter");
    },
  };

  check("array of length", addon.arrayOf(3).length, 3);
  check(
    "array length",
    [addon.arrayLength([1, 2]), addon.arrayLength({ length: 2 })],
    [2, "status 8"],
  );
  check("is array", [[], {}, "a"].map(addon.isArray), [true, false, false]);
  check("set", set(set(set({}, "a", 1), 5, 2), symbol, 3), { 5: 2, a: 1 });
  check(
    "get",
    [get({ a: 1 }, "a"), get({ 5: 2 }, 5), get({ [symbol]: 3 }, symbol), get({}, "x")],
    [1, 2, 3, undefined],
  );
  check(
    "get of primitives",
    [get("text", "length"), get(1, "toFixed"), thrown(() => get(null, "x"))],
    [4, Number.prototype.toFixed, "TypeError: Cannot convert undefined or null to object"],
  );
  check(
    "get, thrown",
    thrown(() => get(throwing, "property")),
    "Error: from the getter",
  );
  check(
    "set, thrown",
    thrown(() => set(throwing, "property", 1)),
    "Error: from the setter",
  );
  check(
    "has",
    [has({ a: 1 }, "a"), has({}, "a"), has({}, "toString"), thrown(() => has(undefined, "a"))],
    [true, false, true, "TypeError: Cannot convert undefined or null to object"],
  );
  check(
    "named",
    [
      addon.setNamed({}, "é", 1),
      addon.getNamed({ é: 2 }, "é"),
      addon.hasNamed({ é: 2 }, "é"),
      addon.hasNamed({}, "é"),
    ],
    [{ é: 1 }, 2, true, false],
  );
  check(
    "named, thrown",
    [
      thrown(() => addon.getNamed(throwing, "property")),
      thrown(() => addon.setNamed(throwing, "property", 1)),
    ],
    ["Error: from the getter", "Error: from the setter"],
  );
  check(
    "elements",
    [
      addon.setElement([1], 2, "x").length,
      addon.getElement(["a", "b"], 1),
      addon.getElement(["a"], 7),
      addon.setElement({}, 4294967295, 1),
    ],
    [3, "b", undefined, { 4294967295: 1 }],
  );
  check("global", addon.global() === globalThis, true);

  const child = Object.create(
    { inherited: 1, hidden: 2 },
    {
      own: { value: 1, enumerable: true },
      hidden: { value: 1, enumerable: false },
    },
  );
  check("property names", propertyNames(child), ["own", "inherited"]);
  check("property names, integers first", propertyNames({ b: 1, 2: 1, a: 1, 1: 1, [symbol]: 1 }), [
    "1",
    "2",
    "b",
    "a",
  ]);
  check("property names of primitives", [propertyNames(1), propertyNames("ab")], [[], ["0", "1"]]);

  const defined = addon.define({}, symbol);
  check(
    "defined",
    [defined.method(), defined.accessor, defined.readOnly, defined.writable, defined[symbol]],
    [7, 7, 1, 2, 3],
  );
  check("defined, enumerable", Object.keys(defined), ["accessor", "readOnly", "writable"]);
  defined.accessor = "given";
  check("defined, setter", defined.kept, "given");
  check(
    "defined, read-only",
    thrown(() => {
      defined.readOnly = 5;
    }).slice(0, 9),
    "TypeError",
  );
  check("defined, on a frozen object", addon.define(Object.freeze({}), symbol), "status 9");
}
