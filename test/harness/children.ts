/**
 * Cases that ipvlan, macvlan and vlan share: a container interface on an interface of the host.
 *
 * The host's is `out0`; behind it is the machine of `addOutside`.
 */
import assert from "node:assert/strict";
import type { Need } from "./kernel.ts";
import {
  CniFailure,
  type Config,
  differs,
  go,
  onlyOurs,
  type Sandbox,
  sandbox,
  versions,
} from "./sandbox.ts";

export interface Kind {
  type: "ipvlan" | "macvlan" | "vlan";
  needs: Need[];
  /** Its own keys, for every case. */
  keys?: object;
  /** Whether two of one config may sit on one master. */
  shares: boolean;
  /** What the Go plugin's failed ADDs leave in the container and of leases. */
  goLeaves: { links: string[]; leases: string[] };
}

const subnet = "192.0.2.0/24";
const subnet6 = "2001:db8:ffff::/64";
/** Apart from the addresses of the host and of the machine outside. */
export const ipam4 = {
  type: "host-local",
  ranges: [[{ subnet, rangeStart: "192.0.2.10", rangeEnd: "192.0.2.12" }]],
};
const ipamDual = {
  type: "host-local",
  ranges: [...ipam4.ranges, [{ subnet: subnet6, rangeStart: "2001:db8:ffff::10" }]],
};

export function configOf({ type, keys }: Kind, more: object = {}): Config {
  return { type, master: "out0", ...keys, ipam: ipam4, ...more };
}

/** Registers all of them. */
export function childCases(kind: Kind): void {
  attaching(kind);
  parents(kind);
  deleting(kind);
  failing(kind);
  network(kind);
}

const picture = ({ host, container }: Sandbox) => [host.state(), container.state()];

function attaching(kind: Kind): void {
  const { type, needs } = kind;
  const config = configOf(kind);

  sandbox(`${type} attaches, in every version`, { needs }, (box) => {
    const { host, container, cni, addOutside, reserved } = box;
    addOutside();
    const before = picture(box);
    for (const cniVersion of versions.all) {
      const attached = cni.attach({ ...config, cniVersion, dns: { search: ["a.example"] } });
      const { result } = attached;
      const eth0 = container.link("eth0");
      const address = container.addresses("eth0")[0] ?? "";
      assert.match(address, /^192\.0\.2\.1\d\/24$/);
      assert.equal(eth0.linkinfo.info_kind, type);
      assert.equal(eth0.link_index, host.link("out0").ifindex);
      assert(eth0.flags.includes("UP"));
      assert.deepEqual(container.links(), ["eth0", "lo"]);
      const notify = type === "vlan" ? "0" : "1";
      assert.equal(container.sysctl("net/ipv4/conf/eth0/arp_notify"), notify);
      assert.equal(container.sysctl("net/ipv6/conf/eth0/ndisc_notify"), notifyV6(notify));
      assert.equal(result.cniVersion, cniVersion);
      assert.deepEqual(result.dns, { search: ["a.example"] });
      if (result.ip4) {
        assert.deepEqual(result.ip4, { ip: address, gateway: "192.0.2.1" });
      } else {
        const entry = { name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" };
        assert.deepEqual(result.interfaces, [entry]);
        const version = cniVersion < "1" ? { version: "4" } : {};
        assert.deepEqual(result.ips, [{ ...version, interface: 0, address, gateway: "192.0.2.1" }]);
      }
      if (versions.with("CHECK").includes(cniVersion)) attached.check();
      attached.del();
      attached.del();
      assert.deepEqual(reserved(), []);
    }
    assert.deepEqual(picture(box), before);
  });

  sandbox(`${type} reaches a machine behind the master, by IPv4 and IPv6`, { needs }, (box) => {
    const { container, cni, addOutside } = box;
    const outside = addOutside();
    if (type === "vlan") {
      outside.sh(`ip link add link eth0 name eth0.33 type vlan id 33; ip link set eth0.33 up
        ip addr add 192.0.2.3/24 dev eth0.33; ip addr add 2001:db8:ffff::3/64 dev eth0.33 nodad
        ip addr del 192.0.2.2/24 dev eth0; ip addr del 2001:db8:ffff::2/64 dev eth0`);
    }
    cni.add(configOf(kind, { ipam: ipamDual }));
    assert.deepEqual(container.addresses("eth0").sort(), ["192.0.2.10/24", "2001:db8:ffff::10/64"]);
    const last = type === "vlan" ? 3 : 2;
    assert(container.reaches(`192.0.2.${last}`));
    assert(container.reaches(`2001:db8:ffff::${last}`));
    assert(outside.reaches("192.0.2.10"));
  });

  if (kind.shares) {
    sandbox(`two containers on one master reach each other by ${type}`, { needs }, (box) => {
      const { container, cni, addOutside, addNamespace } = box;
      addOutside();
      const other = addNamespace("c2");
      cni.add(config);
      cni.add(config, { container: other, containerId: "c2" });
      assert(container.reaches("192.0.2.11"));
      assert(other.reaches("192.0.2.10"));
    });
  }

  sandbox(`${type} applies the routes of the IPAM plugin`, { needs }, (box) => {
    const { container, cni, addOutside } = box;
    addOutside();
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "198.51.100.0/24", gw: "192.0.2.2" }];
    const attached = cni.attach(configOf(kind, { ipam: { ...ipam4, routes } }));
    assert.deepEqual(attached.result.routes, routes);
    assert.deepEqual(container.routes(), [
      "default via 192.0.2.1 dev eth0",
      "192.0.2.0/24 dev eth0",
      "198.51.100.0/24 via 192.0.2.2 dev eth0",
    ]);
    attached.check();
  });
}

/** Debian's 1.1.1 knows only arp_notify. */
function notifyV6(value: string): string {
  return differs("1.1.1 does not write ndisc_notify", { go: "0", ours: value });
}

function parents(kind: Kind): void {
  const { type, needs } = kind;
  const config = configOf(kind);

  sandbox(`${type} is named as the host names its master, or another link`, { needs }, (box) => {
    const { host, container, cni, addOutside } = box;
    addOutside();
    host.sh("ip link add eth0 type veth peer name eth1");
    cni.attach(config).del();
    const attached = cni.attach(config, { ifName: "out0" });
    assert.deepEqual(container.links(), ["lo", "out0"]);
    assert.deepEqual(host.links(), ["eth0", "eth1", "lo", "out0"]);
    attached.check();
    attached.del();
    assert.deepEqual(container.links(), ["lo"]);
  });

  onlyOurs(
    `${type} on a master in the container`,
    "1.1.1 has no linkInContainer",
    { needs },
    (box) => {
      const { host, container, cni } = box;
      container.sh(`ip link add inner type veth peer name other; ip link set inner up
      ip link set other up; ip addr add 203.0.113.9/24 dev inner; ip route add default dev inner`);
      const before = picture(box);
      const inside = { ...config, linkInContainer: true, master: "inner" };
      const attached = cni.attach(inside);
      assert.equal(container.link("eth0").link, "inner");
      attached.check();
      assert.throws(
        () => cni.check({ ...inside, linkInContainer: false }, { prevResult: attached.result }),
        /failed to lookup master "inner"/,
      );
      attached.del();
      assert.deepEqual(picture(box), before);
      if (type !== "vlan") {
        // The container's default route tells the master, and nothing of the host.
        const { master: _, ...byRoute } = inside;
        const again = cni.attach(byRoute);
        assert.equal(container.link("eth0").link, "inner");
        again.check();
        again.del();
      }
      cni.del(inside, { container: "" });
      cni.del(inside, { container: "/run/netns/nonesuch" });
      assert.deepEqual(host.links(), ["lo"]);
    },
  );

  if (type === "vlan") return;
  const { master: _, ...byRoute } = config;

  sandbox(`${type} without a master sits on the default route's interface`, { needs }, (box) => {
    const { host, container, cni, addOutside, reserved } = box;
    addOutside();
    host.sh("ip link add decoy0 type veth peer name decoy1; ip link set decoy0 up");
    host.sh("ip addr add 203.0.113.1/24 dev decoy0; ip addr add 2001:db8:1::1/64 dev decoy0 nodad");
    const parentOf = () => {
      const attached = cni.attach(byRoute);
      const { link_index } = container.link("eth0");
      if (go && type === "ipvlan") {
        assert.throws(() => attached.check(), /failed to lookup master ""/);
      } else attached.check();
      attached.del();
      return link_index === host.link("out0").ifindex ? "out0" : "decoy0";
    };
    assert.throws(() => cni.add(byRoute), /no default route interface found/);
    host.sh("ip -6 route add default via 2001:db8:ffff::2 dev out0");
    assert.equal(parentOf(), "out0", "IPv6 where IPv4 has none");
    host.sh("ip route add default via 203.0.113.2 dev decoy0 metric 7");
    assert.equal(parentOf(), "decoy0", "IPv4 before IPv6");
    host.sh("ip route add default via 192.0.2.2 dev out0 metric 5");
    assert.equal(parentOf(), "out0", "the lower metric");
    assert.deepEqual(reserved(), []);
  });

  onlyOurs(
    `${type} finds the default route's interface beside odd routes, and does without later`,
    "it takes the first route whatever it is, and DEL or CHECK look for one again",
    { needs },
    ({ host, container, cni, addOutside, reserved }) => {
      addOutside();
      host.sh("ip route add unreachable default metric 1");
      host.sh(
        "ip route add default metric 2 nexthop via 192.0.2.2 dev out0 nexthop via 192.0.2.3 dev out0",
      );
      const attached = cni.attach(byRoute);
      assert.equal(container.link("eth0").link_index, host.link("out0").ifindex);
      host.sh("ip route flush table main; ip addr add 192.0.2.99/24 dev out0");
      attached.check();
      attached.del();
      assert.deepEqual(container.links(), ["lo"]);
      assert.deepEqual(reserved(), []);
    },
  );
}

function deleting(kind: Kind): void {
  const { type, needs } = kind;
  const config = configOf(kind);

  sandbox(`${type} DEL takes what is still there`, { needs }, (box) => {
    const { host, container, cni, addOutside, reserved } = box;
    addOutside();
    const before = picture(box);
    cni.del(config); // never added
    cni.attach(config);
    cni.del(config, { container: "" });
    assert.deepEqual(reserved(), [], "without a namespace");
    cni.del(config);
    cni.attach(config);
    cni.del(config, { container: "/run/netns/nonesuch" });
    assert.deepEqual(reserved(), [], "with one that is gone");
    cni.del(config);
    const attached = cni.attach(config);
    container.sh("ip link del eth0");
    attached.del();
    assert.deepEqual(reserved(), [], "without the link");
    assert.deepEqual(picture(box), before);
    assert.deepEqual(host.links(), ["lo", "out0"]);
  });

  sandbox(`${type} DEL works when the master is gone`, { needs }, (box) => {
    const { host, container, cni, addOutside, reserved } = box;
    addOutside();
    const attached = cni.attach(config);
    host.sh("ip link del out0");
    if (go && type !== "ipvlan") {
      assert.throws(() => attached.del(), /Link not found/);
      assert.deepEqual(reserved(), ["192.0.2.10"]);
      return;
    }
    attached.del();
    attached.del();
    assert.deepEqual(container.links(), ["lo"]);
    assert.deepEqual(reserved(), []);
  });

  onlyOurs(
    `${type} DEL works where ADD would be refused`,
    "it reads all of the config",
    { needs },
    (box) => {
      const { container, cni, addOutside, reserved } = box;
      addOutside();
      cni.attach(config);
      const { master: _, ipam, ...rest } = config;
      cni.del({ ...rest, ipam, mode: "l9", mtu: 99999, vlanId: 5000 }, { args: "MAC=x;UNKNOWN=1" });
      assert.deepEqual(container.links(), ["lo"]);
      assert.deepEqual(reserved(), []);
      cni.del({ ...rest });
    },
  );
}

function failing(kind: Kind): void {
  const { type, needs } = kind;

  const refusals: Record<string, [object, RegExp]> = {
    "the master is not there": [
      { master: "nonesuch" },
      differs("no name", {
        go: /Link not found/,
        ours: /failed to lookup master "nonesuch": Link not found/,
      }),
    ],
    "the IPAM plugin is not there": [
      { ipam: { type: "nonesuch" } },
      /failed to find plugin "nonesuch" in path/,
    ],
    "a route cannot be set": [
      { ipam: { ...ipam4, routes: [{ dst: "198.51.100.0/24", gw: "203.0.113.1" }] } },
      /add route/,
    ],
    "the IPAM plugin gives no address": [
      { ipam: { type: "static" }, cniVersion: "1.0.0" },
      /IPAM plugin returned missing IP config/,
    ],
    "no address is left": [
      { ipam: { ...ipam4, ranges: [[{ subnet: "192.0.2.0/30" }]] }, name: "full" },
      /no IP addresses available in range set/,
    ],
  };
  sandbox(`a failed ${type} ADD says why, and leaves nothing`, { needs }, (box) => {
    const { host, container, cni, addOutside, reserved } = box;
    addOutside();
    host.sh("mkdir -p /var/lib/cni/networks/full; printf x >/var/lib/cni/networks/full/192.0.2.2");
    const before = picture(box);
    Object.entries(refusals).forEach(([what, [change, why]], i) => {
      const other = configOf(kind, { ...change, vlanId: i });
      assert.throws(() => cni.add(other, { ifName: `e${i}` }), why, what);
      if (!go) assert.deepEqual([container.links(), reserved()], [["lo"], []], what);
    });
    assert.deepEqual(
      container.links(),
      differs("links stay", { go: kind.goLeaves.links, ours: ["lo"] }),
    );
    assert.deepEqual(reserved(), differs("leases stay", { go: kind.goLeaves.leases, ours: [] }));
    if (!go) assert.deepEqual(picture(box), before);
  });

  sandbox(`${type} leaves a link alone that has the name already`, { needs }, (box) => {
    const { container, cni, addOutside, reserved } = box;
    addOutside();
    container.sh("ip link add eth0 type veth peer name other");
    assert.throws(
      () => cni.add(configOf(kind)),
      differs("wording", {
        go: /failed to rename \w+ to "eth0": file exists/,
        ours: /Cannot add \w+ link "eth0": File exists/,
      }),
    );
    assert.equal(container.link("eth0").linkinfo.info_kind, "veth");
    assert.deepEqual(reserved(), []);
    if (!go) assert.deepEqual(container.links(), ["eth0", "lo", "other"]);
  });
}

function network(kind: Kind): void {
  const { type, needs } = kind;
  const config = configOf(kind);

  onlyOurs(`${type} GC and STATUS reach the IPAM plugin`, "1.1.1 has neither", { needs }, (box) => {
    const { cni, addOutside, addNamespace, reserved } = box;
    addOutside();
    cni.add(config);
    const kept = configOf(kind, { master: "out0", vlanId: 34 });
    cni.add(kept, { container: addNamespace("c2"), containerId: "c2" });
    assert.deepEqual(reserved(), ["192.0.2.10", "192.0.2.11"]);
    cni.gc(config, [{ containerID: "c2", ifname: "eth0" }]);
    assert.deepEqual(reserved(), ["192.0.2.11"]);
    cni.status(config);
    assert.throws(
      () => cni.status(configOf(kind, { ipam: { type: "nonesuch" } })),
      (error) => error instanceof CniFailure && /failed to find plugin "nonesuch"/.test(error.msg),
    );
  });
}
