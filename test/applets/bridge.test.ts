/** bridge: what every attachment gets, in each version of the specification. */
import assert from "node:assert/strict";
import { gatewayBridge, hostLocal, switchBridge } from "../harness/configs.ts";
import {
  CniFailure,
  differs,
  go,
  type Json,
  onlyOurs,
  sandbox,
  versions,
} from "../harness/sandbox.ts";

const subnets = {
  IPv4: ["10.1.2.0/24"],
  IPv6: ["2001:db8:42::/64"],
  "dual stack": ["10.1.2.0/24", "2001:db8:42::/64"],
  "IPv4 and two IPv6": ["10.1.2.0/24", "2001:db8:42::/64", "2001:db8:43::/64"],
};
/** The address with this last part in a subnet: `member("10.1.2.0/24", 2)` is `10.1.2.2`. */
const member = (subnet: string, n: number) =>
  subnet.replace(/(::|0)\/\d+$/, (_, end) => (end === "0" ? `${n}` : `::${n}`));
const withLength = (subnet: string, n: number) =>
  member(subnet, n) + subnet.slice(subnet.indexOf("/"));

for (const [family, nets] of Object.entries(subnets)) {
  // One address per family is all that results before 0.3.0 can hold.
  const able = nets.length > 2 ? versions.with("interfaces") : versions.all;
  for (const cniVersion of able) {
    sandbox(
      `bridge attaches with ${family} [${cniVersion}]`,
      ({ host, container, cni, reserved }) => {
        const config = { ...gatewayBridge(...nets), cniVersion };
        const attached = cni.attach(config);

        const veth = host.links().find((name) => name.startsWith("veth")) ?? "";
        assert.deepEqual(host.links(), ["br0", "lo", veth]);
        assert.equal(host.link(veth).master, "br0");
        assert.deepEqual(container.links(), ["eth0", "lo"]);
        assert.deepEqual(
          host.addresses("br0").sort(),
          nets.map((net) => withLength(net, 1)).sort(),
        );
        assert.deepEqual(
          container.addresses("eth0").sort(),
          nets.map((net) => withLength(net, 2)).sort(),
        );
        const all = container.json("ip -j addr show dev eth0")[0].addr_info;
        assert.equal(
          all.filter((a: Json) => a.scope === "link").length,
          1,
          "one link-local address",
        );
        defaultRoutes(container.json("ip -j route"), container.json("ip -j -6 route"), nets);
        for (const net of nets) {
          assert(container.reaches(member(net, 1)), `the gateway answers in ${net}`);
          assert(host.reaches(member(net, 2)), `the container answers in ${net}`);
        }
        const forwarding = [
          host.sysctl("net/ipv4/ip_forward"),
          host.sysctl("net/ipv6/conf/all/forwarding"),
        ];
        assert.deepEqual(
          forwarding,
          [/\./, /:/].map((of) => (nets.some((net) => of.test(net)) ? "1" : "0")),
        );

        if (attached.result.interfaces)
          judgeResult(
            attached.result,
            host.link("br0"),
            host.link(veth),
            container.link("eth0"),
            nets,
          );
        else judgeOldResult(attached.result, nets);
        assert.equal(attached.result.cniVersion, cniVersion);

        if (versions.with("CHECK").includes(cniVersion)) attached.check();
        attached.del();
        attached.del();
        assert.deepEqual(host.links(), ["br0", "lo"]);
        assert.deepEqual(container.links(), ["lo"]);
        assert.deepEqual(reserved(), []);
      },
    );
  }
}

/** One default route per family with a subnet, without a preferred source. */
function defaultRoutes(routes4: Json[], routes6: Json[], nets: string[]) {
  const defaults = [...routes4, ...routes6].filter((route) => route.dst === "default");
  const gateways = [/\./, /:/].flatMap((of) => nets.filter((net) => of.test(net)).slice(0, 1));
  assert.deepEqual(
    defaults.map((route) => [route.gateway, route.dev, route.prefsrc]),
    gateways.map((net) => [member(net, 1), "eth0", undefined]),
  );
}

function judgeResult(result: Json, bridge: Json, veth: Json, eth0: Json, nets: string[]) {
  assert.deepEqual(result.interfaces, [
    { name: "br0", mac: bridge.address },
    { name: veth.ifname, mac: veth.address },
    { name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" },
  ]);
  const old = /^0/.test(result.cniVersion);
  assert.deepEqual(
    result.ips,
    nets.map((net) => ({
      ...(old ? { version: net.includes(":") ? "6" : "4" } : {}),
      interface: 2,
      address: withLength(net, 2),
      gateway: member(net, 1),
    })),
  );
  const [first6] = nets.filter((net) => net.includes(":"));
  const [first4] = nets.filter((net) => net.includes("."));
  assert.deepEqual(result.routes, [
    ...(first4 ? [{ dst: "0.0.0.0/0", gw: member(first4, 1) }] : []),
    ...(first6 ? [{ dst: "::/0", gw: member(first6, 1) }] : []),
  ]);
}

function judgeOldResult(result: Json, nets: string[]) {
  const { cniVersion: _, ...rest } = result;
  const expected: Json = { dns: {} };
  for (const net of nets) {
    const six = net.includes(":");
    expected[six ? "ip6" : "ip4"] = {
      ip: withLength(net, 2),
      gateway: member(net, 1),
      routes: [{ dst: six ? "::/0" : "0.0.0.0/0", gw: member(net, 1) }],
    };
  }
  assert.deepEqual(rest, expected);
}

for (const cniVersion of versions.without("interfaces")) {
  sandbox(
    `bridge refuses two addresses of a family [${cniVersion}]`,
    ({ container, cni, reserved }) => {
      const config = { ...gatewayBridge(...subnets["IPv4 and two IPv6"]), cniVersion };
      assert.throws(
        () => cni.add(config),
        new RegExp(`CNI version ${cniVersion} does not support more than 1 address per family`),
      );
      if (go)
        assert.throws(() => cni.del(config), /does not support more than 1 address per family/);
      else cni.del(config); // what cannot be added can still be taken away
      assert.deepEqual(reserved(), []);
      assert.deepEqual(container.links(), ["lo"]);
    },
  );

  sandbox(`bridge without addresses cannot be told in a result [${cniVersion}]`, ({ cni }) => {
    assert.throws(
      () => cni.add({ ...switchBridge, cniVersion }),
      /cannot convert: no valid IP addresses/,
    );
  });
}

sandbox(
  "two containers on one bridge and the host reach each other",
  ({ host, container, cni, addNamespace }) => {
    const config = gatewayBridge(...subnets["dual stack"]);
    const other = addNamespace("c2");
    cni.add(config);
    cni.add(config, { container: other, containerId: "c2" });
    assert.deepEqual(other.addresses("eth0"), ["10.1.2.3/24", "2001:db8:42::3/64"]);
    assert(container.reaches("10.1.2.3"));
    assert(container.reaches("2001:db8:42::3"));
    assert(other.reaches("10.1.2.2"));
    assert(other.reaches("10.1.2.1"));
    assert(host.reaches("2001:db8:42::3"));
  },
);

sandbox(
  "one container twice on one bridge, by two interface names",
  ({ container, cni, reserved }) => {
    const config = { ...gatewayBridge(), isDefaultGateway: false, isGateway: true };
    const first = cni.attach(config, { ifName: "eth0" });
    const second = cni.attach(config, { ifName: "eth1" });
    assert.deepEqual(container.links(), ["eth0", "eth1", "lo"]);
    first.del();
    assert.deepEqual(container.links(), ["eth1", "lo"]);
    assert.deepEqual(reserved(), ["10.1.2.3"]);
    second.check();
    second.del();
    assert.deepEqual(reserved(), []);
  },
);

sandbox("an existing bridge is used as it is", ({ host, cni }) => {
  host.sh("ip link add br0 mtu 1400 type bridge; ip link set br0 up");
  const { ifindex } = host.link("br0");
  cni.add({ ...gatewayBridge(), mtu: 1300 });
  const bridge = host.link("br0");
  assert.equal(bridge.ifindex, ifindex);
  assert.equal(bridge.mtu, 1300, "a bridge's MTU follows its smallest port");
  assert.equal(bridge.promiscuity, 0);
});

sandbox("the bridge is named cni0 by default", ({ host, cni }) => {
  const { bridge: _, ...config } = gatewayBridge();
  cni.add(config);
  assert(host.links().includes("cni0"));
});

sandbox("a link of another kind in the bridge's place is an error", ({ host, container, cni }) => {
  host.sh("ip link add br0 type veth peer name other");
  const before = host.state();
  assert.throws(
    () => cni.add(gatewayBridge()),
    /failed to create bridge "br0": "br0" already exists but is not a bridge/,
  );
  assert.deepEqual(container.links(), ["lo"]);
  assert.deepEqual(host.state().files, before.files);
});

sandbox("DNS of the IPAM plugin reaches the result", ({ host, cni }) => {
  host.sh(
    "printf 'nameserver 192.0.2.53\\nsearch a.example b.example\\noptions ndots:2\\ndomain c.example\\n' >/run/resolv.conf",
  );
  const ipam = { ...hostLocal("10.1.2.0/24"), resolvConf: "/run/resolv.conf" };
  const dns = {
    nameservers: ["192.0.2.53"],
    domain: "c.example",
    search: ["a.example", "b.example"],
    options: ["ndots:2"],
  };
  const expected = differs<object>("Go 1.1.1 always prints the config's", { go: {}, ours: dns });
  assert.deepEqual(cni.add({ ...gatewayBridge(), ipam }).dns, expected);
});

sandbox("DNS of the config replaces that of the IPAM plugin", ({ host, cni }) => {
  host.sh("echo nameserver 192.0.2.53 >/run/resolv.conf");
  const ipam = { ...hostLocal("10.1.2.0/24"), resolvConf: "/run/resolv.conf" };
  const dns = { search: ["z.example"] };
  assert.deepEqual(cni.add({ ...gatewayBridge(), ipam, dns }).dns, dns);
});

sandbox(
  "routes of the IPAM plugin are set, and a default route is added once",
  ({ container, cni }) => {
    const routes = [{ dst: "0.0.0.0/0", gw: "10.1.2.254" }, { dst: "192.0.2.0/24" }];
    const ipam = { ...hostLocal("10.1.2.0/24"), routes };
    const result = cni.add({ ...gatewayBridge(), ipam });
    assert.deepEqual(result.routes, routes);
    assert.deepEqual(container.routes(), [
      "default via 10.1.2.254 dev eth0",
      "10.1.2.0/24 dev eth0",
      "192.0.2.0/24 via 10.1.2.1 dev eth0",
    ]);
  },
);

sandbox(
  "without isGateway the bridge has no address and nothing is forwarded",
  ({ host, container, cni }) => {
    const result = cni.add({ ...gatewayBridge(), isDefaultGateway: false });
    assert.deepEqual(host.addresses("br0"), []);
    assert.deepEqual(container.addresses("eth0"), ["10.1.2.2/24"]);
    assert.deepEqual(container.routes(), ["10.1.2.0/24 dev eth0"]);
    assert.equal(host.sysctl("net/ipv4/ip_forward"), "0");
    assert.equal(result.routes, undefined);
  },
);

sandbox(
  "static addresses without a gateway get the network's first as gateway",
  ({ host, container, cni }) => {
    const ipam = {
      type: "static",
      addresses: [{ address: "10.9.0.7/24" }, { address: "2001:db8:9::7/64" }],
    };
    const result = cni.add({ ...gatewayBridge(), ipam, cniVersion: "1.0.0" });
    assert.deepEqual(host.addresses("br0"), ["10.9.0.1/24", "2001:db8:9::1/64"]);
    assert.deepEqual(
      result.ips.map((ip: Json) => ip.gateway),
      ["10.9.0.1", "2001:db8:9::1"],
    );
    assert(container.reaches("10.9.0.1"));
  },
);

sandbox("an IPAM plugin without addresses is an error", ({ cni }) => {
  assert.throws(
    () => cni.add({ ...gatewayBridge(), ipam: { type: "static" }, cniVersion: "1.0.0" }),
    /IPAM plugin returned missing IP config/,
  );
});

sandbox("an unknown IPAM plugin is named", ({ cni }) => {
  assert.throws(
    () => cni.add({ ...gatewayBridge(), ipam: { type: "nonesuch" } }),
    (error) =>
      error instanceof CniFailure && /failed to find plugin "nonesuch" in path/.test(error.message),
  );
});

sandbox(
  "an interface name that the container has is an error, and that interface stays",
  ({ container, cni, reserved }) => {
    container.sh("ip link add eth0 type veth peer name other");
    assert.throws(
      () => cni.add(gatewayBridge()),
      differs("Go 1.1.1 has another text", {
        go: /container veth name provided \(eth0\) already exists/,
        ours: /container veth name \("eth0"\) peer provided \("veth[0-9a-f]{8}"\) already exists/,
      }),
    );
    assert.deepEqual(container.links(), ["eth0", "lo", "other"]);
    assert.deepEqual(reserved(), []);
  },
);

onlyOurs("what the kernel refuses is told behind the reference's words", "in Go's words", (box) => {
  const { host, cni } = box;
  host.sh("ip link add br0 type bridge; ip link set br0 up");
  const twice = [{ address: "10.1.2.5/24" }, { address: "10.1.2.5/24" }];
  const cases: [object, RegExp][] = [
    [{ bridge: "br1", mtu: 1 }, /^failed to create bridge "br1": Cannot add bridge link "br1": /],
    [{ mtu: 1 }, /^failed to make veth pair: Cannot add veth link "veth[0-9a-f]{8}": /],
    [
      { ipam: { type: "static", addresses: twice } },
      /^failed to add IP addr to "eth0": Cannot add address 10\.1\.2\.5\/24 to link "eth0": File exists/,
    ],
  ];
  for (const [keys, message] of cases) {
    const done = cni.invoke("ADD", { ...gatewayBridge(), ...keys });
    assert.match(JSON.parse(done.stdout).msg, message);
    assert.equal(JSON.parse(done.stdout).code, 999);
  }
  assert.deepEqual(host.links(), ["br0", "lo"]);
});
