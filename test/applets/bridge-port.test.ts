/** bridge: the flags, MTU and MAC of a port, and attachments without addresses (layer 2). */
import assert from "node:assert/strict";
import { gatewayBridge, hostLocal, switchBridge } from "../harness/configs.ts";
import {
  differs,
  go,
  type Json,
  type Namespace,
  onlyOurs,
  type Sandbox,
  sandbox,
  versions,
} from "../harness/sandbox.ts";

/** The bridge port flags of the only veth on the host side. */
function port(host: Namespace): Json {
  const [veth = ""] = host.links().filter((name) => name.startsWith("veth"));
  return host.json(`bridge -j -d link show dev ${veth}`)[0];
}

for (const cniVersion of versions.with("interfaces")) {
  sandbox(`bridge without addresses [${cniVersion}]`, ({ host, container, cni }) => {
    const attached = cni.attach({ ...switchBridge, cniVersion });
    assert.deepEqual(
      attached.result.interfaces.map((i: Json) => i.name.replace(/^veth[0-9a-f]{8}$/, "vethN")),
      ["br0", "vethN", "eth0"],
    );
    assert.equal(attached.result.ips, undefined);
    assert.equal(attached.result.routes, undefined);
    assert(container.link("eth0").flags.includes("UP"));
    assert.deepEqual(container.addresses("eth0"), []);
    attached.del();
    attached.del();
    assert.deepEqual(host.links(), ["br0", "lo"]);
  });
}

for (const cniVersion of versions.with("CHECK")) {
  onlyOurs(
    `bridge CHECK without addresses [${cniVersion}]`,
    "it always calls the IPAM plugin that is not there: no plugin name provided",
    ({ cni }) => cni.attach({ ...switchBridge, cniVersion }).check(),
  );
}

sandbox(
  "layer 2 needs no ipam key at all, and frames pass between containers",
  ({ container, cni, addNamespace }) => {
    const other = addNamespace("c2");
    cni.add({ type: "bridge", bridge: "br0" });
    cni.add({ type: "bridge", bridge: "br0" }, { container: other, containerId: "c2" });
    container.sh("ip addr add 10.8.0.1/24 dev eth0");
    other.sh("ip addr add 10.8.0.2/24 dev eth0");
    assert(container.reaches("10.8.0.2"));
  },
);

for (const hairpinMode of [true, false]) {
  sandbox(`hairpinMode ${hairpinMode}`, ({ host, cni }) => {
    cni.add({ ...gatewayBridge(), hairpinMode });
    assert.equal(port(host).hairpin, hairpinMode);
  });
}

for (const promiscMode of [true, false]) {
  sandbox(`promiscMode ${promiscMode}`, ({ host, cni }) => {
    const attached = cni.attach({ ...gatewayBridge(), promiscMode });
    assert.equal(host.link("br0").promiscuity, promiscMode ? 1 : 0);
    attached.check();
  });
}

sandbox("CHECK compares promiscMode", ({ host, cni }) => {
  const attached = cni.attach(gatewayBridge());
  host.sh("ip link set br0 promisc on");
  assert.throws(() => attached.check(), /promisc/i);
});

sandbox("hairpinMode and promiscMode exclude each other", ({ host, cni }) => {
  const before = host.state();
  assert.throws(
    () => cni.add({ ...gatewayBridge(), hairpinMode: true, promiscMode: true }),
    /cannot set hairpin mode and promiscuous mode at the same time/,
  );
  assert.deepEqual(host.state(), before);
});

onlyOurs(
  "portIsolation keeps containers apart, not from the gateway",
  "not in Go 1.1.1",
  ({ host, container, cni, addNamespace }) => {
    const other = addNamespace("c2");
    const config = { ...gatewayBridge(), portIsolation: true };
    cni.add(config);
    assert.equal(port(host).isolated, true);
    cni.add(config, { container: other, containerId: "c2" });
    assert(container.reaches("10.1.2.1"));
    assert(other.reaches("10.1.2.1"));
    assert(container.silent("10.1.2.3"));
  },
);

sandbox("without portIsolation the port is not isolated", ({ host, cni }) => {
  cni.add(gatewayBridge());
  assert.equal(port(host).isolated, false);
});

sandbox("mtu holds for both ends and a new bridge", ({ host, container, cni }) => {
  cni.add({ ...gatewayBridge(), mtu: 1280 });
  assert.equal(container.link("eth0").mtu, 1280);
  assert.equal(port(host).mtu, 1280);
  assert.equal(host.link("br0").mtu, 1280);
});

for (const mtu of [0, -5]) {
  sandbox(`mtu ${mtu} leaves the kernel's default`, ({ container, cni }) => {
    cni.add({ ...gatewayBridge(), mtu });
    assert.equal(container.link("eth0").mtu, 1500);
  });
}

const macs = { env: "02:00:00:00:00:01", args: "02:00:00:00:00:02", runtime: "02:00:00:00:00:03" };
const fromEnv = { args: `IgnoreUnknown=true;MAC=${macs.env}` };
const fromArgs = { args: { cni: { mac: macs.args } } };
const capable = { capabilities: { mac: true } };

for (const [where, extra, expected] of [
  ["CNI_ARGS", {}, macs.env],
  ["args.cni over CNI_ARGS", fromArgs, macs.args],
  [
    "runtimeConfig over both",
    { ...fromArgs, ...capable, runtimeConfig: { mac: macs.runtime } },
    macs.runtime,
  ],
  [
    "RuntimeConfig in another case",
    { ...capable, RuntimeConfig: { mac: macs.runtime } },
    macs.runtime,
  ],
] as const) {
  sandbox(`the MAC comes from ${where}`, ({ host, container, cni }) => {
    const { result } = cni.attach({ ...gatewayBridge(), ...extra }, fromEnv);
    assert.equal(container.link("eth0").address, expected);
    assert.equal(result.interfaces[2].mac, expected);
    assert.notEqual(port(host).address, expected);
    assert(container.reaches("10.1.2.1"));
  });
}

sandbox("a MAC that is none is an error and leaves nothing", ({ container, cni, reserved }) => {
  assert.throws(() => cni.add(gatewayBridge(), { args: "MAC=02:00" }), /02:00/);
  assert.deepEqual(container.links(), ["lo"]);
  assert.deepEqual(reserved(), []);
});

sandbox("an unknown key in CNI_ARGS is an error unless IgnoreUnknown", ({ cni }) => {
  assert.throws(
    () => cni.add(gatewayBridge(), { args: "K8S_POD_NAME=p" }),
    /ARGS: unknown args \["K8S_POD_NAME=p"\]/,
  );
  const del = () => cni.del(gatewayBridge(), { args: "K8S_POD_NAME=p" });
  if (go) assert.throws(del, /ARGS: unknown args/);
  else del(); // what ADD refused has nothing to be taken away, and other arguments do not matter
  cni.add(gatewayBridge(), { args: "IgnoreUnknown=1;K8S_POD_NAME=p" });
});

onlyOurs(
  "disableContainerInterface leaves the container end down",
  "not in Go 1.1.1",
  ({ host, container, cni }) => {
    const attached = cni.attach({ ...switchBridge, disableContainerInterface: true });
    const eth0 = container.json("ip -j addr show dev eth0")[0];
    assert(!eth0.flags.includes("UP"));
    assert.deepEqual(eth0.addr_info, []);
    assert(host.link(attached.result.interfaces[1].name).flags.includes("UP"));
    attached.check();
    attached.del();
    assert.deepEqual(host.links(), ["br0", "lo"]);
  },
);

onlyOurs("disableContainerInterface excludes IPAM", "not in Go 1.1.1", ({ host, cni }) => {
  const before = host.state();
  assert.throws(
    () => cni.add({ ...gatewayBridge(), disableContainerInterface: true }),
    /cannot use IPAM when DisableContainerInterface flag is set/,
  );
  assert.deepEqual(host.state(), before);
});

for (const enabledad of [false, true]) {
  const name = `enabledad ${enabledad} is what the container's interface does`;
  const judge = ({ container, cni }: Sandbox) => {
    cni.add({ ...gatewayBridge("2001:db8:42::/64"), enabledad });
    assert.equal(container.sysctl("net/ipv6/conf/eth0/accept_dad"), enabledad ? "1" : "0");
    if (enabledad) assert.equal(container.sysctl("net/ipv6/conf/eth0/enhanced_dad"), "1");
    const tentative = container.json("ip -j addr show dev eth0 tentative")[0]?.addr_info ?? [];
    assert.deepEqual(tentative, [], "the addresses can be used when ADD returns");
    assert(container.reaches("2001:db8:42::1"));
  };
  if (enabledad) onlyOurs(name, "not in Go 1.1.1", judge);
  else sandbox(name, judge);
}

onlyOurs(
  "enabledad: an address that another has is an error",
  "not in Go 1.1.1",
  ({ container, cni, addNamespace, reserved }) => {
    const config = { ...gatewayBridge("2001:db8:42::/64"), enabledad: true };
    const thief = addNamespace("thief");
    cni.add(switchBridge, { container: thief, containerId: "thief" });
    thief.sh("ip addr add 2001:db8:42::2/64 dev eth0 nodad");
    assert.throws(
      () => cni.add(config),
      /failed to settle addresses for "eth0": .*link eth0 has address 2001:db8:42::2 in DADFAILED state/,
    );
    assert.deepEqual(container.links(), ["lo"]);
    assert.deepEqual(reserved(), []);
  },
);

sandbox("sysctls of the attachment", ({ host, container, cni }) => {
  const { result } = cni.attach(gatewayBridge("2001:db8:42::/64"));
  const veth = result.interfaces[1].name;
  assert.equal(host.sysctl("net/ipv6/conf/br0/accept_ra"), "0");
  assert.equal(host.sysctl(`net/ipv6/conf/${veth}/accept_ra`), "0");
  assert.equal(container.sysctl("net/ipv4/conf/eth0/arp_notify"), "1");
  assert.equal(
    container.sysctl("net/ipv6/conf/eth0/keep_addr_on_down"),
    differs("not in Go 1.1.1", { go: "0", ours: "1" }),
  );
});

sandbox("IPv6 is switched on in a container that has it off", ({ container, cni }) => {
  container.sh("for i in all default lo; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
  cni.add({ ...gatewayBridge(), ipam: hostLocal("2001:db8:42::/64") });
  assert.deepEqual(container.addresses("eth0"), ["2001:db8:42::2/64"]);
  assert.equal(container.sysctl("net/ipv6/conf/lo/disable_ipv6"), "0");
});

onlyOurs(
  "an IPv6 address outlives a link that goes down",
  "not in Go 1.1.1",
  ({ container, cni }) => {
    cni.add(gatewayBridge("2001:db8:42::/64"));
    container.sh("ip link set eth0 down; ip link set eth0 up");
    assert.deepEqual(container.addresses("eth0"), ["2001:db8:42::2/64"]);
  },
);
