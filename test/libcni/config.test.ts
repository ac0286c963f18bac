/** Lists and plugins from text: what is taken, and the reference's words for what is not. */
import t from "tap";
import { listOf as listOfPlugin, parseList } from "../../src/libcni/config.ts";
import { ConfigError } from "../../src/libcni/errors.ts";
import { inject, parsePlugin } from "../../src/libcni/plugin-config.ts";
import { bytes } from "./support.ts";

const text = (data: Uint8Array) => new TextDecoder().decode(data);
const plugins = [{ type: "a" }];

function failure(list: string): unknown {
  try {
    return parseList(bytes(list));
  } catch (error) {
    return error;
  }
}

t.test("a list", async (t) => {
  const source = bytes(
    ' {"name":"n","cniVersion":"1.0.0","disableCheck":true,"disableGC":"TRUE","x":1,"plugins":[{"type":"b","z":{"y":2,"a":1e2}}]}',
  );
  const list = parseList(source);
  t.match(list, { name: "n", cniVersion: "1.0.0", disableCheck: true, disableGC: true });
  t.equal(list.loadOnlyInlinedPlugins, false);
  t.equal(list.bytes, source, "the bytes as they came");
  t.equal(text(list.plugins[0]?.bytes ?? new Uint8Array()), '{"type":"b","z":{"a":100,"y":2}}');
  t.match(parseList(bytes({ name: "../x" })), { name: "../x", cniVersion: "", plugins: [] });
});

t.test("what is no list", async (t) => {
  const cases: [object | string, string][] = [
    ["{", "unexpected end of JSON input"],
    ["[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"],
    ["null", "no name"],
    [{ NAME: "n" }, "no name"],
    [{ name: 1 }, "invalid name type float64"],
    [{ name: null }, "invalid name type <nil>"],
    [{ name: "n", cniVersion: [] }, "invalid cniVersion type []interface {}"],
    [{ name: "n", cniVersions: {} }, "invalid type for cniVersions: []interface {}"],
    [
      { name: "n", cniVersions: ["1.0.0", {}] },
      "invalid type for cniVersions index 1: map[string]interface {}",
    ],
    [
      { name: "n", cniVersions: ["1.0.f"] },
      'invalid cniVersions entry 1.0.f at index 0: failed to convert micro version part "f": strconv.Atoi: parsing "f": invalid syntax',
    ],
    [
      { name: "n", cniVersion: "x", cniVersions: [] },
      'invalid cniVersion x: failed to convert major version part "x": strconv.Atoi: parsing "x": invalid syntax',
    ],
    [{ name: "n", disableCheck: "Maybe" }, 'invalid value "maybe" for disableCheck'],
    [{ name: "n", disableGC: null }, "invalid type <nil> for disableGC"],
    [{ name: "n", loadOnlyInlinedPlugins: 1 }, "invalid type float64 for loadOnlyInlinedPlugins"],
    [
      { name: "n", loadOnlyInlinedPlugins: true },
      "`loadOnlyInlinedPlugins` is true, and no 'plugins' key",
    ],
    [{ name: "n", plugins: {} }, "invalid 'plugins' type map[string]interface {}"],
    [{ name: "n", plugins: [] }, "no plugins in list"],
  ];
  for (const [value, message] of cases) {
    const expected = new ConfigError(`error parsing configuration list: ${message}`);
    t.throws(() => parseList(bytes(value)), { message: expected.message, name: "ConfigError" });
  }
  t.throws(() => parseList(bytes({ name: "n", plugins: [{ type: "a" }, {}] })), {
    message: "failed to parse plugin config 1: error parsing configuration: missing 'type'",
  });
  t.match(failure('{"name":\n "n",}'), { position: "line 2, column 6" });
});

t.test("the version is the highest that we know", async (t) => {
  const select = (cniVersion: string | undefined, cniVersions?: string[]) =>
    parseList(bytes({ name: "n", cniVersion, cniVersions, plugins })).cniVersion;
  t.equal(select(undefined, ["0.4.0", "1.1.0", "1.0.0"]), "1.1.0");
  t.equal(select("0.4.0", ["0.3.1", "99.0.0"]), "0.4.0");
  t.equal(select("0.3.0", ["1.0", "0.4.0"]), "1.0", "spelled as it was");
  t.equal(select("1.2.3", ["99.0.0"]), "1.2.3", "nothing to choose from");
  t.equal(select("1.2.3"), "1.2.3", "alone it is used whatever it is");
  t.equal(select(undefined, []), "");
});

t.test("a plugin", async (t) => {
  const plugin = parsePlugin(
    bytes({ TYPE: "a", name: "n", capabilities: { mac: true, ips: false, aliases: true }, x: 1 }),
  );
  t.match(plugin, { type: "a", name: "n", cniVersion: "", capabilities: ["aliases", "mac"] });
  const cases: [object | string, string][] = [
    ["", "unexpected end of JSON input"],
    ["null", "missing 'type'"],
    ["[]", "json: cannot unmarshal array into Go value of type types.PluginConf"],
    [
      { type: 1 },
      "json: cannot unmarshal number into Go struct field PluginConf.type of type string",
    ],
    [
      { type: "a", ipam: { type: 1 } },
      "json: cannot unmarshal number into Go struct field PluginConf.ipam.type of type string",
    ],
    [
      { type: "a", capabilities: { mac: "yes" } },
      "json: cannot unmarshal string into Go struct field PluginConf.capabilities of type bool",
    ],
    [
      { type: "a", prevResult: [] },
      "json: cannot unmarshal array into Go struct field PluginConf.prevResult of type map[string]interface {}",
    ],
  ];
  for (const [value, message] of cases) {
    t.throws(() => parsePlugin(bytes(value)), {
      message: `error parsing configuration: ${message}`,
    });
  }
});

t.test("a plugin alone as a list", async (t) => {
  const list = listOfPlugin(
    parsePlugin(bytes({ type: "a", name: "n", cniVersion: "0.3.0", b: 1 })),
  );
  t.match(list, { name: "n", cniVersion: "0.3.0", plugins: [{ type: "a", document: { b: 1 } }] });
});

t.test("keys that are set", async (t) => {
  const plugin = parsePlugin(bytes({ type: "a", z: { b: 2, a: 1 } }));
  const changed = inject(inject(plugin, { k: [1] }), { k: 2, name: "n" });
  t.equal(text(changed.bytes), '{"k":2,"name":"n","type":"a","z":{"a":1,"b":2}}');
  t.same(plugin.document, { type: "a", z: { b: 2, a: 1 } }, "the other stays as it was");
  t.throws(() => inject(plugin, { "": 1 }), { message: "keys cannot be empty" });
  t.throws(() => inject(plugin, { k: null }), { message: "key 'k' value must not be nil" });
});
