/** A node changes from Go's portmap to ours, or back, while containers run. */
import assert from "node:assert/strict";
import { attach, mapping, network, portmap } from "../applets/portmap-support.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { ask, serve } from "../harness/servers.ts";
import { bins, commonVersions, compared } from "./go.ts";

const mapped = [mapping(8080, 80), mapping(8053, 53, "udp")];
const ports = (cniVersion = "1.0.0") => ({ ...portmap(mapped), cniVersion });

/** The state when Go has been there and left: its shared chains stay. */
function stateAfterGo(box: Sandbox) {
  const container = box.addNamespace("was-go");
  const at = { container, containerId: "was-go" };
  attach(box, ports(), { ...at, bin: bins.go, network: { ...network, cniVersion: "1.0.0" } }).del();
  box.cni.del(network, at);
  box.removeNamespace("was-go");
  return box.host.state();
}

for (const cniVersion of commonVersions) {
  compared(`go ADDs, ours CHECKs and DELs [${cniVersion}]`, (box) => {
    const { host, cni } = box;
    const before = stateAfterGo(box);
    const prevResult = cni.add({ ...network, cniVersion });
    cni.add(ports(cniVersion), { prevResult, bin: bins.go });
    assert.match(host.sh("iptables-save -t nat; ip6tables-save -t nat"), /CNI-DN-/);
    if (cniVersion >= "0.4.0") cni.check(ports(cniVersion), { prevResult });
    cni.del({ type: "portmap", cniVersion });
    cni.del({ ...network, cniVersion });
    assert.deepEqual(host.state(), before);
  });
}

// Go 1.1.1 cannot CHECK: it looks for the rules of IPv4 among those of IPv6.
compared("ours ADDs with iptables, go DELs", (box) => {
  const { host, cni } = box;
  const before = stateAfterGo(box);
  const prevResult = cni.add({ ...network, cniVersion: "1.0.0" });
  const config = { ...ports(), backend: "iptables" };
  cni.add(config, { prevResult });
  cni.del(config, { prevResult, bin: bins.go });
  cni.del(network);
  assert.deepEqual(host.state(), before);
});

compared("containers of both are reached side by side", async (box) => {
  const { host, container, addNamespace } = box;
  const other = addNamespace("c2");
  const bridge = { ...network, cniVersion: "1.0.0" };
  const at = { container: other, containerId: "c2" };
  attach(box, { ...portmap([mapping(8080, 80)]), cniVersion: "1.0.0" }, { network: bridge });
  const prevResult = box.cni.add(bridge, at);
  const theirs = { ...portmap([mapping(8081, 80)]), cniVersion: "1.0.0" };
  box.cni.add(theirs, { ...at, prevResult, bin: bins.go });
  await serve(container, "one", "tcp/80");
  await serve(other, "two", "tcp/80");
  for (const who of [host, container, other]) {
    assert.match(ask(who, "tcp", "10.1.2.1", 8080) ?? "", /^one /);
    assert.match(ask(who, "tcp", "10.1.2.1", 8081) ?? "", /^two /);
  }
});

compared("ours collects the garbage of go", (box) => {
  const { host, cni } = box;
  const before = stateAfterGo(box);
  const prevResult = cni.add({ ...network, cniVersion: "1.0.0" });
  cni.add(ports(), { prevResult, bin: bins.go });
  cni.gc({ type: "portmap" }, [{ containerID: "other", ifname: "eth0" }]);
  cni.del(network);
  assert.deepEqual(host.state(), before);
});

// Go's backend for nft is newer than Debian's package: its rules by hand, as its sources have them.
compared("rules of go's backend for nft are recognised by their comment", ({ host, cni }) => {
  const rules = (id: string) => `
    add rule ip cni_hostport hostports tcp dport 8080 dnat to 10.1.2.2:80 comment "${id}"
    add rule ip cni_hostport hostip_hostports ip daddr 192.0.2.1 tcp dport 80 dnat to 10.1.2.2:80 comment "${id}"
    add rule ip cni_hostport masquerading ip saddr 10.1.2.2 ip daddr 10.1.2.2 masquerade comment "${id}"`;
  host.sh(`nft -f - <<'END'
    add table ip cni_hostport { comment "CNI portmap plugin"; }
    add chain ip cni_hostport hostports
    add chain ip cni_hostport hostip_hostports
    add chain ip cni_hostport masquerading { type nat hook postrouting priority 100; }
    ${rules("c1")}
    ${rules("c2")}
END`);
  const ids = () =>
    [...host.sh("nft list ruleset").matchAll(/comment "(c\d)"/g)].map(([, id]) => id);
  const prevResult = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
    ips: [{ interface: 0, address: "10.1.2.2/24" }],
  };
  cni.check(ports(), { prevResult });
  cni.del({ type: "portmap" });
  assert.deepEqual(ids(), ["c2", "c2", "c2"]);
  cni.del({ type: "portmap" }, { containerId: "c2" });
  assert.deepEqual(ids(), []);
});
