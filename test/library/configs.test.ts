/** Configs and results, as the library takes and gives them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { directory } from "../harness/directory.ts";
import {
  convertResult,
  loadNetwork,
  loadNetworks,
  parseNetwork,
  validateConfig,
  versions,
} from "./built.ts";

const list = { cniVersion: "1.1.0", name: "web" };
const local = { type: "host-local", subnet: "10.1.2.0/24" };

t.test("a config that is right has no problems", async (t) => {
  const plugins = [
    { type: "bridge", ISGATEWAY: true, ipam: local, args: { any: { thing: 1 } } },
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "somebody-elses", whatever: 1 },
  ];
  t.strictSame(validateConfig({ ...list, plugins }), []);
  t.strictSame(validateConfig(JSON.stringify({ ...list, plugins })), []);
  t.strictSame(validateConfig({ ...list, ...plugins[0] }), [], "one plugin is a config too");
});

t.test("mistakes are told in the words of the plugins", async (t) => {
  const wrong = (...plugins: object[]) => validateConfig({ ...list, plugins });
  const error = (plugin: string, message: string) => ({
    severity: "error" as const,
    plugin,
    message,
    code: 7,
  });
  t.strictSame(wrong({ type: "bridge", mtu: "x" }, { type: "bridge", hairpinMode: 1 }), [
    error("bridge", 'Cannot read config: "mtu" must be an integer, got "x"'),
    error("bridge", 'Cannot read config: "hairpinMode" must be a boolean, got 1'),
  ]);
  t.match(wrong({ type: "vlan", ipam: local }), [{ plugin: "vlan", message: /"master" field is/ }]);
  t.strictSame(
    wrong({ type: "bridge", ipam: { ...local, ranges: 7 } }),
    [error("host-local", 'Cannot read config: "ipam.ranges" must be an array, got 7')],
    "the IPAM plugin is asked too",
  );
  t.match(
    wrong({ type: "bridge", vlan: 5000, ipam: { ...local, rangeStart: "10.9.9.9" } }),
    [
      { plugin: "bridge", code: 7, message: /invalid VLAN ID 5000/ },
      { plugin: "host-local", message: /10\.9\.9\.9/ },
    ],
    "what the schema cannot say",
  );
});

t.test("mistyped keys are warnings", async (t) => {
  const warnings = (plugin: object) =>
    validateConfig({ ...list, plugins: [plugin] }).map(
      ({ severity, plugin, message }) => `${severity}: ${plugin}: ${message}`,
    );
  t.strictSame(warnings({ type: "bridge", ismasq: 1, xyzzy: 1 }), [
    'warning: bridge: unknown key "ismasq"; did you mean "ipMasq"?',
    'warning: bridge: unknown key "xyzzy"',
  ]);
  t.strictSame(
    warnings({ type: "bridge", ipam: { ...local, ranges: [[{ subnet: "::/64", gw: 1 }]] } }),
    ['warning: host-local: unknown key "ipam.ranges[0][0].gw"'],
  );
  t.strictSame(warnings({ type: "brigde" }), [
    'warning: brigde: unknown plugin "brigde"; did you mean "bridge"?',
  ]);
});

t.test("what is wrong with the list", async (t) => {
  const messages = (config: object | string) =>
    validateConfig(config).map(({ message }) => message);
  t.match(messages('{\n  "name": ,\n}'), [/^error parsing .* \(line 2, column 11\)$/]);
  t.match(messages({ name: "web" }), ["no plugin configs found"]);
  t.match(messages({ plugins: [] }), [/no name/]);
  t.match(messages({ ...list, name: "we b", type: "x-y-z" }), [/^invalid characters .*; we b$/]);
  t.match(messages({ name: "web", cniVersion: "1.7.0", type: "x-y-z" }), [
    /^incompatible CNI versions; config is "1.7.0"/,
  ]);
});

t.test("networks come from files, lists, and single plugins", async (t) => {
  const folder = directory(t, {
    "10-web.conflist": JSON.stringify({ ...list, plugins: [{ type: "one" }] }),
    "20-old.conf": JSON.stringify({ name: "old", type: "two" }),
    "30-bad.conflist": '{ "name": "bad" ]',
  });
  mkdirSync(join(folder, "web"));
  writeFileSync(join(folder, "web/10-more.conf"), '{ "type": "three" }');
  const types = (network: ReturnType<typeof parseNetwork>) =>
    network.plugins.map(({ type }) => type);

  t.strictSame(types(await loadNetwork(folder, "web")), ["one", "three"]);
  t.strictSame(types(await loadNetwork(folder, "old")), ["two"]);
  await t.rejects(loadNetwork(folder, "none"), { name: "NotFoundError" });
  await t.rejects(loadNetwork(join(folder, "nowhere"), "web"), { name: "NoConfigsFoundError" });
  t.match(await loadNetworks(folder), [
    { file: join(folder, "10-web.conflist"), network: { name: "web" } },
    {
      file: join(folder, "30-bad.conflist"),
      error: { name: "ConfigError", position: "line 1, column 17" },
    },
    { file: join(folder, "20-old.conf"), network: { name: "old" } },
  ]);
  t.strictSame(types(parseNetwork({ ...list, type: "one" })), ["one"]);
  t.strictSame(types(parseNetwork('{ "name": "a", "plugins": [{ "type": "b" }] }')), ["b"]);
});

t.test("a result converts to every version and back", async (t) => {
  const result = {
    cniVersion: "1.1.0",
    ips: [{ address: "10.1.2.3/24", gateway: "10.1.2.1" }, { address: "fd00::3/64" }],
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }, { dst: "::/0" }],
    dns: { nameservers: ["10.1.2.1"] },
  };
  for (const version of versions) {
    const there = convertResult(result, version);
    t.equal(there.cniVersion, version);
    t.strictSame(convertResult(there, "1.1.0"), result, version);
    t.strictSame(convertResult(JSON.stringify(there), version), there, "as text");
  }
  t.strictSame(convertResult(result, "0.2.0").ip6, { ip: "fd00::3/64", routes: [{ dst: "::/0" }] });
  t.strictSame(convertResult(result, "0.4.0").ips?.[1], { version: "6", address: "fd00::3/64" });
  t.throws(() => convertResult({ cniVersion: "1.1.0" }, "0.2.0"), /no valid IP addresses/);
  t.throws(() => convertResult({ cniVersion: "9.9.9" }, "1.1.0"), /unsupported CNI result version/);
  t.throws(() => convertResult("{", "1.1.0"), /unexpected end of JSON input/);
});
