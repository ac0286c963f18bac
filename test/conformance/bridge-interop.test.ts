/** A node changes from Go's bridge to ours, or back, while containers run. */
import assert from "node:assert/strict";
import { gatewayBridge, switchBridge } from "../harness/configs.ts";
import type { Config } from "../harness/plugins.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { bins, commonVersions, compared, type Side, sides } from "./go.ts";

const subnets = ["10.1.2.0/24", "2001:db8:42::/64"];
const configs: Record<string, Config> = {
  "layer 3": gatewayBridge(...subnets),
  // Go 1.1.1 knows this backend only, and has no key to say so.
  "layer 3 with ipMasq by iptables": {
    ...gatewayBridge(...subnets),
    ipMasq: true,
    ipMasqBackend: "iptables",
  },
  "layer 3 with macspoofchk": { ...gatewayBridge(...subnets), macspoofchk: true },
};

const other = (side: Side): Side => (side === "go" ? "ours" : "go");

/** The state when both sides have been there and left. */
function stateAfterBoth({ host, cni, addNamespace, removeNamespace }: Sandbox, config: Config) {
  for (const side of sides) {
    const container = addNamespace(`was-${side}`);
    const options = { container, containerId: `was-${side}`, bin: bins[side] };
    cni.attach(config, options).del();
    removeNamespace(`was-${side}`);
  }
  return host.state();
}

for (const adder of sides) {
  const remover = other(adder);
  for (const [name, base] of Object.entries(configs)) {
    for (const cniVersion of commonVersions) {
      compared(`${adder} ADDs, ${remover} CHECKs and DELs: ${name} [${cniVersion}]`, (box) => {
        const { host, container, cni } = box;
        const config = { ...base, cniVersion };
        const before = stateAfterBoth(box, config);
        const prevResult = cni.add(config, { bin: bins[adder] });
        assert(container.reaches("10.1.2.1"));
        if (cniVersion >= "0.4.0") cni.check(config, { bin: bins[remover], prevResult });
        cni.del(config, { bin: bins[remover], prevResult });
        // Go does not know our rules of nf_tables, nor our notes of leases: our GC takes them away.
        if (remover === "go") cni.gc({ ...config, cniVersion: "1.1.0" }, []);
        assert.deepEqual(host.state(), before);
        assert.deepEqual(container.links(), ["lo"]);
      });
    }
  }

  compared(
    `${adder} and ${remover} share a bridge and its leases`,
    ({ host, container, cni, addNamespace, reserved }) => {
      const config = { ...gatewayBridge(...subnets), cniVersion: "1.0.0" };
      const second = addNamespace("c2");
      cni.add(config, { bin: bins[adder] });
      cni.add(config, { bin: bins[remover], container: second, containerId: "c2" });
      assert.equal(host.links().filter((link) => link.startsWith("veth")).length, 2);
      assert(container.reaches("10.1.2.3"));
      assert(second.reaches("2001:db8:42::2"));
      assert.deepEqual(reserved(), ["10.1.2.2", "10.1.2.3", "2001:db8:42::2", "2001:db8:42::3"]);
      cni.del(config, { bin: bins[remover] });
      cni.del(config, { bin: bins[adder], container: second, containerId: "c2" });
      assert.deepEqual(reserved(), []);
    },
  );
}

compared("go ADDs, ours DELs after the namespace is gone: nothing stays", (box) => {
  const { host, cni, addNamespace } = box;
  const config = {
    ...gatewayBridge(...subnets),
    ...{ ipMasq: true, macspoofchk: true, cniVersion: "1.0.0" },
  };
  const before = stateAfterBoth(box, config);
  const gone = addNamespace("gone");
  const options = { container: gone, containerId: "gone" };
  const prevResult = cni.add(config, { ...options, bin: bins.go });
  box.removeNamespace("gone");
  cni.del(config, { ...options, bin: bins.ours, prevResult });
  assert.deepEqual(host.state(), before);
});

// The chains of macspoofchk do not name their network, so that GC cannot know whose they are.
compared("go ADDs, ours collects the garbage", (box) => {
  const { host, cni, addNamespace } = box;
  const config = {
    ...gatewayBridge(...subnets),
    ...{ ipMasq: true, cniVersion: "1.0.0" },
  };
  const before = stateAfterBoth(box, config);
  const gone = addNamespace("gone");
  cni.add(
    { ...config, cniVersion: "1.0.0" },
    { container: gone, containerId: "gone", bin: bins.go },
  );
  box.removeNamespace("gone");
  cni.gc({ ...config, cniVersion: "1.1.0" }, []);
  assert.deepEqual(host.state(), before);
});

compared("layer 2: ours DELs what go ADDed, and go what ours did", ({ host, cni }) => {
  for (const adder of sides) {
    const config = { ...switchBridge, cniVersion: "1.0.0" };
    const prevResult = cni.add(config, { bin: bins[adder] });
    cni.del(config, { bin: bins[other(adder)], prevResult });
    assert.deepEqual(host.links(), ["br0", "lo"]);
  }
});
