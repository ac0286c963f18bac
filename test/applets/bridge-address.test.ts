/** bridge: the addresses and the MAC of the bridge itself. */
import assert from "node:assert/strict";
import { gatewayBridge } from "../harness/configs.ts";
import { onlyOurs, sandbox } from "../harness/sandbox.ts";

const changes = {
  "IPv4, another subnet": { old: "10.1.2.1/24", next: "10.1.3.0/24", conflict: true },
  "IPv4, overlapping": { old: "10.1.2.1/24", next: "10.1.0.0/16", conflict: true },
  "IPv6, overlapping": { old: "2001:db8:42::1/64", next: "2001:db8:42::/48", conflict: true },
  "IPv6, another subnet": { old: "2001:db8:42::1/64", next: "2001:db8:43::/64", conflict: false },
};

for (const [name, { old, next, conflict }] of Object.entries(changes)) {
  const gateway = next.includes(":")
    ? next.replace("::/", "::1/")
    : next.replace(/0\/(\d+)$/, "1/$1");

  sandbox(
    `a second gateway address (${name})${conflict ? " is refused" : " is added"}`,
    ({ host, cni }) => {
      host.sh(`ip link add br0 type bridge; ip link set br0 up; ip addr add ${old} dev br0`);
      const config = gatewayBridge(next);
      if (conflict) {
        assert.throws(
          () => cni.add(config),
          new RegExp(`"br0" already has an IP address different from ${gateway}`),
        );
        assert.deepEqual(host.addresses("br0"), [old]);
      } else {
        cni.add(config);
        assert.deepEqual(host.addresses("br0").sort(), [old, gateway].sort());
      }
    },
  );

  sandbox(`forceAddress: a second gateway address (${name})`, ({ host, container, cni }) => {
    host.sh(`ip link add br0 type bridge; ip link set br0 up; ip addr add ${old} dev br0`);
    cni.add({ ...gatewayBridge(next), forceAddress: true });
    assert.deepEqual(host.addresses("br0").sort(), (conflict ? [gateway] : [old, gateway]).sort());
    assert(container.reaches(gateway.replace(/\/.*/, "")));
  });
}

sandbox("a bridge that has its address already is left alone", ({ host, cni, addNamespace }) => {
  const config = gatewayBridge();
  cni.add(config);
  const before = host.state();
  const other = addNamespace("c2");
  const second = cni.attach(config, { container: other, containerId: "c2" });
  second.del();
  assert.deepEqual(host.state(), before);
});

sandbox("the bridge keeps its MAC while ports come and go", ({ host, cni, addNamespace }) => {
  const config = gatewayBridge();
  const first = cni.attach(config);
  const { address } = host.link("br0");
  assert.equal(first.result.interfaces[0].mac, address);
  assert.notEqual(first.result.interfaces[1].mac, address);
  const other = addNamespace("c2");
  // The kernel gives an unpinned bridge the lowest MAC among its ports.
  const low = {
    container: other,
    containerId: "c2",
    args: "IgnoreUnknown=1;MAC=00:00:00:00:00:01",
  };
  const second = cni.attach(config, low);
  assert.equal(host.link("br0").address, address);
  first.del();
  second.del();
  assert.equal(host.link("br0").address, address);
});

onlyOurs(
  "a default route without gateway from IPAM is not set twice",
  "it adds a second one, and the kernel refuses that",
  ({ container, cni }) => {
    const config = gatewayBridge();
    const ipam = { ...(config.ipam as object), routes: [{ dst: "0.0.0.0/0" }] };
    const attached = cni.attach({ ...config, ipam });
    assert.deepEqual(
      container.routes().filter((route) => route.startsWith("default")),
      ["default via 10.1.2.1 dev eth0"],
    );
    attached.check();
  },
);
