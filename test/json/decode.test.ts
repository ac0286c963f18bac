import t from "tap";
import { record, typeError } from "../../src/json/decode.ts";
import { parse } from "../../src/json/parse.ts";

const fields = (text: string) => record(parse(text), "pkg.Thing");

t.test("typeError names the type that was found", async (t) => {
  const cases: [string, string][] = [
    ["null", "null"],
    ["[]", "array"],
    ["{}", "object"],
    ["true", "bool"],
    ["1.5", "number"],
    ['"a"', "string"],
  ];
  for (const [text, kind] of cases) {
    t.equal(
      typeError(parse(text), "int", "Thing.a").message,
      `json: cannot unmarshal ${kind} into Go struct field Thing.a of type int`,
    );
    t.equal(
      typeError(parse(text), "int").message,
      `json: cannot unmarshal ${kind} into Go value of type int`,
    );
  }
});

t.test("a record is an object, or nothing", async (t) => {
  t.equal(record(null, "pkg.Thing").string("a"), "");
  t.equal(record(undefined, "pkg.Thing").raw("a"), undefined);
  for (const [text, kind] of [
    ["[]", "array"],
    ["1", "number"],
    ['""', "string"],
    ["false", "bool"],
  ]) {
    t.throws(
      () => fields(text as string),
      new Error(`json: cannot unmarshal ${kind} into Go value of type pkg.Thing`),
    );
  }
  t.throws(
    () => record(1, "pkg.Thing", "Outer.thing"),
    new Error("json: cannot unmarshal number into Go struct field Outer.thing of type pkg.Thing"),
  );
});

t.test("where a field stands", async (t) => {
  t.equal(record({}, "pkg.Thing").place("a"), "Thing.a");
  t.equal(record({}, "pkg.Thing", "Outer.thing").place("a"), "Outer.thing.a");
  t.equal(record({}, "pkg.Thing", "Outer.thing", "Thing.thing.").place("a"), "Thing.thing.a");
  t.equal(record({}, "struct { A string }", undefined, ".").place("a"), ".a");
});

t.test("absent and null are zero", async (t) => {
  for (const text of ["{}", '{"a":null}', '{"A":null}']) {
    const thing = fields(text);
    t.equal(thing.string("a"), "");
    t.equal(thing.bool("a"), false);
    t.equal(thing.int("a"), undefined);
    t.equal(thing.uint("a"), undefined);
    t.equal(
      thing.list("a", "[]x", () => 1),
      undefined,
    );
    t.equal(thing.strings("a"), undefined);
    t.equal(
      thing.text("a", "net.IP", () => 1),
      undefined,
    );
  }
});

t.test("values", async (t) => {
  const thing = fields('{"S":"x","b":true,"I":-3,"z":0,"l":["a",null],"n":[1,null],"e":[]}');
  t.equal(thing.string("s"), "x");
  t.equal(thing.bool("B"), true);
  t.equal(thing.int("i"), -3);
  t.equal(thing.uint("z"), 0);
  t.same(thing.strings("l"), ["a", ""]);
  t.same(thing.strings("e"), []);
  t.same(
    thing.list("n", "[]int", (item, place) => [item, place]),
    [
      [1, "Thing.n"],
      [null, "Thing.n"],
    ],
  );
  t.equal(
    thing.text("s", "net.IP", (text) => `${text}!`),
    "x!",
  );
});

t.test("of several spellings the last counts, but a null does not", async (t) => {
  t.equal(fields('{"a":"1","A":"2"}').string("a"), "2");
  t.equal(fields('{"A":"2","a":"1"}').string("a"), "1");
  t.equal(fields('{"A":"2","a":null}').string("a"), "2");
});

t.test("wrong types", async (t) => {
  const thing = fields('{"n":1,"s":"x","f":1.5,"m":-1,"l":["a",2],"b":true}');
  const cases: [() => unknown, string][] = [
    [() => thing.string("n"), "number into Go struct field Thing.n of type string"],
    [() => thing.bool("s"), "string into Go struct field Thing.s of type bool"],
    [() => thing.int("s"), "string into Go struct field Thing.s of type int"],
    [() => thing.int("f"), "number 1.5 into Go struct field Thing.f of type int"],
    [() => thing.uint("m"), "number -1 into Go struct field Thing.m of type uint"],
    [() => thing.strings("s"), "string into Go struct field Thing.s of type []string"],
    [() => thing.strings("l"), "number into Go struct field Thing.l of type string"],
    [() => thing.list("b", "[]*x.Y", () => 1), "bool into Go struct field Thing.b of type []*x.Y"],
    [
      () => thing.text("n", "net.IP", () => 1),
      "number into Go struct field Thing.n of type net.IP",
    ],
  ];
  for (const [act, text] of cases) t.throws(act, new Error(`json: cannot unmarshal ${text}`));
});
