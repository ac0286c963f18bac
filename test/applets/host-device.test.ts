/** host-device: a device of the host in the container. The stand-in is one end of a veth pair. */
import assert from "node:assert/strict";
import {
  CniFailure,
  differs,
  go,
  type Json,
  onlyOurs,
  type Sandbox,
  sandbox,
  versions,
} from "../harness/sandbox.ts";

const subnet = "192.0.2.0/24";
const subnet6 = "2001:db8:ffff::/64";
/** Beside the addresses of the machine outside. */
const ipam = {
  type: "host-local",
  ranges: [
    [{ subnet, rangeStart: "192.0.2.10" }],
    [{ subnet: subnet6, rangeStart: "2001:db8:ffff::10" }],
  ],
};
const layer2 = { type: "host-device", device: "out0" };
const layer3 = { ...layer2, ipam };
const picture = ({ host, container }: Sandbox) => [host.state(), container.state()];
/** Clears what the device brings from the host: it is about the device here, not about these. */
const bare = (box: Sandbox) => {
  const outside = box.addOutside();
  box.host.sh("ip addr flush dev out0; ip link set out0 down");
  return outside;
};

for (const cniVersion of versions.all) {
  sandbox(`host-device lends a device with addresses [${cniVersion}]`, (box) => {
    const { host, container, cni, reserved } = box;
    const outside = bare(box);
    const { address } = host.link("out0");
    const before = picture(box);
    const dns = { nameservers: ["192.0.2.53"] };
    const attached = cni.attach({ ...layer3, dns, cniVersion });
    assert.deepEqual([host.links(), container.links()], [["lo"], ["eth0", "lo"]]);
    const eth0 = container.link("eth0");
    assert.deepEqual([eth0.address, eth0.ifalias], [address, "out0"]);
    assert(eth0.flags.includes("UP"));
    assert.deepEqual(container.addresses("eth0"), ["192.0.2.10/24", "2001:db8:ffff::10/64"]);
    assert(container.reaches("192.0.2.2"), "packets still pass");
    assert(outside.reaches("192.0.2.10") && container.reaches("2001:db8:ffff::2"));

    const { result } = attached;
    assert.equal(result.cniVersion, cniVersion);
    assert.deepEqual(result.dns, dns);
    if (versions.with("interfaces").includes(cniVersion)) {
      const entry = { name: "eth0", mac: address, sandbox: "/run/netns/c1" };
      assert.deepEqual(result.interfaces, [entry]);
      assert.deepEqual(
        result.ips.map((ip: Json) => [ip.interface, ip.address]),
        [
          [0, "192.0.2.10/24"],
          [0, "2001:db8:ffff::10/64"],
        ],
      );
    } else assert.deepEqual([result.ip4.ip, result.interfaces], ["192.0.2.10/24", undefined]);
    if (versions.with("CHECK").includes(cniVersion)) attached.check();
    else assert.throws(() => attached.check(), /config version does not allow CHECK/);
    attached.del();
    if (go) host.sh("ip link set out0 alias ''"); // 1.1.1 leaves it
    assert.deepEqual(picture(box), before, "down, under its name, without an alias");
    assert.deepEqual(reserved(), []);
    host.sh("ip addr add 192.0.2.1/24 dev out0; ip link set out0 up");
    assert(host.reaches("192.0.2.2"), "the host can use it again");
  });
}

sandbox("host-device without IPAM: up, and no dns in the result", (box) => {
  const { host, container, cni } = box;
  bare(box);
  const { address } = host.link("out0");
  const attached = cni.attach({ ...layer2, dns: { search: ["a.example"] } });
  assert(container.link("eth0").flags.includes("UP"));
  assert.deepEqual(attached.result.interfaces, [
    { name: "eth0", mac: address, sandbox: "/run/netns/c1" },
  ]);
  assert.deepEqual(
    [attached.result.ips, attached.result.dns],
    [undefined, differs<unknown>("1.1.1 prints an empty one", { go: {}, ours: undefined })],
  );
  attached.check();
  attached.del();
  assert.deepEqual([host.links(), container.links()], [["lo", "out0"], ["lo"]]);
});

onlyOurs("the container may have a link of the device's name on the host", "not 1.1.1", (box) => {
  const { host, container, cni } = box;
  bare(box);
  container.sh("ip link add out0 type bridge");
  const attached = cni.attach(layer3);
  assert.deepEqual(container.links(), ["eth0", "lo", "out0"]);
  assert.equal(container.link("eth0").linkinfo.info_kind, "veth");
  attached.del();
  assert.deepEqual(
    [host.links(), container.links()],
    [
      ["lo", "out0"],
      ["lo", "out0"],
    ],
  );
  assert.equal(container.link("out0").linkinfo.info_kind, "bridge");
});

sandbox("a device keeps its own name where the container's is the same", (box) => {
  const { host, container, cni } = box;
  bare(box);
  const attached = cni.attach(layer3, { ifName: "out0" });
  assert.deepEqual([host.links(), container.links()], [["lo"], ["lo", "out0"]]);
  attached.del();
  assert.deepEqual([host.links(), container.links()], [["lo", "out0"], ["lo"]]);
});

onlyOurs(
  "an interface name that the container has is an error, and all stays",
  "the device is there then",
  (box) => {
    const { host, container, cni, reserved } = box;
    bare(box);
    container.sh("ip link add eth0 type bridge");
    assert.throws(() => cni.add(layer3), /Cannot lend "out0": the container has "eth0"/);
    assert.deepEqual(
      [host.links(), container.links()],
      [
        ["lo", "out0"],
        ["eth0", "lo"],
      ],
    );
    assert.deepEqual(reserved(), []);
    assert.equal(host.link("out0").ifalias, undefined);
    // The runtime calls DEL now; the interface is not the device's.
    cni.del(layer3);
    assert.deepEqual(
      [host.links(), container.links()],
      [
        ["lo", "out0"],
        ["eth0", "lo"],
      ],
    );
  },
);

// Each makes ADD fail at another step.
const failures: Record<string, object> = {
  "the IPAM plugin is not there": { ipam: { type: "nonesuch" } },
  "the IPAM plugin gives nothing": { ipam: { type: "static" }, cniVersion: "1.0.0" },
  "a route cannot be set": {
    ipam: { ...ipam, routes: [{ dst: "198.51.100.0/24", gw: "203.0.113.1" }] },
  },
  "the result cannot be told in this version": { ipam: {}, cniVersion: "0.2.0" },
};
for (const [name, change] of Object.entries(failures)) {
  onlyOurs(`a failed ADD gives the device back as it was: ${name}`, "it keeps it", (box) => {
    const { host, cni, addOutside } = box;
    addOutside();
    host.sh(`ip link set out0 alias uplink
      ip route add 198.51.100.0/24 via 192.0.2.2 metric 7
      ip route add 203.0.113.0/24 dev out0 scope link src 192.0.2.1
      ip -6 route add 2001:db8:5::/48 via 2001:db8:ffff::2 dev out0`);
    const before = picture(box);
    assert.throws(() => cni.add({ ...layer3, ...change }), CniFailure);
    assert.deepEqual(picture(box), before, "up, with its alias, its addresses and its routes");
    assert(host.reaches("192.0.2.2") && host.reaches("2001:db8:ffff::2"));
  });
}

onlyOurs("a failed ADD gives a bridge its port back", "it keeps it", (box) => {
  const { host, cni } = box;
  bare(box);
  host.sh("ip link add br0 type bridge; ip link set out0 master br0");
  const before = picture(box);
  assert.throws(() => cni.add({ ...layer2, ipam: { type: "nonesuch" } }), CniFailure);
  assert.deepEqual(picture(box), before);
});

/** What happened to the attachment → what CHECK says. */
const damages: Record<string, [(box: Sandbox) => void, RegExp]> = {
  "the device is gone": [
    ({ container }) => container.sh("ip link del eth0"),
    /interface name.*eth0.*not found|Cannot find interface "eth0" of prevResult/i,
  ],
  "the MAC is another": [
    ({ container }) => container.sh("ip link set eth0 address 02:00:00:00:00:09"),
    /doesn't match container Mac|has another MAC than prevResult/,
  ],
  "an address is gone": [
    ({ container }) => container.sh("ip addr del 192.0.2.10/24 dev eth0"),
    /Failed to match addr \{?192\.0\.2\.10.* on interface eth0/,
  ],
  "a route is gone": [
    ({ container }) => container.sh("ip route del 198.51.100.0/24"),
    /Expected Route .* not found in routing table/,
  ],
  "the lease is gone": [
    ({ host }) => host.sh("rm /var/lib/cni/networks/net1/192.* /var/lib/cni/networks/net1/2001*"),
    /host-local: Failed to find address added by container c1/,
  ],
};
for (const [name, [damage, message]] of Object.entries(damages)) {
  sandbox(`host-device CHECK fails: ${name}`, (box) => {
    bare(box);
    const routes = [{ dst: "198.51.100.0/24", gw: "192.0.2.2" }];
    const attached = box.cni.attach({ ...layer3, ipam: { ...ipam, routes } });
    attached.check();
    damage(box);
    assert.throws(() => attached.check(), message);
  });
}

sandbox("host-device CHECK wants a prevResult, of this namespace", (box) => {
  bare(box);
  const { cni } = box;
  const result = cni.add(layer3);
  assert.throws(() => cni.check(layer3), /Required prevResult missing/);
  result.interfaces[0].sandbox = "/run/netns/other";
  assert.throws(
    () => cni.check(layer3, { prevResult: result }),
    /Sandbox in prevResult .*doesn't match configured netns: \/run\/netns\/c1/,
  );
});

for (const cniVersion of versions.with("STATUS")) {
  sandbox(`host-device STATUS asks the IPAM plugin [${cniVersion}]`, ({ cni }) => {
    cni.status({ ...layer3, cniVersion });
    cni.status({ type: "host-device", cniVersion });
    assert.throws(
      () => cni.status({ ...layer3, cniVersion, ipam: { type: "nonesuch" } }),
      /failed to find plugin "nonesuch" in path/,
    );
  });
}
