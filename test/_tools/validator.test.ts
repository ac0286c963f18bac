/** What the build makes of a schema. */
import t from "tap";
import { forEditors, validatorCode } from "../../src/_tools/validator.ts";
import { configSchema, object } from "../../src/cni/config.ts";

const schema = configSchema({
  mode: { enum: ["l2", "l3"], default: "l2", emptyIsAbsent: true, description: "Switching" },
  list: {
    type: "array",
    items: object({ id: { type: "string", pattern: "^[a-z]+$", emptyIsAbsent: true } }),
  },
});

t.test("validators are small and depend on nothing", async (t) => {
  const code = validatorCode(schema);
  t.notMatch(code, /\beval\b|new Function|require\(|\bimport\b/);
  t.notMatch(code, /Switching|description|emptyIsAbsent/, "words are left out");
  const small = validatorCode({ type: "object", properties: { mtu: { type: "integer" } } });
  t.ok(small.length < 800, `${small.length} bytes`);
  t.match(code, /export ?\{ ?\w+ as validate ?\}/);
});

t.test("editors get a plain schema that knows which keys there are", async (t) => {
  const published = forEditors(schema);
  t.notMatch(JSON.stringify(published), /emptyIsAbsent/);
  t.equal(published.additionalProperties, false);
  t.equal(published.properties?.list?.items?.additionalProperties, false);
  t.equal(published.properties?.mode?.description, "Switching");
});
