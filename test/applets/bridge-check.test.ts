/** bridge CHECK: finds what is no longer as ADD left it, and names it as the reference does. */
import assert from "node:assert/strict";
import { gatewayBridge } from "../harness/configs.ts";
import { differs, type Json, type Sandbox, sandbox, versions } from "../harness/sandbox.ts";

const config = gatewayBridge("10.1.2.0/24", "2001:db8:42::/64");
const withRoute = {
  ...config,
  ipam: { ...(config.ipam as object), routes: [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }] },
};

/** The texts; ours name what was expected and what was found. */
const said = (go: RegExp, ours: RegExp) => differs("wording", { go, ours });

/** What happened to the attachment → what CHECK says. */
const damages: Record<string, [(box: Sandbox, result: Json) => void, RegExp]> = {
  "the container's link is gone": [
    ({ container }) => container.sh("ip link del eth0"),
    said(/Interface name eth0 not found/, /Cannot find interface "eth0" of prevResult/),
  ],
  "the address is gone": [
    ({ container }) => container.sh("ip addr del 10.1.2.2/24 dev eth0"),
    /Failed to match addr \{?10\.1\.2\.2.* on interface eth0/,
  ],
  "the IPv6 address is gone": [
    ({ container }) => container.sh("ip addr del 2001:db8:42::2/64 dev eth0"),
    /Failed to match addr \{?2001:db8:42::2.* on interface eth0/,
  ],
  "the subnet's route is gone": [
    ({ container }) => container.sh("ip route del 10.1.2.0/24 dev eth0"),
    /Failed to find Gateway 10\.1\.2\.1 for interface eth0/,
  ],
  "a default route is gone": [
    ({ container }) => container.sh("ip route del default"),
    /Expected Route .* not found in routing table/,
  ],
  "a route has another gateway": [
    ({ container }) =>
      container.sh("ip route del 192.0.2.0/24; ip route add 192.0.2.0/24 via 10.1.2.8"),
    /Expected Route .* not found in routing table/,
  ],
  "the container's MAC is another": [
    ({ container }) =>
      container.sh(
        "ip link set eth0 down; ip link set eth0 address 02:00:00:00:00:09; ip link set eth0 up",
      ),
    said(
      /Interface eth0 Mac 02:00:00:00:00:08 doesn't match container Mac: 02:00:00:00:00:09/,
      /Interface "eth0" has another MAC than prevResult; expected 02:00:00:00:00:08, found 02:00:00:00:00:09/,
    ),
  ],
  "the bridge is gone": [
    ({ host }) => host.sh("ip link del br0"),
    said(/Interface name br0 not found/, /Cannot find interface "br0" of prevResult/),
  ],
  "the bridge's MAC is another": [
    ({ host }) => host.sh("ip link set br0 address 02:00:00:00:00:09"),
    said(
      /Bridge interface br0 Mac doesn't match: /,
      /Interface "br0" has another MAC than prevResult; expected .*, found 02:00:00:00:00:09/,
    ),
  ],
  "the port is not on the bridge": [
    ({ host }, result) => host.sh(`ip link set ${result.interfaces[1].name} nomaster`),
    /CNI veth created for bridge br0 was not found/,
  ],
  "the lease is gone": [
    ({ host }) => host.sh("rm /var/lib/cni/networks/net1/10.* /var/lib/cni/networks/net1/2001*"),
    /host-local: Failed to find address added by container c1/,
  ],
};

for (const [name, [damage, message]] of Object.entries(damages)) {
  sandbox(`bridge CHECK fails: ${name}`, (box) => {
    const attached = box.cni.attach(withRoute, { args: "IgnoreUnknown=1;MAC=02:00:00:00:00:08" });
    attached.check();
    damage(box, attached.result);
    assert.throws(() => attached.check(), message);
  });
}

const wrongResults: Record<string, [(result: Json) => Json, RegExp]> = {
  "prevResult is missing": [() => undefined, /Required prevResult missing/],
  "prevResult is of another namespace": [
    (result) => {
      result.interfaces[2].sandbox = "/run/netns/other";
      return result;
    },
    /Sandbox in prevResult .*doesn't match configured netns: \/run\/netns\/c1/,
  ],
  "prevResult does not name the bridge": [
    (result) => {
      result.interfaces[0].name = "br9";
      return result;
    },
    said(/Interface name missing/, /Cannot find the host's bridge "br0" in prevResult/),
  ],
  "prevResult does not name the veth": [
    (result) => {
      result.interfaces.splice(1, 1);
      return result;
    },
    /CNI veth created for bridge br0 was not found/,
  ],
};

for (const [name, [change, message]] of Object.entries(wrongResults)) {
  sandbox(`bridge CHECK fails: ${name}`, ({ cni }) => {
    const result = cni.add(config);
    assert.throws(() => cni.check(config, { prevResult: change(result) }), message);
  });
}

for (const cniVersion of versions.without("CHECK")) {
  sandbox(`bridge has no CHECK [${cniVersion}]`, ({ cni }) => {
    const attached = cni.attach({ ...gatewayBridge(), cniVersion });
    assert.throws(() => attached.check(), /config version does not allow CHECK/);
  });
}

sandbox("bridge CHECK changes nothing", ({ host, container, cni }) => {
  const attached = cni.attach({ ...config, ipMasq: true, macspoofchk: true });
  const before = [host.state(), container.state()];
  attached.check();
  assert.deepEqual([host.state(), container.state()], before);
});
