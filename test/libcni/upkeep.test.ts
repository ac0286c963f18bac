/** GC, STATUS, and whether plugins suit a network. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { CniError } from "../../src/cni/errors.ts";
import { addList } from "../../src/libcni/lists.ts";
import { parsePlugin } from "../../src/libcni/plugin-config.ts";
import type { Runtime } from "../../src/libcni/runtime.ts";
import {
  gcList,
  statusList,
  validateList,
  validateNetwork,
  versionInfo,
} from "../../src/libcni/upkeep.ts";
import {
  about,
  bytes,
  type Call,
  drive,
  driveToFailure,
  listOf,
  printed,
  runtimeWith,
} from "./support.ts";

const two = {
  plugins: [
    { type: "one", x: 1 },
    { type: "two", prevResult: { cniVersion: "1.0.0" } },
  ],
};
const net = listOf({ name: "net", cniVersion: "1.1.0", ...two });
const said = (calls: Call[]) =>
  calls.map(({ command, type, environ }) =>
    [command, type, environ.CNI_CONTAINERID].join(" ").trim(),
  );
const keys = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/** Three attachments of `net`, and one of another network. */
function withAttachments(runtime: Runtime) {
  const add = (list: typeof net, more: object) =>
    drive(addList(runtime, list, { ...about, ...more }), () => printed("10.0.0.1/8"));
  add(net, { containerId: "c1", args: [["A", "b"]], capabilityArgs: { mac: "x" } });
  add(net, { containerId: "c2" });
  add(net, { containerId: "c2", ifName: "eth1" });
  add({ ...net, name: "other" }, { containerId: "c1" });
}
const left = ({ cacheDirectory }: Runtime, name: string) =>
  existsSync(join(cacheDirectory, "results", name));

t.test(
  "GC: DEL of what is not valid, then GC of each plugin with the list of the valid",
  async (t) => {
    const { runtime } = runtimeWith(t, "one", "two");
    withAttachments(runtime);
    const { calls } = drive(gcList(runtime, net, [{ containerId: "c2", ifName: "eth1" }]));
    t.same(said(calls), [
      "DEL two c1",
      "DEL one c1",
      "DEL two c2",
      "DEL one c2",
      "GC one",
      "GC two",
    ]);
    t.match(calls[0]?.environ, { CNI_NETNS: "/run/netns/c1", CNI_ARGS: "A=b", CNI_IFNAME: "eth0" });
    t.match(calls[0]?.stdin.prevResult, { ips: [{ address: "10.0.0.1/8" }] });
    const valid = [{ containerID: "c2", ifname: "eth1" }];
    t.same(calls[4]?.stdin, {
      cniVersion: "1.1.0",
      name: "net",
      type: "one",
      x: 1,
      [keys[0] ?? ""]: valid,
      [keys[1] ?? ""]: valid,
    });
    for (const name of ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"]) {
      t.equal(calls[4]?.environ[name], "", name);
    }
    t.notOk(left(runtime, "net-c1-eth0"));
    t.ok(left(runtime, "net-c2-eth1"));
    t.ok(left(runtime, "other-c1-eth0"));
  },
);

t.test("GC: no attachment is valid, nothing said of any, and networks without", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two");
  withAttachments(runtime);
  t.same(drive(gcList(runtime, { ...net, disableGC: true }, [])).calls, []);

  const old = drive(
    gcList(runtime, { ...net, cniVersion: "1.0.0" }, [{ containerId: "c1", ifName: "eth0" }]),
  );
  t.same(said(old.calls), ["DEL two c2", "DEL one c2", "DEL two c2", "DEL one c2"]);
  const none = drive(gcList(runtime, net, []));
  t.same(said(none.calls), ["DEL two c1", "DEL one c1", "GC one", "GC two"]);
  for (const key of keys) t.same(none.calls[2]?.stdin[key], [], "an empty list, not null");
  const unsaid = drive(gcList(runtime, net));
  t.same(said(unsaid.calls), ["GC one", "GC two"]);
  for (const key of keys) t.notOk(key in (unsaid.calls[0]?.stdin ?? {}));
});

t.test("GC does all it can, and then reports all that went wrong", async (t) => {
  const { runtime, bin } = runtimeWith(t, "one", "two");
  withAttachments(runtime);
  const { calls, error } = driveToFailure(gcList(runtime, net, []), ({ command, type, environ }) =>
    (command === "DEL" && type === "two" && environ.CNI_CONTAINERID === "c1") ||
    (command === "GC" && type === "one")
      ? new CniError(11, `${command} refused`)
      : "",
  );
  t.equal(calls.length, 8);
  t.equal(
    error.message,
    `failed to delete stale attachment c1 eth0: plugin type="two" failed (delete): DEL refused
failed to GC plugin one: GC refused`,
  );
  t.match(error, { errors: [{ code: 11 }, { code: 11 }] });
  t.ok(left(runtime, "net-c1-eth0"));
  t.notOk(left(runtime, "net-c2-eth0"));

  rmSync(join(bin, "one"));
  rmSync(join(runtime.cacheDirectory, "results"), { recursive: true });
  writeFileSync(join(runtime.cacheDirectory, "results"), "");
  const blind = driveToFailure(gcList(runtime, net, []));
  t.same(said(blind.calls), ["GC two"]);
  t.match(
    blind.error.message,
    /^failed to list the cached attachments: .*\nfailed to GC plugin one: failed to find/,
  );
});

t.test("STATUS: the first that is not ready says why", async (t) => {
  const { runtime, bin } = runtimeWith(t, "one", "two");
  const { calls } = drive(statusList(runtime, net));
  t.same(said(calls), ["STATUS one", "STATUS two"]);
  t.same(calls[0]?.stdin, { cniVersion: "1.1.0", name: "net", type: "one", x: 1 });
  const failed = driveToFailure(statusList(runtime, net), ({ type }) =>
    type === "one" ? new CniError(50, "no uplink") : "",
  );
  t.match(failed, { calls: { length: 1 }, error: { code: 50, message: "no uplink" } });
  for (const cniVersion of ["1.0.0", "x"]) {
    t.same(drive(statusList(runtime, { ...net, cniVersion })).calls, []);
  }
  rmSync(join(bin, "two"));
  t.match(driveToFailure(statusList(runtime, net)), {
    calls: [],
    error: { message: /failed to find/ },
  });
});

const answer = (...supportedVersions: string[]) =>
  JSON.stringify({ cniVersion: "1.0.0", supportedVersions });

t.test("whether plugins suit a network", async (t) => {
  const { runtime } = runtimeWith(t, "one", "two");
  const list = listOf({
    name: "net",
    cniVersion: "1.0.0",
    plugins: [
      { type: "two", capabilities: { portMappings: true, mac: true } },
      { type: "one", capabilities: { mac: true, ips: false, bandwidth: true } },
    ],
  });
  const good = drive(validateList(runtime, list), () => answer("0.4.0", "1.0.0"));
  t.same(good.value, ["bandwidth", "mac", "portMappings"]);
  t.equal(good.calls.length, 2);
  const { environ, stdin } = good.calls[0] as Call;
  t.same(stdin, { cniVersion: "1.1.0" });
  t.match(environ, {
    CNI_COMMAND: "VERSION",
    CNI_CONTAINERID: "",
    CNI_NETNS: "dummy",
    CNI_IFNAME: "dummy",
    CNI_ARGS: "",
    CNI_PATH: "dummy",
  });

  const three = { ...list, plugins: [...list.plugins, ...list.plugins.slice(0, 1)] };
  const wrong = driveToFailure(validateList(runtime, three), () => answer("0.4.0"));
  t.equal(
    wrong.error.message,
    '[plugin two does not support config version "1.0.0" plugin one does not support config version "1.0.0" plugin two does not support config version "1.0.0"]',
  );
  t.same(
    drive(validateList(runtime, { ...list, cniVersion: "" }), () => answer("0.1.0")).value.length,
    3,
  );

  const plugin = parsePlugin(
    bytes({ type: "nope", cniVersion: "1.0.0", capabilities: { mac: true } }),
  );
  t.equal(
    driveToFailure(validateNetwork(runtime, plugin)).error.message,
    `failed to find plugin "nope" in path [${runtime.path}]`,
  );
  t.same(drive(validateNetwork(runtime, { ...plugin, type: "one" }), () => answer("1.0.0")).value, [
    "mac",
  ]);
});

t.test("what plugins answer to VERSION", async (t) => {
  const { runtime } = runtimeWith(t, "one");
  const asked = (reply: string | Error) => drive(versionInfo(runtime, "one"), () => reply).value;
  t.same(asked(answer("0.-42.0", "1.0.0")).supportedVersions, ["0.-42.0", "1.0.0"]);
  t.same(asked('{"cniVersion":"0.2.0"}').supportedVersions, ["0.1.0", "0.2.0"]);
  const old = new CniError("InvalidEnvironmentVariables", "unknown CNI_COMMAND: VERSION");
  t.same(asked(old), { cniVersion: "0.1.0", supportedVersions: ["0.1.0"] });
  t.throws(() => asked("{}"), { message: "decoding version info: missing field cniVersion" });
  t.throws(() => asked(new CniError("Internal", "broken")), { message: "broken" });
});
