/** `cnibox validate`: what it finds in network configs, and what it leaves alone. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { directory as temporary } from "../harness/directory.ts";
import { executable, run } from "./program.ts";

const validate = (paths: string[], env: Record<string, string> = {}) =>
  run(executable, ["validate", ...paths], { env });

const ipam = { type: "host-local", subnet: "10.1.2.0/24" };

/** The lines about one list of plugins, without the file's name. */
function linesOf(
  t: Parameters<typeof temporary>[0],
  plugins: object[],
  more: object = {},
): string[] {
  const config = JSON.stringify({ cniVersion: "1.1.0", name: "web", plugins, ...more });
  const file = join(temporary(t, { "web.conflist": config }), "web.conflist");
  const { stdout } = validate([file]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(`${file}: `, ""));
}

t.test("a good config", async (t) => {
  const chain = [
    { type: "bridge", isGateway: true, ipam },
    { type: "portmap", capabilities: { portMappings: true } },
  ];
  t.same(linesOf(t, chain), ["ok"]);
  t.same(
    linesOf(t, chain, {
      disableCheck: "true",
      cniVersions: ["0.4.0"],
      loadOnlyInlinedPlugins: true,
    }),
    ["ok"],
  );
});

t.test("unknown keys, at every level, with what was probably meant", async (t) => {
  const bridge = {
    type: "bridge",
    mtuu: 1500,
    xyzzy: 1,
    ipam: { ...ipam, subent: "10.0.0.0/8", routes: [{ dst: "0.0.0.0/0", gwy: "10.1.2.1" }] },
    capabilities: { mca: true, mac: true, none: false },
    "cni.dev/x": 1,
  };
  t.same(linesOf(t, [bridge], { disablecheck: true }), [
    'error: unknown key "disablecheck"; did you mean "disableCheck"?',
    'error: plugins[0]: unknown key "mtuu"; did you mean "mtu"?',
    'error: plugins[0]: unknown key "xyzzy"',
    'error: plugins[0].ipam: unknown key "subent"; did you mean "subnet"?',
    'error: plugins[0].ipam: unknown key "routes[0].gwy"; did you mean "gw"?',
    'error: plugins[0].capabilities: bridge has no capability "mca"; did you mean "mac"?',
  ]);
});

t.test("capabilities of the plugin and of its IPAM plugin", async (t) => {
  const capabilities = { mac: true, ips: true, ipRanges: true };
  t.same(linesOf(t, [{ type: "bridge", ipam, capabilities }]), ["ok"]);
  t.same(linesOf(t, [{ type: "bridge", ipam: { type: "static" }, capabilities }]), [
    'error: plugins[0].capabilities: bridge has no capability "ipRanges"',
  ]);
  t.same(linesOf(t, [{ type: "bridge", capabilities: { ips: true } }]), [
    'error: plugins[0].capabilities: bridge has no capability "ips"',
  ]);
  t.same(linesOf(t, [{ type: "bridge", ipam: { type: "whereabouts" }, capabilities }]), [
    'note: plugins[0].ipam.type: "whereabouts" is neither built in nor in CNI_PATH',
  ]);
});

t.test("what the schema cannot say, and ADD would refuse", async (t) => {
  const behind = (plugin: object) => [{ type: "bridge", ipam }, plugin];
  const pool = (...subnets: string[]) => ({
    type: "host-local",
    ranges: [subnets.map((subnet) => ({ subnet }))],
  });
  const cases: [plugins: object[], message: string | RegExp][] = [
    [[{ type: "bridge", ipam: pool("10.1.2.0/31") }], /10\.1\.2\.0\/31.* too small/],
    [[{ type: "bridge", ipam: pool("10.1.2.0/24", "10.1.0.0/16") }], /overlap/],
    [[{ type: "bridge", ipam: { ...ipam, rangeStart: "10.9.9.9" } }], /10\.9\.9\.9.*not in/],
    [
      [{ type: "bridge", ipam: { type: "static", addresses: [{ address: "10.1.2.3" }] } }],
      /10\.1\.2\.3/,
    ],
    [
      [{ type: "bridge", hairpinMode: true, promiscMode: true }],
      /hairpin mode and promiscuous mode/,
    ],
    [[{ type: "bridge", ipMasqBackend: "ipchains" }], /ipchains/],
    [[{ type: "bridge", vlan: 4095 }], /invalid VLAN ID 4095/],
    [behind({ type: "portmap", markMasqBit: 32 }), /MasqMarkBit must be between 0 and 31/],
    [behind({ type: "portmap", backend: "ipchains" }), /unrecognized backend "ipchains"/],
    [behind({ type: "tuning", mac: "00:11:22" }), /00:11:22/],
    [behind({ type: "tuning", mtu: -1 }), /Cannot set mtu to -1/],
  ];
  for (const [plugins, message] of cases) {
    const lines = linesOf(t, plugins);
    t.equal(lines.length, 1, lines.join("\n"));
    t.match(lines[0], /^error: plugins\[[01]\]/);
    t.match(lines[0], message);
  }
});

t.test("what the runtime may give need not stand in the config", async (t) => {
  const given = { ipRanges: true, ips: true };
  t.same(linesOf(t, [{ type: "bridge", ipam: { type: "host-local" }, capabilities: given }]), [
    "ok",
  ]);
});

t.test("every network on the plugins' pages is good", async (t) => {
  const networks = readdirSync("docs/plugins").flatMap((page) =>
    [...readFileSync(`docs/plugins/${page}`, "utf8").matchAll(/```json\n(.*?)```/gs)].flatMap(
      ([, text = ""], index) =>
        text.includes('"plugins"') ? [[`${page}-${index}.conflist`, text] as const] : [],
    ),
  );
  t.ok(networks.length > 10);
  const { status, stdout } = validate([temporary(t, Object.fromEntries(networks))]);
  t.equal(status, 0);
  t.notMatch(stdout, /: (error|note): /, stdout);
});

t.test("values that the plugins refuse", async (t) => {
  t.same(
    linesOf(t, [
      { type: "bridge", mtu: "big", ipam: { ...ipam, routes: [{}] } },
      { type: "tap", owner: {} },
    ]),
    [
      'error: plugins[0]: "mtu" must be an integer, got "big"',
      'error: plugins[0]: "ipam.routes[0].dst" is missing',
      'error: plugins[1]: "owner" must be an integer, got {}',
    ],
  );
});

t.test("names, versions and plugins", async (t) => {
  const plugins = [
    { type: "loopback", cniVersion: "0.4.0" },
    { type: "calico" },
    { type: "../bridge" },
  ];
  t.same(linesOf(t, plugins, { name: "a/b", cniVersion: "1.2.0" }), [
    "error: name: invalid characters found in network name; a/b",
    'error: cniVersion: "1.2.0" is none of 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0',
    "note: plugins[0].cniVersion: the list's counts",
    'note: plugins[1].type: "calico" is neither built in nor in CNI_PATH',
    "error: plugins[2].type: invalid plugin name: ../bridge",
  ]);
  const path = temporary(t, { calico: "" });
  const conf = temporary(t, { "a.conf": '{"NAME":"a","type":"calico"}' });
  t.same(validate([conf], { CNI_PATH: path }), {
    status: 0,
    stdout: `${conf}/a.conf: note: cniVersion: it is missing, which means 0.1.0\n`,
    stderr: "",
  });
});

t.test("letter case is a remark, and remarks are no failure", async (t) => {
  t.same(linesOf(t, [{ type: "bridge", IsGateway: true, ipam }]), [
    'note: plugins[0]: key "IsGateway" is usually written "isGateway"',
  ]);
});

t.test("a directory, its folders, and files that are no configs", async (t) => {
  const directory = temporary(t, {
    "1.conflist": '{"name": "half",\n "plugins": [{]',
    "2.conflist": '{"cniVersion":"1.0.0","name":"folder"}',
    "3.conflist": '{"cniVersion":"1.0.0","name":"none"}',
    "4.conf": '{"cniVersion":"1.0.0","name":"x","type":"loopback"}',
    "readme.txt": "no config",
  });
  mkdirSync(join(directory, "folder"));
  writeFileSync(join(directory, "folder/1.conf"), '{"type":"bridge","brdge":"br0"}');
  const done = validate([], { NETCONFPATH: directory });
  t.same([done.status, done.stderr], [1, ""]);
  t.same(
    done.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(directory.length + 1)),
    [
      "1.conflist: error: line 2, column 15: error parsing configuration list: invalid character ']' looking for beginning of object key string",
      '2.conflist: error: folder/*.conf (bridge): unknown key "brdge"; did you mean "bridge"?',
      "3.conflist: error: there is no plugin",
      "4.conf: ok",
    ],
  );
  t.same(validate([join(directory, "4.conf"), join(directory, "4.conf")]).status, 0);
  t.match(validate([join(directory, "none")]), {
    status: 1,
    stdout: "",
    stderr: /^cnibox: no network config in /,
  });
});
