/** From a declared schema to a config: letter case, absence, types, defaults, messages. */
import t from "tap";
import { type Config, configSchema, object, type Property } from "../../src/cni/config.ts";
import { normalise } from "../../src/cni/normalise.ts";
import { common, route } from "../../src/cni/schema-common.ts";
import { readConfig } from "../../src/cni/validate.ts";
import { parse } from "../../src/json/parse.ts";
import type { JsonObject } from "../../src/json/types.ts";
import { validatorOf } from "./support.ts";

const schema = configSchema(
  {
    mode: { enum: ["l2", "l3"], default: "l2", emptyIsAbsent: true },
    mtu: { type: "integer", minimum: 1, maximum: 65535, emptyIsAbsent: true },
    table: { type: "integer" },
    name2: { type: "string", pattern: "^[a-z]+$", minLength: 2 },
    promiscMode: { type: "boolean", default: false },
    sysctl: { type: "object", additionalProperties: { type: "string" } },
    trunk: {
      type: "array",
      minItems: 1,
      items: object({ minID: { type: "integer" } }, { required: ["minID"] }),
    },
    either: { type: ["string", "integer"] },
    ipam: object({ subnet: { type: "string" }, routes: { type: "array", items: route } }),
    needed: { type: "string" },
  },
  ["needed"],
);
type Conf = Config<typeof schema>;

const validate = await validatorOf(schema);

function read(text: string): Conf {
  const document = parse(text) as JsonObject;
  return readConfig(schema, validate, document) as unknown as Conf;
}

/** The text of the error that the config gives. */
function complaint(keys: object): string {
  try {
    read(JSON.stringify({ needed: "x", ...keys }));
  } catch (error) {
    const { code, msg } = error as { code: number; msg: string };
    if (code !== 7) throw error;
    return msg.replace(/^Cannot read config: /, "");
  }
  return "none";
}

t.test("types follow the schema", async (t) => {
  const config = read('{"needed": "x"}');
  // These lines are checked by the compiler: what has a default, or is required, is never undefined.
  const mode: "l2" | "l3" = config.mode;
  const needed: string = config.needed;
  const mtu: number | undefined = config.mtu;
  const subnet: string | undefined = config.ipam?.subnet;
  const domain: string | undefined = config.dns?.domain;
  // @ts-expect-error a key that nobody declared
  const other = config.other;
  t.same([mode, needed, mtu, subnet, domain, other], ["l2", "x", ...Array(4).fill(undefined)]);
});

t.test("letter case is Go's, at every declared level", async (t) => {
  const config = read(`{
    "Needed": "x", "PROMISCMODE": true, "Trunk": [{ "MinId": 3 }],
    "IPAM": { "Type": "host-local", "SUBNET": "s", "routes": [{ "DST": "d" }] },
    "DNS": { "NameServers": ["n"] }
  }`);
  t.match(config, {
    needed: "x",
    promiscMode: true,
    trunk: [{ minID: 3 }],
    ipam: { type: "host-local", subnet: "s", routes: [{ dst: "d" }] },
    dns: { nameservers: ["n"] },
  });
  t.equal(read('{"needed": "a", "NEEDED": "b"}').needed, "b", "the later spelling wins");
  t.equal(read('{"NEEDED": "b", "needed": "a"}').needed, "a");
});

t.test("keys that are data keep their case, whatever they are called", async (t) => {
  const { sysctl } = read(
    '{"needed": "x", "sysctl": {"A": "1", "a": "2", "__proto__": "3", "toString": "4"}}',
  );
  t.same(Object.entries(sysctl ?? {}), [
    ["A", "1"],
    ["a", "2"],
    ["__proto__", "3"],
    ["toString", "4"],
  ]);
  t.equal(Object.getPrototypeOf(sysctl), null);
});

t.test("null is absent; empty values are where the schema says so", async (t) => {
  const config = read('{"needed": "x", "mode": null, "mtu": null, "ipam": null, "dns": null}');
  t.equal(config.mode, "l2");
  t.notOk("mtu" in config || "ipam" in config || "dns" in config);
  const empty = read('{"needed": "", "mode": "", "mtu": 0, "table": 0, "ipam": {"type": ""}}');
  t.equal(empty.mode, "l2");
  t.notOk("mtu" in empty);
  t.equal(empty.table, 0, "0 is a value here");
  t.equal(empty.needed, "", "and so is this");
  t.notOk("type" in (empty.ipam ?? {}));
  t.equal(read('{"needed": "x", "mtu": 5, "MTU": null}').mtu, 5, "null undoes nothing");
  t.notOk("mtu" in read('{"needed": "x", "mtu": 5, "MTU": 0}'), "the later spelling wins");
});

t.test("unknown keys are tolerated", async (t) => {
  const text = `{"needed": "x", "typo": 1, "toString": 2, "__proto__": {"mtu": 9}, "constructor": 3,
    "args": {"cni": {"ips": ["i"], "N": null}}, "trunk": [{"minID": 1, "x": 2}]}`;
  const config = read(text);
  t.same(config.args, { cni: { ips: ["i"], N: null } }, "free-form objects come as they are");
  t.same({ ...config.trunk?.[0] }, { minID: 1 });
  t.notOk("typo" in config || "toString" in config || "mtu" in config);
});

t.test("a mistake is explained: the key, what it must be, what it is", async (t) => {
  t.equal(complaint({}), "none");
  t.equal(complaint({ mtu: "x" }), '"mtu" must be an integer, got "x"');
  t.equal(complaint({ MTU: 1.5 }), '"mtu" must be an integer, got 1.5');
  t.equal(complaint({ mtu: -1 }), '"mtu" must be at least 1, got -1');
  t.equal(complaint({ mtu: 70000 }), '"mtu" must be at most 65535, got 70000');
  t.equal(complaint({ mtu: "1500" }), '"mtu" must be an integer, got "1500"', "no coercion");
  t.equal(complaint({ promiscMode: "true" }), '"promiscMode" must be a boolean, got "true"');
  t.equal(complaint({ mode: "l4" }), '"mode" must be one of "l2", "l3", got "l4"');
  t.equal(complaint({ name2: "A1" }), '"name2" must match ^[a-z]+$, got "A1"');
  t.equal(complaint({ name2: "a" }), '"name2" must have at least 2 characters, got "a"');
  t.equal(complaint({ trunk: [] }), '"trunk" must have at least 1 items, got []');
  t.equal(complaint({ trunk: {} }), '"trunk" must be an array, got {}');
  t.equal(complaint({ trunk: [{ minID: 1 }, {}] }), '"trunk[1].minID" is missing');
  t.equal(complaint({ trunk: [{ minID: [] }] }), '"trunk[0].minID" must be an integer, got []');
  t.equal(complaint({ trunk: [null] }), '"trunk[0]" must be an object, got null');
  t.equal(complaint({ either: true }), '"either" must be a string or an integer, got true');
  t.equal(complaint({ sysctl: { "a/b~c": 1 } }), '"sysctl.a/b~c" must be a string, got 1');
  t.equal(complaint({ needed: null }), '"needed" is missing');
  t.equal(complaint({ ipam: { routes: [{}] } }), '"ipam.routes[0].dst" is missing');
  t.match(complaint({ mtu: "y".repeat(500) }), /got "y{56}\.\.\.$/);
});

t.test("the keys of every plugin are validated too", async (t) => {
  const all = configSchema({});
  const check = await validatorOf(all);
  const wrong = (key: string, value: unknown) => {
    const document = { [key]: value } as JsonObject;
    t.throws(() => readConfig(all, check, document), { code: 7 }, key);
  };
  for (const key of ["cniVersion", "name", "type"]) wrong(key, 5);
  for (const key of Object.keys(common)) wrong(key, 7);
  wrong("ipam", { type: 5 });
  wrong("capabilities", { portMappings: "yes" });
  wrong("dns", { nameservers: "1.2.3.4" });
});

t.test("a common key that is declared again is refined", async (t) => {
  const ipam: Property | undefined = schema.properties.ipam;
  t.same(Object.keys(ipam?.properties ?? {}), ["type", "subnet", "routes"]);
  t.same(
    { ...(normalise(schema, { ipam: { TYPE: "t", Subnet: "s", other: 1 } }) as JsonObject) },
    { ipam: { type: "t", subnet: "s" } },
  );
});
