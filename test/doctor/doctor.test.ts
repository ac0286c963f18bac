/** `cnibox doctor`: what it finds on a node, and that it leaves all as it is. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { gatewayBridge } from "../harness/configs.ts";
import { pluginPath } from "../harness/hosts.ts";
import { type Json, type Namespace, onlyOurs } from "../harness/sandbox.ts";

const bridge = gatewayBridge("10.1.2.0/24");

/** A node whose directory of plugins is made by `--install`. */
function node(host: Namespace, ...plugins: object[]) {
  host.sh(
    `mkdir -p /run/net.d /run/cni-bin; ${realpathSync(pluginPath("bridge"))} --install /run/cni-bin`,
  );
  const write = (path: string, text: string) => host.run(["tee", path], { input: text });
  write(
    "/run/net.d/10-web.conflist",
    JSON.stringify({ cniVersion: "1.0.0", name: "web", plugins }),
  );
  const env = { NETCONFPATH: "/run/net.d" };
  const cnibox = (...args: string[]) => host.run(["/run/cni-bin/cnibox", ...args], { env });
  return {
    write,
    /** What doctor prints, after its exit status. */
    ask(): string[] {
      const before = host.state();
      const { status, stdout, stderr } = cnibox("doctor");
      assert.deepEqual(host.state(), before, "it changes nothing");
      assert.equal(stderr, "");
      const listed = JSON.parse(cnibox("doctor", "--json").stdout);
      const lines = listed.map((one: Json) => `${one.severity}: ${one.about}: ${one.message}`);
      assert.equal(stdout, lines.length > 0 ? `${lines.join("\n")}\n` : "ok\n", "as with --json");
      return [String(status), ...lines];
    },
    cnitool(...args: string[]): void {
      const { status, stderr } = cnibox("cnitool", ...args);
      assert.equal(status, 0, stderr);
    },
  };
}

onlyOurs("a node on which all is well", "it has no doctor", ({ host }) => {
  const { ask, cnitool } = node(host, bridge, { type: "portmap" });
  assert.deepEqual(ask(), ["0"]);
  cnitool("add", "web", "/run/netns/c1");
  assert.deepEqual(ask(), ["0"]);
  cnitool("del", "web", "/run/netns/c1");
  assert.deepEqual(ask(), ["0"]);
});

onlyOurs("networks that cannot attach a container", "it has no doctor", ({ host }) => {
  const full = { type: "host-local", subnet: "10.1.2.0/24", rangeStart: "10.1.2.9" };
  const ipam = { ...full, rangeEnd: "10.1.2.9" };
  const { write, ask, cnitool } = node(host, { ...bridge, ipam }, { type: "absent" });
  write("/run/net.d/20-broken.conflist", "{");
  write(
    "/run/net.d/30-typo.conflist",
    JSON.stringify({ cniVersion: "1.0.0", name: "typo", plugins: [{ ...bridge, mtuu: 1 }] }),
  );
  const [status, ...findings] = ask();
  assert.equal(status, "1");
  assert.equal(findings.length, 3);
  assert.match(findings[0] ?? "", /^error: \/run\/net\.d\/20-broken\.conflist: .*unexpected end/);
  assert.equal(
    findings[1],
    'error: /run/net.d/30-typo.conflist: plugins[0]: unknown key "mtuu"; did you mean "mtu"?',
  );
  assert.equal(
    findings[2],
    'error: web: absent: failed to find plugin "absent" in path [/run/cni-bin]',
  );

  host.sh("rm /run/net.d/[23]*");
  write(
    "/run/net.d/10-web.conflist",
    JSON.stringify({ cniVersion: "1.0.0", name: "web", plugins: [{ ...bridge, ipam }] }),
  );
  assert.deepEqual(ask(), ["0"]);
  cnitool("add", "web", "/run/netns/c1");
  const [, fullNow = ""] = ask();
  assert.match(fullNow, /^error: web: bridge: no IP addresses available in range set: .* 1 of 1 /);
});

onlyOurs("what is left of containers that are gone", "it has no doctor", (box) => {
  const { host, addNamespace, removeNamespace } = box;
  const { ask, cnitool } = node(host, { ...bridge, ipMasq: true });
  addNamespace("blue");
  for (const name of ["blue", "c1"]) {
    cnitool("add", "web", `/run/netns/${name}`, "--container-id", name);
  }
  removeNamespace("blue");
  assert.deepEqual(ask(), [
    "0",
    "warning: web: blue/eth0: its namespace /run/netns/blue is gone, and there was no DEL",
  ]);
  host.sh("rm /var/lib/cni/results/*");
  const link = host.links().find((name) => name.startsWith("veth"));
  const [status, ...found] = ask();
  assert.deepEqual(
    [status, ...found.slice(0, 3), ...found.slice(3).sort()],
    [
      "0",
      "warning: web: blue/eth0: holds 10.1.2.2, and is not attached",
      "warning: web: c1/eth0: holds 10.1.2.3, and is not attached",
      `warning: web: c1/eth0: has link ${link}, and is not attached`,
      "warning: web: blue/eth0: has rules in table ip cnibox_ipmasq, and is not attached",
      "warning: web: c1/eth0: has rules in table ip cnibox_ipmasq, and is not attached",
    ],
  );
  cnitool("gc", "web", "--valid=");
  host.sh("rm -r /var/lib/cni/results");
  assert.deepEqual(ask(), ["0"]);
});

onlyOurs("a host that does not forward", "it has no doctor", ({ host }) => {
  const { ask, cnitool } = node(host, bridge);
  cnitool("add", "web", "/run/netns/c1");
  host.sh("echo 0 >/proc/sys/net/ipv4/ip_forward");
  assert.deepEqual(ask(), [
    "1",
    "error: web: net.ipv4.ip_forward is off: its containers reach nothing but this host",
  ]);
});

onlyOurs("a directory of plugins that is not as it was installed", "it has no doctor", (box) => {
  const { ask } = node(box.host, bridge);
  box.host.sh(`cd /run/cni-bin; rm tap; ln -s nowhere flannel
    ln -sf nowhere vlan; cp --remove-destination /bin/true ptp`);
  assert.deepEqual(ask(), [
    "1",
    "error: /run/cni-bin/flannel: leads to no file",
    "error: /run/cni-bin/vlan: leads to no file",
    "warning: /run/cni-bin/ptp: is another program than the others: cnibox --install /run/cni-bin",
    "warning: /run/cni-bin/tap: is missing: cnibox --install /run/cni-bin",
  ]);
  box.host.sh("/run/cni-bin/cnibox --install /run/cni-bin; rm /run/cni-bin/flannel");
  assert.deepEqual(ask(), ["0"]);
});

onlyOurs("a node without networks, and a wrong command line", "it has no doctor", ({ host }) => {
  const { ask } = node(host, bridge);
  host.sh("rm /run/net.d/*");
  assert.deepEqual(ask(), ["1", "error: /run/net.d: there is no network config"]);
  const wrong = host.run(["/run/cni-bin/cnibox", "doctor", "--xml"]);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /doctor takes --json and nothing else, not "--xml"/);
});

onlyOurs("what cannot be looked at", "it has no doctor", ({ host }) => {
  const { ask } = node(host, bridge);
  host.sh("mkdir /var/lib/cni; touch /var/lib/cni/results");
  const [status, finding = "", ...others] = ask();
  assert.deepEqual([status, others], ["1", []]);
  assert.match(finding, /^error: \/var\/lib\/cni: .*ENOTDIR/);
});

onlyOurs("the tables that it looks into are all that there are", "it has no doctor", () => {
  const tablesIn = (path: string) => {
    const files = readdirSync(path).map((file) => readFileSync(join(path, file), "utf8"));
    return [...new Set(files.join("").match(/"cnibox_\w+"/g))].sort();
  };
  assert.deepEqual(tablesIn("src/doctor"), tablesIn("src/net"));
});
