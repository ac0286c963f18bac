/** vlan: one VLAN of an interface of the host. */
import assert from "node:assert/strict";
import { childCases, configOf, type Kind } from "../harness/children.ts";
import { CniFailure, differs, onlyOurs, sandbox } from "../harness/sandbox.ts";

const needs: Kind["needs"] = ["CONFIG_VLAN_8021Q"];
const kind: Kind = {
  type: "vlan",
  needs,
  keys: { vlanId: 33 },
  shares: false,
  goLeaves: { links: ["e1", "e2", "e3", "e4", "lo"], leases: [] },
};
const config = configOf(kind);

childCases(kind);

sandbox("vlan has the ID and the MTU of the config, or the master's", { needs }, (box) => {
  const { host, container, cni, addOutside } = box;
  addOutside();
  host.sh("ip link set out0 mtu 1400");
  for (const [vlanId, mtu, expected] of [
    [33, 1300, 1300],
    [4094, 0, 1400],
    [0, 1400, 1400],
  ]) {
    const attached = cni.attach({ ...config, vlanId, mtu });
    const eth0 = container.link("eth0");
    assert.equal(eth0.linkinfo.info_data.id, vlanId);
    assert.equal(eth0.linkinfo.info_data.protocol, "802.1Q");
    assert.equal(eth0.mtu, expected);
    assert.equal(eth0.address, host.link("out0").address);
    attached.check();
    attached.del();
  }
  for (const mtu of [1401, -100]) {
    assert.throws(
      () => cni.add({ ...config, mtu }),
      new RegExp(`invalid MTU ${mtu}, must be \\[0, master MTU\\(1400\\)\\]`),
    );
  }
  for (const vlanId of [-1, 4095]) {
    assert.throws(
      () => cni.add({ ...config, vlanId }),
      new RegExp(`invalid VLAN ID ${vlanId} \\(must be between 0 and 409[45] inclusive\\)`),
    );
  }
  const { master: _, ...without } = config;
  assert.throws(
    () => cni.add(without),
    /"master" field is required\. It specifies the host interface/,
  );
  assert.throws(() => cni.add({ ...config, ipam: {} }), /no plugin name provided/);
});

onlyOurs(
  "a VLAN that the master has already is said to be there",
  "bare words",
  { needs },
  (box) => {
    const { host, cni, addOutside } = box;
    addOutside();
    host.sh("ip link add link out0 name out0.33 type vlan id 33");
    assert.throws(
      () => cni.add(config),
      /failed to create vlan: Cannot add vlan link "eth0": File exists \(8021q: VLAN device already exists\)/,
    );
  },
);

sandbox("an error of vlan's IPAM plugin keeps its code", { needs }, (box) => {
  const { host, cni, addOutside } = box;
  addOutside();
  const code = differs("it becomes 999", { go: 999, ours: 11 });
  host.sh(`mkdir /run/ipam; printf '#!/bin/sh\\necho "{\\\\"code\\\\": 11, \\\\"msg\\\\": \\\\"later\\\\"}"; exit 1' >/run/ipam/busy
    chmod +x /run/ipam/busy`);
  assert.throws(
    () => cni.add({ ...config, ipam: { type: "busy" } }, { env: { CNI_PATH: "/run/ipam" } }),
    (error) => error instanceof CniFailure && error.code === code && /later$/.test(error.msg),
  );
});

sandbox("vlan CHECK compares what ADD made", { needs }, (box) => {
  const { container, cni, addOutside } = box;
  addOutside();
  const prevResult = cni.add({ ...config, mtu: 1400 });
  const failing = (change: object, go: RegExp, ours: RegExp) =>
    assert.throws(
      () => cni.check({ ...config, ...change }, { prevResult }),
      differs("wording", { go, ours }),
    );
  failing(
    { vlanId: 34 },
    /configured promisc is 34, current value is 33/,
    /VLAN ID of eth0: 33 does not match expected value: 34/,
  );
  failing(
    { mtu: 1300 },
    /configured MTU of eth0 is 1300, current value is 1400/,
    /MTU of eth0: 1400 does not match expected value: 1300/,
  );
  failing(
    { master: "x" },
    /failed to lookup master "x": Link not found/,
    /failed to lookup master "x": Link not found/,
  );
  assert.throws(() => cni.check(config), /Required prevResult missing/);
  container.sh("ip link set eth0 address 02:00:00:00:00:09");
  failing({}, /doesn't match container Mac: 02:00:00:00:00:09/, /another MAC than prevResult/);
  container.sh("ip link del eth0; ip link add eth0 type veth peer name x");
  failing({}, /not of type vlan/, /Interface "eth0" is not of kind vlan; found veth/);
});
