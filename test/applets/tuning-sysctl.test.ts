/** tuning: sysctls, and the operator's list of those that are allowed. */
import assert from "node:assert/strict";
import { CniFailure, differs, go, type Namespace, onlyOurs, sandbox } from "../harness/sandbox.ts";
import { cable, prevResult, tuning } from "./tuning-support.ts";

const at = { prevResult: prevResult() };

/** Of the case alone; the machine's /etc is not touched. */
function allow(host: Namespace, ...patterns: string[]): void {
  host.sh(`mkdir -p /run/etc/cni/tuning
    mountpoint -q /etc || mount --bind /run/etc /etc
    printf '%s\\n' ${patterns.map((pattern) => `'${pattern}'`).join(" ")} >/etc/cni/tuning/allowlist.conf`);
}

onlyOurs(
  "sysctls are those of the container, in any spelling",
  "1.1.1 splits an interface's name",
  ({ host, container, cni }) => {
    cable(host, "c1", "e.1");
    const theirs = host.sysctl("net/core/somaxconn");
    const sysctl = {
      "net.core.somaxconn": "500",
      "net/ipv4/ip_local_port_range": "2000\t3000",
      "net.ipv4.conf.IFNAME.arp_notify": "1",
      "net/ipv4.neigh/IFNAME/proxy_qlen": "7",
    };
    cni.add(tuning({ sysctl }), { ...at, ifName: "e.1" });
    assert.equal(container.sysctl("net/core/somaxconn"), "500");
    assert.equal(container.sysctl("net/ipv4/ip_local_port_range"), "2000\t3000");
    assert.equal(container.sysctl("net/ipv4/conf/e.1/arp_notify"), "1");
    assert.equal(container.sysctl("net/ipv4/neigh/e.1/proxy_qlen"), "7");
    assert.equal(host.sysctl("net/core/somaxconn"), theirs);
    cni.del(tuning({ sysctl }), { ifName: "e.1" });
    assert.equal(container.sysctl("net/core/somaxconn"), "500", "they are not set back");
  },
);

onlyOurs("args.cni.sysctl needs no other sysctl", "it crashes", ({ host, container, cni }) => {
  cable(host);
  cni.add(tuning({ args: { cni: { sysctl: { "net.core.somaxconn": "500" } } } }), at);
  assert.equal(container.sysctl("net/core/somaxconn"), "500");
  const sysctl = { "net/core/somaxconn": "501" };
  cni.add(tuning({ sysctl, args: { cni: { sysctl: { "net.core.somaxconn": "502" } } } }), at);
  assert.equal(container.sysctl("net/core/somaxconn"), "502", "spelled otherwise");
});

sandbox("what is no sysctl of the network is refused", ({ host, cni }) => {
  cable(host);
  for (const key of [
    "kernel.hostname",
    "net",
    "net/",
    "..",
    "net/../kernel/x",
    "vm.overcommit",
    "",
  ]) {
    const why = key === "net/../kernel/x" || /^net.?$/.test(key) ? /./ : /invalid net sysctl key/;
    assert.throws(() => cni.add(tuning({ sysctl: { [key]: "1" } }), at), why, key);
  }
  assert.throws(
    () => cni.add(tuning({ sysctl: { "net.core.nonesuch": "1" } }), at),
    differs("words", {
      go: /open \/proc\/sys\/net\/core\/nonesuch: /,
      ours: /Cannot write sysctl "net\/core\/nonesuch": No such file or directory/,
    }),
  );
  assert.throws(
    () => cni.add(tuning({ sysctl: { "net.core.somaxconn": "many" } }), at),
    /invalid argument/i,
  );
  assert.throws(() => cni.add(tuning({ sysctl: { "net.core.somaxconn": 1 } }), at), /sysctl/);
});

onlyOurs("a failed ADD sets sysctls back", "it leaves them", ({ host, container, cni }) => {
  cable(host);
  const before = container.sysctl("net/core/somaxconn");
  const sysctl = {
    "net.core.somaxconn": "500",
    "net.ipv4.conf.eth0.arp_notify": "1",
    "net.x": "1",
  };
  assert.throws(() => cni.add(tuning({ sysctl }), at), /Cannot write sysctl "net\/x"/);
  assert.equal(container.sysctl("net/core/somaxconn"), before);
  assert.equal(container.sysctl("net/ipv4/conf/eth0/arp_notify"), "0");
});

/** Calls with a config that no object can say. */
function raw(command: string, sysctl: string, more = "") {
  return `{"cniVersion":"1.0.0","name":"n","type":"tuning","sysctl":${sysctl}${more},
    "prevResult":${JSON.stringify(prevResult())},"x":"${command}"}`;
}

onlyOurs(
  "a key that stands twice is refused",
  "1.1.1 takes the last",
  ({ host, container, cni }) => {
    cable(host);
    const before = container.sysctl("net/core/somaxconn");
    const call = (command: string, input: string) => {
      const env = {
        ...{ CNI_COMMAND: command, CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_PATH: "/x" },
        CNI_NETNS: container.netns,
      };
      const { stdout } = cni.raw("tuning", { env, input });
      return stdout === "" ? "" : (JSON.parse(stdout).msg ?? "");
    };
    const twice = '{"net.core.somaxconn":"500","net.core.somaxconn":"501"}';
    const why = /^duplicated sysctl keys are not allowed/;
    for (const command of ["ADD", "CHECK"]) {
      assert.match(call(command, raw(command, twice)), why);
      const spelled = '{"net.core.somaxconn":"500","net/core/somaxconn":"501"}';
      assert.match(call(command, raw(command, spelled)), why, "in two spellings");
      const nested = `,"args":{"cni":{"sysctl":${twice}}}`;
      assert.match(call(command, raw(command, "{}", nested)), why, "in args.cni");
      assert.match(call(command, raw(command, twice, ',"SYSCTL":{}')), /^$|CHECK|duplicated/);
      assert.match(call(command, raw(command, "{}", ',"sysctl":{"net.core.somaxconn":"1"}')), why);
    }
    assert.equal(call("DEL", raw("DEL", twice)), "");
    assert.equal(container.sysctl("net/core/somaxconn"), before);
  },
);

sandbox("CHECK compares the values", ({ host, container, cni }) => {
  cable(host);
  const sysctl = { "net.core.somaxconn": "500", "net.ipv4.ip_local_port_range": "2000 3000" };
  const attached = cni.attach(tuning({ sysctl }), at);
  if (!go) attached.check(); // tabs there
  container.sh("echo 3 >/proc/sys/net/core/somaxconn");
  assert.throws(
    () => attached.check(),
    differs("words", {
      go: /configured value of .* current value is/,
      ours: /Sysctl "net.core.somaxconn" is not as configured; expected 500, found 3/,
    }),
  );
  const gone = tuning({ sysctl: { "net.nonesuch": "1" } });
  assert.throws(() => cni.check(gone, at), /nonesuch/);
});

onlyOurs("what can only be written is set, and not compared", "CHECK fails", (box) => {
  const { host, cni } = box;
  cable(host);
  cni.attach(tuning({ sysctl: { "net.ipv4.route.flush": "1" } }), at).check();
});

onlyOurs("only what the operator allows", "1.1.1 has no list", ({ host, container, cni }) => {
  cable(host);
  allow(host, "^net\\.core\\.somaxconn$", "  ", "^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$");
  const sysctl = { "net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_notify": "1" };
  cni.add(tuning({ sysctl, mtu: 1400 }), at);
  assert.equal(container.sysctl("net/core/somaxconn"), "500");
  const other = tuning({ sysctl: { ...sysctl, "net/core/somaxconn": "500" } });
  assert.throws(
    () => cni.add(other, at),
    /Sysctl net\/core\/somaxconn is not allowed\. Only the following sysctls are allowed: \[\^net\\\.core\\\.somaxconn\$ \^net/,
  );
  const nested = tuning({ sysctl, args: { cni: { sysctl: { "net.ipv4.ip_forward": "1" } } } });
  assert.throws(() => cni.add(nested, at), /net\.ipv4\.ip_forward is not allowed/);
  cni.del(other);
  cni.add(tuning({ mtu: 1400 }), at);
  allow(host, "");
  assert.throws(() => cni.add(tuning({ sysctl }), at), /is not allowed/, "an empty list");
  allow(host, "net\\.core.(");
  assert.throws(
    () => cni.add(tuning({ sysctl }), at),
    /Cannot use \/etc\/cni\/tuning\/allowlist\.conf: "net\\\.core\.\("/,
  );
});

onlyOurs("STATUS tells what ADD would refuse", "1.1.1 has none", ({ host, cni }) => {
  const status = (more: object) => cni.status(tuning(more, "1.1.0"));
  status({});
  status({ sysctl: { "net.core.somaxconn": "1" }, mac: "02:00:00:00:00:01" });
  allow(host, "^net\\.ipv6");
  const because = (why: RegExp) => (e: unknown) =>
    e instanceof CniFailure && e.code === 7 && why.test(e.message);
  assert.throws(() => status({ sysctl: { "net.core.x": "1" } }), because(/not allowed/));
  assert.throws(() => status({ sysctl: { "vm.x": "1" } }), because(/invalid net sysctl key/));
  assert.throws(() => status({ mac: "x" }), because(/invalid args x for MAC addr/));
});
