/** firewall DEL and GC: what goes, what stays, with as little as the runtime still knows. */
import assert from "node:assert/strict";
import type { CallOptions } from "../harness/plugins.ts";
import { onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { cniVersion, dropForwarded, firewall, lists, network } from "./firewall-support.ts";

/** A result without anything behind it: rules need no links. */
function resultFor(number: number) {
  return {
    cniVersion,
    interfaces: [
      { name: "br0" },
      { name: `v${number}` },
      { name: "eth0", sandbox: "/run/netns/c1" },
    ],
    ips: [{ address: `10.1.2.${number}/24` }, { address: `2001:db8:42::${number}/64` }],
  };
}

const isolated = firewall({ ingressPolicy: "isolated" });

/** Which addresses of 10.1.2.0/24 there are rules or elements about, by the last byte. */
function known({ host }: Sandbox): string[] {
  const text = host.sh("nft list ruleset; iptables -S 2>/dev/null; ip6tables -S 2>/dev/null");
  return [
    ...new Set([...text.matchAll(/(?:10\.1\.2\.|db8:42::)(\d+)/g)].map(([, n]) => n ?? "")),
  ].sort();
}

/** What ADD makes once for all is there. */
function prepare({ host, cni }: Sandbox) {
  dropForwarded(host);
  cni.attach(firewall(), { containerId: "before", prevResult: resultFor(99) }).del();
  return host.state();
}

sandbox("DEL leaves what was before, and may be repeated", (box) => {
  const { host, cni } = box;
  const before = prepare(box);
  const attached = cni.attach(firewall(), { prevResult: resultFor(2) });
  assert.notDeepEqual(host.state(), before);
  attached.del();
  assert.deepEqual(host.state(), before);
  attached.del();
  cni.del(firewall());
  cni.del(firewall(), { containerId: "never" });
  assert.deepEqual(host.state(), before);
});

const whyResult = "it needs the result";
const withoutNetns: Record<string, CallOptions> = {
  "the namespace is gone": { container: "/run/netns/gone" },
  "no namespace is given": { container: "" },
};
for (const [how, options] of Object.entries(withoutNetns)) {
  onlyOurs(`DEL needs nothing but the names: ${how}`, whyResult, (box) => {
    const { host, cni } = box;
    const before = prepare(box);
    cni.add(isolated, { prevResult: resultFor(2) });
    cni.del({ type: "firewall" }, options);
    assert.deepEqual(host.state(), before);
  });
}

onlyOurs("DEL with a config that ADD would refuse", "it takes any", (box) => {
  const { host, cni } = box;
  const before = prepare(box);
  cni.add(isolated, { prevResult: resultFor(2) });
  cni.del(firewall({ backend: "what", ingressPolicy: "what" }));
  assert.deepEqual(host.state(), before);
});

onlyOurs("DEL takes nothing from who has the address now", "it does", (box) => {
  const { host, cni } = box;
  prepare(box);
  const prevResult = resultFor(2);
  cni.add(isolated, { containerId: "old", prevResult });
  cni.add(isolated, { containerId: "new", prevResult });
  const before = host.state();
  cni.del(isolated, { containerId: "old", prevResult });
  cni.del(isolated, { containerId: "never", prevResult });
  cni.check(isolated, { containerId: "new", prevResult });
  assert.deepEqual(known(box), ["2"]);
  assert.equal(lists(host, "iptables", /10\.1\.2\.2/).length, 2);
  cni.add(isolated, { containerId: "new", prevResult });
  assert.equal(lists(host, "iptables", /10\.1\.2\.2/).length, 2, "ADD again adds nothing");
  assert.equal(before.nft.length > host.state().nft.length, true, "the old one's notes are gone");
});

onlyOurs("an ADD after another forgets the addresses of the first", "they stay", (box) => {
  const { cni, host } = box;
  const before = prepare(box);
  cni.add(isolated, { prevResult: resultFor(2) });
  cni.add(isolated, { prevResult: resultFor(3) });
  assert.deepEqual(known(box), ["3"]);
  cni.del(isolated);
  assert.deepEqual(host.state(), before);
});

onlyOurs("two interfaces of a container, two networks", "it needs the result", (box) => {
  const { cni } = box;
  prepare(box);
  const add = (number: number, ifName: string, name: string) =>
    cni.add({ ...isolated, name }, { ifName, prevResult: resultFor(number) });
  add(2, "eth0", "net1");
  add(3, "eth1", "net1");
  add(4, "eth0", "net2");
  cni.del({ ...isolated, name: "net1" }, { ifName: "eth0" });
  assert.deepEqual(known(box), ["3", "4"]);
  cni.del({ ...isolated, name: "net2" }, { ifName: "eth0" });
  assert.deepEqual(known(box), ["3"]);
});

for (const backend of ["nftables", "iptables"]) {
  onlyOurs(`GC collects what is not valid, by ${backend}`, "it has none", (box) => {
    const { cni, host } = box;
    const before = prepare(box);
    const config = firewall({
      backend,
      ingressPolicy: backend === "iptables" ? "open" : "isolated",
    });
    const add = (containerId: string, number: number, name: string) =>
      cni.add({ ...config, name }, { containerId, prevResult: resultFor(number) });
    add("c1", 2, "net1");
    add("c2", 3, "net1");
    add("c3", 4, "net2");
    cni.gc({ ...config, name: "net1" }, [{ containerID: "c1", ifname: "eth0" }]);
    assert.deepEqual(known(box), ["2", "4"]);
    cni.check(config, { prevResult: resultFor(2) });
    cni.gc({ ...config, name: "net1" }, []);
    assert.deepEqual(known(box), ["4"]);
    cni.gc({ ...config, name: "net2" }, []);
    assert.deepEqual(host.state(), before);
  });
}

onlyOurs("all tables go with the last container", "there are none", ({ host, cni }) => {
  cni.add(isolated, { containerId: "c1", prevResult: resultFor(2) });
  cni.add(isolated, { containerId: "c2", prevResult: resultFor(3) });
  cni.del(isolated, { containerId: "c1" });
  cni.check(isolated, { containerId: "c2", prevResult: resultFor(3) });
  cni.del(isolated, { containerId: "c2" });
  assert.equal(host.sh("nft list ruleset"), "");
});

onlyOurs("a chain FORWARD that comes later: CHECK says so, ADD mends", "other rules", (box) => {
  const { host, cni } = box;
  const prevResult = cni.add(network);
  const attached = cni.attach(firewall(), { prevResult });
  attached.check();
  dropForwarded(host);
  assert.throws(attached.check, /FORWARD of nft table ip filter has no jump to CNI-FORWARD$/);
  cni.add(firewall(), { prevResult });
  attached.check();
  assert.equal(lists(host, "iptables", /^-A CNI-FORWARD/).length, 3);
  for (const program of ["iptables", "ip6tables"]) {
    for (const damage of ["-F FORWARD", "-F CNI-FORWARD", "-D CNI-FORWARD 3", "-D CNI-FORWARD 1"]) {
      host.sh(`${program} ${damage}`);
      assert.throws(attached.check, /^Error: The firewall is damaged: chain /, damage);
      cni.add(firewall(), { prevResult });
      attached.check();
    }
  }
  attached.del();
  assert.doesNotMatch(lists(host).join("\n"), /10\.1\.2/);
});

onlyOurs("flush ruleset, then DEL", "its chains are missing then", ({ host, cni }) => {
  dropForwarded(host);
  const attached = cni.attach(isolated, { prevResult: resultFor(2) });
  host.sh("nft flush ruleset");
  attached.del();
  assert.equal(host.sh("nft list ruleset"), "");
});
