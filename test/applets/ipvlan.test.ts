/** ipvlan: an interface that shares the MAC of one of the host. */
import assert from "node:assert/strict";
import { childCases, configOf, ipam4, type Kind } from "../harness/children.ts";
import { differs, type Json, sandbox, versions } from "../harness/sandbox.ts";

const needs: Kind["needs"] = ["CONFIG_IPVLAN"];
const kind: Kind = {
  type: "ipvlan",
  needs,
  shares: true,
  goLeaves: { links: ["e1", "e2", "e3", "e4", "lo"], leases: ["192.0.2.10"] },
};
const config = configOf(kind);

childCases(kind);

sandbox("ipvlan in each mode", { needs }, ({ host, container, cni, addOutside }) => {
  addOutside();
  for (const mode of ["l2", "l3", "l3s", ""]) {
    const attached = cni.attach({ ...config, mode });
    const eth0 = container.link("eth0");
    assert.equal(eth0.linkinfo.info_data.mode, mode || "l2");
    assert.equal(eth0.linkinfo.info_data.flags?.[0] ?? "bridge", "bridge");
    assert.equal(eth0.address, host.link("out0").address);
    attached.check();
    assert.throws(
      () =>
        cni.check(
          { ...config, mode: mode === "l3" ? "l2" : "l3" },
          { prevResult: attached.result },
        ),
      /Container IPVlan mode \w+ does not match expected value: \w+/,
    );
    attached.del();
  }
  assert.throws(() => cni.add({ ...config, mode: "bridge" }), /unknown ipvlan mode: "bridge"/);
});

sandbox("ipvlan has the MTU of the config, or of the master", { needs }, (box) => {
  const { host, container, cni, addOutside } = box;
  addOutside();
  host.sh("ip link set out0 mtu 1400");
  for (const [mtu, expected] of [
    [1300, 1300],
    [0, 1400],
  ]) {
    const attached = cni.attach({ ...config, mtu });
    assert.equal(container.link("eth0").mtu, expected);
    attached.del();
  }
});

/** A result of a plugin before, with one interface of the host. */
function previous(more: object = {}): Json {
  return {
    cniVersion: versions.latest,
    interfaces: [{ name: "out0", mac: "02:00:00:00:00:05" }],
    ips: [{ address: "192.0.2.77/24", gateway: "192.0.2.2", interface: 0 }],
    routes: [{ dst: "198.51.100.0/24" }],
    dns: { nameservers: ["192.0.2.53"] },
    ...more,
  };
}

sandbox(
  "ipvlan behind another plugin sits on its interface, with its addresses",
  { needs },
  (box) => {
    const { host, container, cni, addOutside } = box;
    addOutside();
    const { master: _, ipam: __, ...bare } = config;
    const before = host.state();
    const result = cni.add(bare, { prevResult: previous() });
    const eth0 = container.link("eth0");
    assert.equal(eth0.link_index, host.link("out0").ifindex);
    assert.deepEqual(result, {
      cniVersion: versions.latest,
      interfaces: [{ name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" }],
      ips: [{ address: "192.0.2.77/24", gateway: "192.0.2.2", interface: 0 }],
      routes: [{ dst: "198.51.100.0/24" }],
      ...differs("1.1.1 prints it", { go: { dns: {} }, ours: {} }),
    });
    assert.deepEqual(container.addresses("eth0"), ["192.0.2.77/24"]);
    assert.deepEqual(container.routes(), [
      "192.0.2.0/24 dev eth0",
      "198.51.100.0/24 via 192.0.2.2 dev eth0",
    ]);
    assert(container.reaches("192.0.2.2"));
    // CHECK and DEL get this plugin's own result.
    if (versions.latest === "1.1.0") cni.check(bare, { prevResult: result });
    cni.del(bare, { prevResult: result });
    assert.deepEqual(container.links(), ["lo"]);
    assert.deepEqual(host.state(), before);
  },
);

sandbox(
  "ipvlan behind another plugin, with a master or an IPAM plugin of its own",
  { needs },
  (box) => {
    const { host, container, cni, addOutside } = box;
    addOutside();
    host.sh("ip link add decoy0 type veth peer name decoy1; ip link set decoy0 up");
    const { master: _, ...withIpam } = config;
    cni.add(withIpam, { prevResult: previous() });
    assert.deepEqual(container.addresses("eth0"), ["192.0.2.10/24"]);
    assert.equal(container.link("eth0").link_index, host.link("out0").ifindex);
    cni.del(config);
    const decoy = previous({ interfaces: [{ name: "decoy0" }] });
    cni.add({ type: "ipvlan", master: "out0" }, { prevResult: decoy });
    assert.deepEqual(container.addresses("eth0"), ["192.0.2.77/24"]);
    assert.equal(container.link("eth0").link_index, host.link("out0").ifindex);
  },
);

const unclear = /chained master failure\. PrevResult lacks a single named interface/;
const chains: Record<string, [Json, RegExp]> = {
  "no interface": [previous({ interfaces: undefined, ips: [] }), unclear],
  "two interfaces": [previous({ interfaces: [{ name: "out0" }, { name: "b" }] }), unclear],
  "one without a name": [previous({ interfaces: [{ mac: "02:00:00:00:00:05" }] }), unclear],
  "one that is not there": [
    previous({ interfaces: [{ name: "gone" }] }),
    /failed to lookup master "gone"/,
  ],
};
sandbox("ipvlan refuses a previous result that does not tell the master", { needs }, (box) => {
  const { container, cni, addOutside } = box;
  addOutside();
  for (const [prevResult, why] of Object.values(chains)) {
    assert.throws(() => cni.add({ type: "ipvlan", ipam: ipam4 }, { prevResult }), why);
  }
  assert.deepEqual(container.links(), ["lo"]);
});

sandbox("ipvlan without addresses from anywhere makes no link", { needs }, (box) => {
  const { container, cni, addOutside } = box;
  addOutside();
  const { ipam: _, ...bare } = config;
  const none = previous({ ips: [] });
  assert.throws(() => cni.add(bare), /no plugin name provided/);
  assert.throws(() => cni.add(bare, { prevResult: none, ifName: "e1" }), /no plugin name provided/);
  assert.deepEqual(
    container.links(),
    differs("the link stays", { go: ["e1", "eth0", "lo"], ours: ["lo"] }),
  );
});

sandbox(
  "ipvlan takes `ipam` for the name of a master, and leaves ipMasq to others",
  { needs },
  (box) => {
    const { host, container, cni, addOutside } = box;
    addOutside();
    assert.throws(
      () => cni.add({ ...config, master: "ipam" }),
      /failed to lookup master "ipam": Link not found/,
    );
    host.sh("ip link set out0 down; ip link set out0 name ipam; ip link set ipam up");
    cni.add({ ...config, master: "ipam", ipMasq: true });
    assert.equal(container.link("eth0").link_index, host.link("ipam").ifindex);
    assert.deepEqual(host.state().iptables, []);
    assert.deepEqual(host.state().nft, []);
  },
);

sandbox("ipvlan CHECK fails where it should", { needs }, ({ container, cni, addOutside }) => {
  addOutside();
  const prevResult = cni.add(config);
  const failing = (change: object, go: RegExp, ours = go) =>
    assert.throws(
      () => cni.check({ ...config, ...change }, { prevResult }),
      differs("wording", { go, ours }),
    );
  assert.throws(() => cni.check(config), /Required prevResult missing/);
  failing({ master: "x" }, /failed to lookup master "x"/);
  container.sh("ip addr flush dev eth0");
  failing({}, /Failed to match addr .*192\.0\.2\.10/);
  container.sh("ip link del eth0; ip link add eth0 type veth peer name x");
  failing({}, /not of type ipvlan/, /Interface "eth0" is not of kind ipvlan; found veth/);
});
