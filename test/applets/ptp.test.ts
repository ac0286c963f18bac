/** ptp: a cable between container and host, in each version of the specification. */
import assert from "node:assert/strict";
import { hostLocal, v4, v6 } from "../harness/configs.ts";
import type { Config } from "../harness/plugins.ts";
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
import { watch } from "../harness/watch.ts";

const ptp = (...subnets: string[]): Config => ({ type: "ptp", ipam: hostLocal(...subnets) });
const fixed = (...addresses: object[]): Config => ({
  type: "ptp",
  ipam: { type: "static", addresses },
});
const cable = ({ host }: Sandbox) => host.links().find((name) => name.startsWith("veth")) ?? "";
/** Main-table routes in full, less what differs between kernels. */
const routesOf = (box: Sandbox, options = ""): Json[] =>
  box.container.json(`ip -j ${options} route`).filter((r: Json) => !/^fe80/.test(r.dst));

const families = { IPv4: [v4], IPv6: [v6], "dual stack": [v4, v6] };

for (const [family, subnets] of Object.entries(families)) {
  for (const cniVersion of versions.all) {
    sandbox(`ptp attaches with ${family} [${cniVersion}]`, (box) => {
      const { host, container, cni, reserved } = box;
      const attached = cni.attach({ ...ptp(...subnets), cniVersion, mtu: 1400 });
      const name = cable(box);
      const [outer, inner] = [host.link(name), container.link("eth0")];
      assert.deepEqual([outer.linkinfo.info_kind, inner.linkinfo.info_kind], ["veth", "veth"]);
      assert.deepEqual([outer.mtu, inner.mtu], [1400, 1400]);
      assert(outer.flags.includes("UP") && inner.flags.includes("UP"));
      assert.equal(host.sysctl(`net/ipv6/conf/${name}/accept_ra`), "0");

      const four = subnets.includes(v4);
      const six = subnets.includes(v6);
      assert.deepEqual(host.addresses(name), [
        ...(four ? ["10.1.2.1/32"] : []),
        ...(six ? ["2001:db8:42::1/128"] : []),
      ]);
      assert.deepEqual(container.addresses("eth0"), [
        ...(four ? ["10.1.2.2/24"] : []),
        ...(six ? ["2001:db8:42::2/64"] : []),
      ]);
      if (four) {
        const routes = routesOf(box).map((r) => [r.dst, r.gateway, r.scope, r.prefsrc]);
        assert.deepEqual(routes, [
          ["10.1.2.0/24", "10.1.2.1", undefined, "10.1.2.2"],
          ["10.1.2.1", undefined, "link", "10.1.2.2"],
        ]);
        const [route] = host.json("ip -j route get 10.1.2.2");
        assert.equal(route.dev, name);
        assert.equal(host.json("ip -j route show 10.1.2.2")[0].scope, "host");
        assert(container.reaches("10.1.2.1") && host.reaches("10.1.2.2"));
      }
      if (six) {
        const routes = routesOf(box, "-6").map((r) => [r.dst, r.gateway, r.prefsrc]);
        assert.deepEqual(routes, [
          ["2001:db8:42::1", undefined, "2001:db8:42::2"],
          ["2001:db8:42::/64", "2001:db8:42::1", "2001:db8:42::2"],
        ]);
        assert(container.reaches("2001:db8:42::1") && host.reaches("2001:db8:42::2"));
      }
      assert.equal(host.sysctl("net/ipv4/ip_forward"), four ? "1" : "0");
      assert.equal(host.sysctl("net/ipv6/conf/all/forwarding"), six ? "1" : "0");

      judgeResult(attached.result, cniVersion, outer, inner, { four, six });
      if (versions.with("CHECK").includes(cniVersion)) attached.check();
      else assert.throws(() => attached.check(), /config version does not allow CHECK/);
      attached.del();
      attached.del();
      assert.deepEqual([host.links(), container.links()], [["lo"], ["lo"]]);
      assert.deepEqual(reserved(), []);
    });
  }
}

function judgeResult(
  result: Json,
  cniVersion: string,
  outer: Json,
  inner: Json,
  has: { four: boolean; six: boolean },
) {
  assert.equal(result.cniVersion, cniVersion);
  if (!versions.with("interfaces").includes(cniVersion)) {
    assert.deepEqual(
      [result.ip4?.ip, result.ip6?.ip],
      [has.four ? "10.1.2.2/24" : undefined, has.six ? "2001:db8:42::2/64" : undefined],
    );
    return;
  }
  assert.deepEqual(result.interfaces, [
    { name: outer.ifname, mac: outer.address },
    { name: "eth0", mac: inner.address, sandbox: "/run/netns/c1" },
  ]);
  const label = (version: string) => (cniVersion.startsWith("0") ? { version } : {});
  assert.deepEqual(result.ips, [
    ...(has.four
      ? [{ ...label("4"), interface: 1, address: "10.1.2.2/24", gateway: "10.1.2.1" }]
      : []),
    ...(has.six
      ? [
          {
            ...label("6"),
            interface: 1,
            address: "2001:db8:42::2/64",
            gateway: "2001:db8:42::1",
          },
        ]
      : []),
  ]);
  assert.equal(result.routes, undefined, "the IPAM plugin's routes only");
}

sandbox("routes of the IPAM plugin are set: default, wide, narrow, by a neighbour", (box) => {
  const { container, cni } = box;
  const routes = [
    { dst: "0.0.0.0/0" },
    { dst: "192.168.0.0/16" },
    { dst: "192.0.2.9/32", gw: "10.1.2.1" },
    { dst: "198.51.100.0/24", gw: "10.1.2.9" },
    { dst: "::/0" },
  ];
  const attached = cni.attach({ type: "ptp", ipam: { ...hostLocal(v4, v6), routes } });
  assert.deepEqual(attached.result.routes, routes);
  assert.deepEqual(container.routes(), [
    "default via 10.1.2.1 dev eth0",
    "10.1.2.0/24 via 10.1.2.1 dev eth0",
    "10.1.2.1 dev eth0",
    "192.0.2.9 via 10.1.2.1 dev eth0",
    "192.168.0.0/16 via 10.1.2.1 dev eth0",
    "198.51.100.0/24 via 10.1.2.9 dev eth0",
    "2001:db8:42::1 dev eth0",
    "2001:db8:42::/64 via 2001:db8:42::1 dev eth0",
    "default via 2001:db8:42::1 dev eth0",
  ]);
  if (!go) attached.check(); // 1.1.1 cannot find a route without a gateway
});

sandbox("two containers reach each other and a machine beyond by the host", (box) => {
  const { container, cni, addNamespace, addOutside } = box;
  const config = { type: "ptp", ipam: { ...hostLocal(v4, v6), routes: [{ dst: "0.0.0.0/0" }] } };
  const other = addNamespace("c2");
  cni.add(config);
  cni.add(config, { container: other, containerId: "c2" });
  assert(container.reaches("10.1.2.3") && other.reaches("2001:db8:42::2"));
  const outside = addOutside();
  outside.sh("ip route add 10.1.2.0/24 via 192.0.2.1");
  assert(container.reaches("192.0.2.2"));
  assert(outside.reaches("10.1.2.3"));
});

sandbox("ipMasq shows the outside the host's address only, in both families", (box) => {
  const { host, container, cni, addOutside } = box;
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
  const config = { type: "ptp", ipMasq: true, ipam: { ...hostLocal(v4, v6), routes } };
  const before = box.stateWithout(config);
  const attached = cni.attach(config);
  const seen = watch(addOutside());
  const mine = ["ip saddr 10.1.2.0/24", "ip6 saddr 2001:db8:42::/64"];
  const hosts = ["ip saddr 192.0.2.1", "ip6 saddr 2001:db8:ffff::1 icmpv6 type echo-request"];
  for (const match of [...mine, ...hosts]) assert.equal(seen.count(match), 0);
  assert(container.reaches("192.0.2.2") && container.reaches("2001:db8:ffff::2"));
  for (const match of mine) assert.equal(seen.count(match), 0, match);
  for (const match of hosts) assert(seen.count(match) > 0, match);
  box.removeNamespace("outside");
  attached.del();
  assert.deepEqual(host.state(), before);
});

sandbox("without ipMasq the outside sees the container's own address", (box) => {
  const routes = [{ dst: "0.0.0.0/0" }];
  box.cni.add({ type: "ptp", ipam: { ...hostLocal(v4), routes } });
  const seen = watch(box.addOutside());
  assert.equal(seen.count("ip saddr 10.1.2.2"), 0);
  assert(box.container.silent("192.0.2.2"));
  assert(seen.count("ip saddr 10.1.2.2") > 0);
});

onlyOurs("ipMasqBackend is obeyed, and an unknown one refused", "not in Go 1.1.1", (box) => {
  const { host, container, cni, reserved } = box;
  const config = { ...ptp(v4), ipMasq: true };
  const attached = cni.attach({ ...config, ipMasqBackend: "iptables" });
  assert(host.state().iptables.some((rule) => rule.includes("MASQUERADE")));
  attached.del();
  assert.deepEqual(host.state().iptables, []);
  assert.throws(() => cni.add({ ...config, ipMasqBackend: "pf" }), /unknown ipmasq backend "pf"/);
  assert.deepEqual([container.links(), reserved()], [["lo"], []]);
});

// What the reference cannot do: each with its reason, and what it leaves there.
const impossible: Record<string, [Config, RegExp, string[], string[]]> = {
  "an IPv4 address of its own, /32": [
    fixed({ address: "10.1.2.7/32", gateway: "169.254.1.1" }),
    /no such process|failed to delete route/i,
    ["10.1.2.7/32"],
    ["169.254.1.1/32"],
  ],
  "two addresses of one subnet, with one gateway": [
    fixed(
      { address: "10.1.2.7/24", gateway: "10.1.2.1" },
      { address: "10.1.2.8/24", gateway: "10.1.2.1" },
    ),
    /no such process|failed to delete route|file exists/i,
    ["10.1.2.7/24", "10.1.2.8/24"],
    ["10.1.2.1/32"],
  ],
  "two subnets that share a gateway": [
    fixed(
      { address: "10.1.2.7/24", gateway: "169.254.1.1" },
      { address: "10.1.3.7/24", gateway: "169.254.1.1" },
    ),
    /file exists|failed to add IP addr/i,
    ["10.1.2.7/24", "10.1.3.7/24"],
    ["169.254.1.1/32"],
  ],
  "two IPv6 addresses of one subnet, with one gateway": [
    fixed(
      { address: "2001:db8:42::7/64", gateway: "2001:db8:42::1" },
      { address: "2001:db8:42::8/64", gateway: "2001:db8:42::1" },
    ),
    /no such process|failed to delete route|file exists/i,
    ["2001:db8:42::7/64", "2001:db8:42::8/64"],
    ["2001:db8:42::1/128"],
  ],
};

for (const [name, [config, refusal, inside, outside]] of Object.entries(impossible)) {
  sandbox(`ptp with ${name}`, (box) => {
    const { host, container, cni } = box;
    const dated = { ...config, cniVersion: "1.0.0" };
    const act = differs<() => void>("it deletes routes that are not there", {
      go: () => assert.throws(() => cni.add(dated), refusal),
      ours: () => {
        const attached = cni.attach(dated);
        assert.deepEqual(container.addresses("eth0").sort(), inside);
        assert.deepEqual(host.addresses(cable(box)), outside);
        for (const address of inside) assert(host.reaches(address.replace(/\/\d+$/, "")), address);
        for (const address of outside) {
          assert(container.reaches(address.replace(/\/\d+$/, "")), address);
        }
        attached.check();
        attached.del();
        assert.deepEqual([host.links(), container.links()], [["lo"], ["lo"]]);
      },
    });
    act();
  });
}

sandbox("an address without a gateway is refused and leaves nothing of ours", (box) => {
  const { host, container, cni } = box;
  const config = { ...fixed({ address: "10.1.2.7/24" }), cniVersion: "1.0.0" };
  assert.throws(
    () => cni.add(config),
    differs("it stumbles over the address", {
      go: /./,
      ours: /Cannot reach 10\.1\.2\.7\/24: the IPAM plugin gave it no gateway/,
    }),
  );
  assert.deepEqual(
    [host.links().length, container.links()],
    differs<unknown>("the veth stays", { go: [2, ["eth0", "lo"]], ours: [1, ["lo"]] }),
  );
});

onlyOurs("IPv6 is there at once", "1.1.1 waits for duplicate address detection", (box) => {
  const began = Date.now();
  box.cni.add(ptp(v6));
  assert(Date.now() - began < 900, `${Date.now() - began} ms`);
  const [{ addr_info }] = box.container.json("ip -j -6 addr show dev eth0 scope global");
  assert.equal(addr_info[0].tentative, undefined);
});

onlyOurs("the host's end says whose it is", "it has no alias there", (box) => {
  box.cni.add(ptp(v4));
  assert.equal(box.host.link(cable(box)).ifalias, "cni:net1/c1/eth0");
});

sandbox("DNS: the config's replaces the IPAM plugin's, any field of it all fields", (box) => {
  const { host, cni } = box;
  host.sh("printf 'nameserver 192.0.2.53\\nsearch a.example\\n' >/run/resolv.conf");
  const ipam = { ...hostLocal(v4), resolvConf: "/run/resolv.conf" };
  const fromIpam = { nameservers: ["192.0.2.53"], search: ["a.example"] };
  const given: [object, object | undefined][] = [
    [{}, fromIpam],
    [{ dns: {} }, fromIpam],
    [{ dns: { domain: "b.example" } }, { domain: "b.example" }],
    [{ dns: { search: ["c.example"] } }, { search: ["c.example"] }],
    [{ dns: { options: ["ndots:3"] } }, { options: ["ndots:3"] }],
    [{ dns: { nameservers: [] } }, undefined],
  ];
  for (const [dns, expected] of given) {
    const attached = cni.attach({ type: "ptp", ipam, ...dns });
    const empty = differs<object | undefined>("1.1.1 prints an empty dns", {
      go: {},
      ours: undefined,
    });
    assert.deepEqual(attached.result.dns, expected ?? empty, JSON.stringify(dns));
    attached.del();
  }
});

/** What happened to the attachment → what CHECK says. */
const damages: Record<string, [(box: Sandbox) => void, RegExp]> = {
  "the link is gone": [
    ({ container }) => container.sh("ip link del eth0"),
    /interface name.*eth0 not found|Cannot find interface "eth0" of prevResult/i,
  ],
  "the link is of another kind": [
    ({ container }) =>
      container.sh("ip link del eth0; ip link add eth0 type bridge; ip link set eth0 up"),
    /not of type veth|is not of kind veth; found bridge/,
  ],
  "the MAC is another": [
    ({ container }) => container.sh("ip link set eth0 address 02:00:00:00:00:09"),
    /doesn't match container Mac|has another MAC than prevResult/,
  ],
  "the address is gone": [
    ({ container }) => container.sh("ip addr del 10.1.2.2/24 dev eth0"),
    /Failed to match addr \{?10\.1\.2\.2.* on interface eth0/,
  ],
  "the way to the subnet is gone": [
    ({ container }) => container.sh("ip route del 10.1.2.0/24"),
    /Failed to find Gateway 10\.1\.2\.1 for interface eth0/,
  ],
  "a route is gone": [
    ({ container }) => container.sh("ip route del 192.0.2.0/24"),
    /Expected Route .* not found in routing table/,
  ],
  "the lease is gone": [
    ({ host }) => host.sh("rm /var/lib/cni/networks/net1/10.* /var/lib/cni/networks/net1/2001*"),
    /host-local: Failed to find address added by container c1/,
  ],
};
const withRoute = {
  type: "ptp",
  ipam: { ...hostLocal(v4, v6), routes: [{ dst: "192.0.2.0/24", gw: "10.1.2.1" }] },
};
for (const [name, [damage, message]] of Object.entries(damages)) {
  sandbox(`ptp CHECK fails: ${name}`, (box) => {
    const attached = box.cni.attach(withRoute);
    attached.check();
    damage(box);
    assert.throws(() => attached.check(), message);
  });
}

const hostDamages: Record<string, [(box: Sandbox) => void, RegExp]> = {
  "the gateway's address": [
    (box) => box.host.sh(`ip addr del 10.1.2.1/32 dev ${cable(box)}`),
    /Failed to match gateway 10\.1\.2\.1 on interface veth/,
  ],
  "the route to the container": [
    (box) => box.host.sh("ip route del 10.1.2.2"),
    /Cannot find the host's route to 10\.1\.2\.2 by veth/,
  ],
};
for (const [name, [damage, message]] of Object.entries(hostDamages)) {
  onlyOurs(`ptp CHECK misses ${name} on the host`, "it looks at the container only", (box) => {
    const attached = box.cni.attach(withRoute);
    damage(box);
    assert.throws(() => attached.check(), message);
  });
}

sandbox("ptp CHECK wants a prevResult, of this namespace", ({ cni }) => {
  const result = cni.add(ptp(v4));
  assert.throws(() => cni.check(ptp(v4)), /Required prevResult missing/);
  result.interfaces[1].sandbox = "/run/netns/other";
  assert.throws(
    () => cni.check(ptp(v4), { prevResult: result }),
    /Sandbox in prevResult .*doesn't match configured netns: \/run\/netns\/c1/,
  );
});

for (const container of ["", "/run/netns/nonesuch"]) {
  sandbox(`ptp DEL with the namespace "${container}" gives the lease back`, ({ cni, reserved }) => {
    cni.add(ptp(v4));
    assert.deepEqual(reserved(), ["10.1.2.2"]);
    cni.del(ptp(v4), { container });
    assert.deepEqual(reserved(), []);
  });
}

onlyOurs("ptp DEL without a namespace takes link and rules away", "it leaves both", (box) => {
  const { host, container, cni } = box;
  const config = { ...ptp(v4, v6), ipMasq: true };
  const before = box.stateWithout(config);
  cni.add(config);
  cni.del(config, { container: "" });
  assert.deepEqual([host.state(), container.links()], [before, ["lo"]]);
});

onlyOurs("ptp DEL finds the rules when the link is gone", "it leaves them", (box) => {
  const { host, container, cni } = box;
  const config = { ...ptp(v4, v6), ipMasq: true };
  const before = box.stateWithout(config);
  cni.add(config);
  container.sh("ip link del eth0");
  cni.del(config);
  assert.deepEqual(host.state(), before);
});

sandbox("ptp DEL of what was never added succeeds", ({ host, cni }) => {
  const before = host.state();
  cni.del({ ...ptp(v4), ipMasq: true });
  assert.deepEqual(host.state(), before);
});

sandbox("ptp cannot do without an IPAM plugin, nor with one that gives nothing", (box) => {
  const { host, container, cni } = box;
  for (const ipam of [undefined, {}]) {
    assert.throws(() => cni.add({ type: "ptp", ipam }), /no plugin name provided/);
  }
  assert.throws(
    () => cni.add({ ...fixed(), cniVersion: "1.0.0" }),
    /IPAM plugin returned missing IP config/,
  );
  assert.deepEqual([host.links(), container.links()], [["lo"], ["lo"]]);
});

// Each makes ADD fail at another step.
const failures: Record<string, { prepare?: string; change?: object }> = {
  "the container has the interface name": {
    prepare: "ip -n c1 link add eth0 type veth peer name x",
  },
  "a route cannot be set": {
    change: { ipam: { ...hostLocal(v4), routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] } },
  },
  "the IPAM plugin refuses": { change: { ipam: hostLocal("nonsense") } },
  "the result cannot be told in this version": {
    change: {
      cniVersion: "0.2.0",
      ipam: hostLocal("2001:db8:42::/64", "2001:db8:43::/64"),
    },
  },
};
for (const [name, { prepare = "true", change = {} }] of Object.entries(failures)) {
  onlyOurs(`a failed ptp ADD leaves nothing: ${name}`, "the veth stays", (box) => {
    const { host, container, cni } = box;
    const config = { ...ptp(v4, v6), ipMasq: true };
    box.stateWithout(config);
    host.sh(prepare);
    const before = [host.state(), container.state()];
    assert.throws(() => cni.add({ ...config, ...change }), CniFailure);
    assert.deepEqual([host.state(), container.state()], before);
  });
}

for (const cniVersion of versions.with("GC")) {
  onlyOurs(`ptp GC removes what the runtime no longer knows [${cniVersion}]`, "a no-op", (box) => {
    const { host, cni, addNamespace } = box;
    const config = { ...ptp(v4, v6), ipMasq: true, cniVersion };
    const kept = addNamespace("kept");
    cni.add(config, { container: kept, containerId: "kept" });
    cni.add(
      { ...config, name: "net2", ipam: hostLocal("10.1.3.0/24") },
      {
        container: kept,
        containerId: "kept",
        ifName: "eth1",
      },
    );
    const before = box.stateWithout(config);
    cni.add(config);
    assert.notDeepEqual(host.state(), before);
    cni.gc(config, [{ containerID: "kept", ifname: "eth0" }]);
    assert.deepEqual(host.state(), before);
    assert(kept.reaches("10.1.2.1") && kept.reaches("10.1.3.1"));
  });

  sandbox(`ptp STATUS asks the IPAM plugin, which there must be [${cniVersion}]`, ({ cni }) => {
    cni.status({ ...ptp(v4), cniVersion });
    assert.throws(
      () => cni.status({ type: "ptp", cniVersion, ipam: { type: "nonesuch" } }),
      /failed to find plugin "nonesuch" in path/,
    );
    assert.throws(() => cni.status({ type: "ptp", cniVersion }), /no plugin name provided/);
  });
}
