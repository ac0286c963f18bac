import t from "tap";
import { isKey, lookup } from "../../src/json/lookup.ts";
import { parse } from "../../src/json/parse.ts";
import type { JsonObject } from "../../src/json/types.ts";

const find = (text: string, name: string) => lookup(parse(text) as JsonObject, name);

t.test("a key in any letter case, the last one of the text", async (t) => {
  const cases: [string, unknown][] = [
    ['{"name":"a"}', "a"],
    ['{"NAME":"a"}', "a"],
    ['{"nAmE":"a"}', "a"],
    ['{"name":"a","NAME":"b"}', "b"],
    ['{"NAME":"b","name":"a"}', "a"],
    ['{"name":"a","NAME":"b","name":"c"}', "c"],
    ['{"name":"a","NAME":null}', "a"],
    ['{"NAME":null,"name":"a"}', "a"],
    ['{"name":null}', null],
    ['{"name ":"a","nam":"b","names":"c"}', undefined],
    ["{}", undefined],
  ];
  for (const [text, expected] of cases) t.equal(find(text, "name"), expected, text);
});

t.test("letters beyond ASCII that fold to it, as in Go", async (t) => {
  t.equal(find('{"di\u017fableChec\u212a":1}', "disableCheck"), 1);
  t.notOk(isKey("d\u0131sableCheck", "disableCheck"), "dotless i");
  t.notOk(isKey("d\u0130sableCheck", "disableCheck"), "dotted I");
});

t.test("members of a prototype do not count", async (t) => {
  t.equal(find("{}", "toString"), undefined);
  t.equal(find('{"__PROTO__":1}', "__proto__"), 1);
});

t.test("isKey", async (t) => {
  t.ok(isKey("cniVersion", "cniVersion"));
  t.ok(isKey("CNIVERSION", "cniVersion"));
  t.notOk(isKey("cni_version", "cniVersion"));
  t.notOk(isKey("ipam", "cniVersion"));
});
