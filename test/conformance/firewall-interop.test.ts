/** firewall of Go's and ours: the same state, and a node that changes from one to the other. */
import assert from "node:assert/strict";
import { dropForwarded, lists } from "../applets/firewall-support.ts";
import { gatewayBridge, v4, v6 } from "../harness/configs.ts";
import type { Config } from "../harness/plugins.ts";
import type { Namespace, Sandbox } from "../harness/sandbox.ts";
import { bins, compared, type Side, sides } from "./go.ts";

const network: Config = { ...gatewayBridge(v4, v6), cniVersion: "1.0.0" };

function firewall(more: object = {}): Config {
  return { type: "firewall", cniVersion: "1.0.0", ...more };
}

const programs = ["iptables", "ip6tables"];
const rules = (host: Namespace) => programs.map((program) => lists(host, program));

/** What a side leaves of its shared chains; the Go plugin never removes them. */
function stateAfter(box: Sandbox, config: Config, side: Side) {
  const container = box.addNamespace("before");
  const at = { container, containerId: "before" };
  const prevResult = box.cni.add(network, at);
  box.cni.attach(config, { ...at, prevResult, bin: bins[side] }).del();
  box.cni.del(network, at);
  box.removeNamespace("before");
  return box.host.state();
}

/** Go 1.1.1, which Debian has, knew one policy; its comments name both since there are two. */
const asOld = (lines: string[]) =>
  lines.map((line) => line.replace("same-bridge|isolated", "same-bridge"));

const configs: Record<string, object> = {
  "accept rules on a host with docker": {},
  "another chain for the operator": { iptablesAdminChainName: "MINE" },
  "accept rules by iptables": { backend: "iptables" },
  "policy same-bridge by iptables": { backend: "iptables", ingressPolicy: "same-bridge" },
};

for (const [what, config] of Object.entries(configs)) {
  compared(`the same rules: ${what}`, (box) => {
    const { host, cni } = box;
    dropForwarded(host);
    const prevResult = cni.add(network);
    const seen = sides.map((side) => {
      const asked = firewall(config);
      const attached = cni.attach(asked, { prevResult, bin: bins[side] });
      if (side === "ours" || !("ingressPolicy" in config)) {
        cni.check(asked, { prevResult, bin: bins[side === "go" ? "ours" : "go"] });
      }
      const added = rules(host).map(asOld);
      attached.del();
      const left = rules(host).map(asOld);
      for (const program of programs) {
        host.sh(`${program} -F CNI-FORWARD; ${program} -D FORWARD 1
          ${program} -S FORWARD | grep -q ISOLATION && ${program} -D FORWARD 1 || true
          for chain in CNI-FORWARD CNI-ISOLATION-STAGE-1 CNI-ISOLATION-STAGE-2 CNI-ADMIN MINE; do
            ${program} -F $chain 2>/dev/null || true
          done
          for chain in CNI-FORWARD CNI-ISOLATION-STAGE-1 CNI-ISOLATION-STAGE-2 CNI-ADMIN MINE; do
            ${program} -X $chain 2>/dev/null || true
          done`);
      }
      return { result: attached.result.ips, added, left };
    });
    assert.deepEqual(seen[1], seen[0]);
  });
}

compared("go ADDs, ours CHECKs and DELs", (box) => {
  const { host, cni } = box;
  dropForwarded(host);
  const before = stateAfter(box, firewall(), "go");
  const prevResult = cni.add(network);
  cni.add(firewall(), { prevResult, bin: bins.go });
  cni.check(firewall(), { prevResult });
  cni.check(firewall({ backend: "iptables" }), { prevResult });
  cni.del(firewall(), { prevResult });
  cni.del(network);
  assert.deepEqual(host.state(), before);
});

for (const backend of ["nftables", "iptables"]) {
  compared(`ours ADDs by ${backend}, go CHECKs and DELs, and ours collects its notes`, (box) => {
    const { host, cni } = box;
    dropForwarded(host);
    const before = stateAfter(box, firewall(), "go");
    const prevResult = cni.add(network);
    cni.add(firewall({ backend }), { prevResult });
    cni.check(firewall(), { prevResult, bin: bins.go });
    cni.del(firewall(), { prevResult, bin: bins.go });
    assert.doesNotMatch(JSON.stringify(rules(host)), /-[sd] (10|2001)/);
    cni.gc(firewall({ cniVersion: "1.1.0" }), []);
    cni.del(network);
    assert.deepEqual(host.state(), before);
  });
}

compared("go ADDs what ours has: our DEL takes all of it", (box) => {
  const { host, cni } = box;
  dropForwarded(host);
  const before = stateAfter(box, firewall(), "go");
  const prevResult = cni.add(network);
  cni.add(firewall(), { prevResult });
  cni.add(firewall(), { prevResult, bin: bins.go });
  assert.equal(lists(host, "iptables", /-[sd] 10\./).length, 2, "each finds the other's");
  cni.add(firewall(), { prevResult });
  assert.equal(lists(host, "iptables", /-[sd] 10\./).length, 2);
  cni.del(firewall());
  cni.del(network);
  assert.deepEqual(host.state(), before);
});
