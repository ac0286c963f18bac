/** bridge: vlan, vlanTrunk and preserveDefaultVlan. */
import assert from "node:assert/strict";
import { gatewayBridge, switchBridge } from "../harness/configs.ts";
import {
  type Json,
  type Namespace,
  onlyOurs,
  type Sandbox,
  type SandboxOptions,
  sandbox,
  versions,
} from "../harness/sandbox.ts";

const filtering = { needs: ["CONFIG_BRIDGE_VLAN_FILTERING"] } satisfies SandboxOptions;
const since = "Go 1.1.1 has no trunk, and keeps the default VLAN";
const trunk = [{ id: 101 }, { minID: 200, maxID: 202 }];

/** The VLANs of a port: `100 pvid untagged`, `101`, ... */
function vlansOf(host: Namespace, port: string): string[] {
  const [entry] = host.json(`bridge -j vlan show dev ${port}`);
  return (entry?.vlans ?? []).flatMap((vlan: Json) => {
    const flags = (vlan.flags ?? []).map((f: string) => (f === "PVID" ? "pvid" : "untagged"));
    const last = vlan.vlanEnd ?? vlan.vlan;
    return Array.from({ length: last - vlan.vlan + 1 }, (_, i) =>
      [vlan.vlan + i, ...flags].join(" "),
    );
  });
}

const layer2: Record<string, { keys: object; vlans: string[] }> = {
  "vlan 100": { keys: { vlan: 100 }, vlans: ["100 pvid untagged"] },
  vlanTrunk: { keys: { vlanTrunk: trunk }, vlans: ["1 pvid untagged", "101", "200", "201", "202"] },
  "vlan and vlanTrunk": {
    keys: { vlan: 100, vlanTrunk: trunk },
    vlans: ["100 pvid untagged", "101", "200", "201", "202"],
  },
  "vlan with preserveDefaultVlan": {
    keys: { vlan: 100, preserveDefaultVlan: true },
    vlans: ["1 untagged", "100 pvid untagged"],
  },
  "a trunk that names an id twice": {
    keys: { vlanTrunk: [{ id: 5 }, { minID: 4, maxID: 6 }] },
    vlans: ["1 pvid untagged", "4", "5", "6"],
  },
  "an empty trunk": { keys: { vlanTrunk: [] }, vlans: ["1 pvid untagged"] },
};

for (const [name, { keys, vlans }] of Object.entries(layer2)) {
  onlyOurs(`layer 2: ${name}`, since, filtering, ({ host, cni, stateWithout }) => {
    const config = { ...switchBridge, ...keys };
    const before = stateWithout(config);
    const attached = cni.attach(config);
    assert.equal(host.link("br0").linkinfo.info_data.vlan_filtering, 1);
    assert.deepEqual(vlansOf(host, attached.result.interfaces[1].name), vlans);
    attached.check();
    attached.del();
    assert.deepEqual(host.state(), before);
  });
}

sandbox("without vlan the bridge does not filter", filtering, ({ host, cni }) => {
  cni.add(switchBridge);
  assert.equal(host.link("br0").linkinfo.info_data.vlan_filtering, 0);
});

onlyOurs(
  "containers in one VLAN reach each other, in another not",
  since,
  filtering,
  ({ container, cni, addNamespace }) => {
    const [same, other] = [addNamespace("same"), addNamespace("other")];
    cni.add({ ...switchBridge, vlan: 100 });
    cni.add({ ...switchBridge, vlan: 100 }, { container: same, containerId: "same" });
    cni.add({ ...switchBridge, vlan: 200 }, { container: other, containerId: "other" });
    for (const [i, namespace] of [container, same, other].entries()) {
      namespace.sh(`ip addr add 10.8.0.${i + 1}/24 dev eth0`);
    }
    assert(container.reaches("10.8.0.2"));
    assert(container.silent("10.8.0.3"));
  },
);

for (const cniVersion of versions.with("interfaces")) {
  onlyOurs(
    `layer 3: the gateway of VLAN 100 [${cniVersion}]`,
    since,
    filtering,
    ({ host, container, cni, addNamespace }) => {
      const config = { ...gatewayBridge("10.1.2.0/24", "2001:db8:42::/64"), vlan: 100, cniVersion };
      const { interfaces } = cni.add(config);
      assert.deepEqual(
        interfaces.map((i: Json) => i.name.replace(/^veth.*/, "veth")),
        ["br0", "veth", "eth0", "br0.100"],
      );
      assert.equal(interfaces[3].mac, host.link("br0.100").address);
      assert.equal(host.links().length, 5);
      assert.deepEqual(host.addresses("br0"), []);
      assert.deepEqual(host.addresses("br0.100"), ["10.1.2.1/24", "2001:db8:42::1/64"]);
      const gateway = host.link("br0.100");
      assert.equal(gateway.linkinfo.info_kind, "veth");
      const peer = host.json("ip -j link").find((l: Json) => l.ifname === gateway.link);
      assert.equal(peer.master, "br0");
      assert.deepEqual(vlansOf(host, peer.ifname), ["100 pvid untagged"]);
      assert(container.reaches("10.1.2.1"));
      assert(container.reaches("2001:db8:42::1"));

      // A second container uses the same gateway interface.
      const other = addNamespace("c2");
      cni.add(config, { container: other, containerId: "c2" });
      assert.equal(host.links().length, 6);
      assert(other.reaches("10.1.2.1"));
    },
  );
}

const errors: [object, string, boolean][] = [
  [{ vlan: -100 }, "invalid VLAN ID -100 (must be between 0 and 4094)", true],
  [{ vlan: 5000 }, "invalid VLAN ID 5000 (must be between 0 and 4094)", true],
  [{ vlanTrunk: [{ minID: 0, maxID: 10 }] }, "incorrect trunk minID parameter", false],
  [{ vlanTrunk: [{ minID: 4095, maxID: 4096 }] }, "incorrect trunk minID parameter", false],
  [{ vlanTrunk: [{ minID: 10, maxID: 4095 }] }, "incorrect trunk maxID parameter", false],
  [
    { vlanTrunk: [{ minID: 20, maxID: 10 }] },
    "minID is greater than maxID in trunk parameter",
    false,
  ],
  [
    { vlanTrunk: [{ minID: 20 }] },
    "minID and maxID should be configured simultaneously, maxID is missing",
    false,
  ],
  [
    { vlanTrunk: [{ maxID: 20 }] },
    "minID and maxID should be configured simultaneously, minID is missing",
    false,
  ],
  [{ vlanTrunk: [{ id: 4095 }] }, "incorrect trunk id parameter", false],
  [{ vlanTrunk: [{ id: -1 }] }, "incorrect trunk id parameter", false],
];

for (const [keys, message, known] of errors) {
  const name = `${JSON.stringify(keys)} is an error: ${message}`;
  const body = ({ host, cni }: Sandbox) => {
    const before = host.state();
    assert.throws(
      () => cni.add({ ...gatewayBridge(), ...keys }),
      (error: Error) => error.message.includes(message),
    );
    assert.deepEqual(host.state(), before);
  };
  if (known) sandbox(name, body);
  else onlyOurs(name, "not in Go 1.1.1", body);
}
