import { formatCidr } from "../../src/addr/cidr.ts";
import { formatIp } from "../../src/addr/ip.ts";
import type { Route } from "../../src/kernel/routes.ts";
import { cidr, connect, failure, inNamespaces, ip } from "./namespaces.ts";

const shown = ({ dst, gateway }: Route) =>
  `${formatCidr(dst)}${gateway ? ` via ${formatIp(gateway)}` : ""}`;

inNamespaces("routes with all that they can have", (box) => {
  const { t, container } = box;
  const { routes, addresses } = container.netns;
  const oif = connect(box).inner.index;
  addresses.add(oif, { address: cidr("fd00::3/64"), nodad: true });
  routes.addAll([
    { dst: cidr("0.0.0.0/0"), gateway: ip("10.1.2.1"), oif },
    {
      dst: cidr("10.3.0.0/16"),
      gateway: ip("10.1.2.1"),
      oif,
      source: ip("10.1.2.3"),
      priority: 7,
      mtu: 1300,
      advmss: 1200,
      protocol: "static",
    },
    { dst: cidr("10.4.0.0/16"), oif, scope: "link", table: 5000 },
    { dst: cidr("10.5.0.0/16"), oif, scope: 200, table: 99, priority: 0 },
    { dst: cidr("10.6.0.0/16"), oif, gateway: ip("10.99.0.1"), flags: ["onlink"] },
    { dst: cidr("10.7.0.0/16"), type: "blackhole" },
    {
      dst: cidr("10.8.0.0/16"),
      nextHops: [
        { oif, gateway: ip("10.1.2.1"), weight: 3 },
        { oif, gateway: ip("10.1.2.2"), weight: 1 },
      ],
    },
    { dst: cidr("::/0"), gateway: ip("fd00::1"), oif, mtu: 1290 },
  ]);
  t.match(container.json("ip -j route show exact default"), [{ gateway: "10.1.2.1", dev: "c0" }]);
  t.match(container.json("ip -j -d route show exact 10.3.0.0/16"), [
    {
      gateway: "10.1.2.1",
      prefsrc: "10.1.2.3",
      metric: 7,
      metrics: [{ mtu: 1300, advmss: 1200 }],
      protocol: "static",
    },
  ]);
  t.match(container.json("ip -j -d route show table 5000"), [
    { dst: "10.4.0.0/16", scope: "link" },
  ]);
  t.match(container.json("ip -j -d route show table 99"), [{ dst: "10.5.0.0/16", scope: "site" }]);
  t.match(container.json("ip -j route show exact 10.6.0.0/16"), [{ flags: ["onlink"] }]);
  t.match(container.json("ip -j route show exact 10.7.0.0/16"), [{ type: "blackhole" }]);
  t.match(container.json("ip -j route show exact 10.8.0.0/16")[0].nexthops, [
    { gateway: "10.1.2.1", weight: 3 },
    { gateway: "10.1.2.2", weight: 1 },
  ]);
  t.match(container.json("ip -6 -j route show default"), [
    { gateway: "fd00::1", metrics: [{ mtu: 1290 }] },
  ]);

  t.strictSame(routes.list({ family: 4 }).map(shown), [
    "0.0.0.0/0 via 10.1.2.1",
    "10.1.2.0/24",
    "10.3.0.0/16 via 10.1.2.1",
    "10.6.0.0/16 via 10.99.0.1",
    "10.7.0.0/16",
    "10.8.0.0/16",
  ]);
  const [full] = routes.list({ dst: cidr("10.3.0.0/16") });
  t.match(full, {
    family: 4,
    table: 254,
    scope: 0,
    type: "unicast",
    protocol: "static",
    oif,
    source: ip("10.1.2.3"),
    priority: 7,
    mtu: 1300,
    advmss: 1200,
  });
  t.strictSame(routes.list({ dst: cidr("10.3.0.0/17") }), [], "another length is another route");
  t.strictSame(routes.list({ table: 5000 }).map(shown), ["10.4.0.0/16"]);
  t.match(routes.list({ table: 99 }), [{ table: 99, scope: 200 }]);
  t.strictSame(routes.list({ table: 4321 }), [], "a table that there is not");
  t.strictSame(routes.list({ dst: cidr("10.8.0.0/16") })[0]?.nextHops, [
    { oif, weight: 3, gateway: ip("10.1.2.1") },
    { oif, weight: 1, gateway: ip("10.1.2.2") },
  ]);
  t.equal(routes.list({ oif: 1 }).length, 0);
  t.ok(routes.list({ family: 4, oif }).map(shown).includes("10.8.0.0/16"), "as a next hop");
  t.ok(routes.list({ table: "all" }).length > routes.list().length);
  t.ok(routes.list().findIndex((r) => r.family === 6) > 4, "IPv4 first");

  t.match(routes.defaultRoute(), { family: 4, oif, gateway: ip("10.1.2.1") });
  t.equal(routes.remove({ dst: cidr("0.0.0.0/0") }), true);
  t.match(routes.defaultRoute(), { family: 6, oif, gateway: ip("fd00::1") });
  t.equal(routes.remove({ dst: cidr("::/0"), oif }), true);
  t.equal(routes.defaultRoute(), undefined);
  t.end();
});

inNamespaces("two ways to one destination", (box) => {
  const { t, container } = box;
  const { routes, addresses } = container.netns;
  const oif = connect(box).inner.index;
  addresses.add(oif, { address: cidr("fd00::3/64"), nodad: true });
  const first = { dst: cidr("10.3.0.0/16"), gateway: ip("10.1.2.1"), oif };
  const second = { ...first, gateway: ip("10.1.2.2") };
  routes.addAll([first, second]);
  t.equal(routes.list({ dst: first.dst }).length, 2);
  t.match(
    failure(() => routes.add(first)),
    {
      code: "EEXIST",
      message: 'Cannot add route 10.3.0.0/16 via 10.1.2.1 dev "c0": File exists',
    },
  );
  t.match(
    failure(() => routes.add({ ...first, gateway: ip("10.1.2.9") }, "exclusive")),
    {
      code: "EEXIST",
    },
  );
  t.equal(routes.remove(first), true, "the one that agrees");
  t.strictSame(routes.list({ dst: first.dst }).map(shown), ["10.3.0.0/16 via 10.1.2.2"]);
  routes.add({ ...first, gateway: ip("10.1.2.7") }, "replace");
  t.strictSame(routes.list({ dst: first.dst }).map(shown), ["10.3.0.0/16 via 10.1.2.7"]);
  t.equal(routes.remove({ ...first, gateway: ip("10.1.2.99") }), false);
  t.equal(routes.remove({ dst: cidr("10.77.0.0/16") }), false);

  const six = { dst: cidr("fd05::/64"), gateway: ip("fd00::1"), oif };
  routes.addAll([six, { ...six, gateway: ip("fd00::2") }]);
  t.equal(routes.list({ dst: six.dst })[0]?.nextHops?.length, 2, "IPv6 makes one route of them");
  t.end();
});

inNamespaces("routes that are listed can be put elsewhere", (box) => {
  const { t, container } = box;
  const { routes } = container.netns;
  const oif = connect(box).inner.index;
  const route = { dst: cidr("10.3.0.0/16"), gateway: ip("10.1.2.1"), oif, mtu: 1300, priority: 5 };
  routes.add({ ...route, source: ip("10.1.2.3") });
  for (const listed of routes.list({ oif, family: 4 }))
    routes.add({ ...listed, table: 77 }, "replace");
  const here = container.sh("ip route show").trim();
  t.equal(container.sh("ip route show table 77").trim(), here);
  for (const listed of routes.list({ oif, family: 4 })) t.ok(routes.remove(listed));
  t.equal(container.sh("ip route show").trim(), "");
  t.end();
});

inNamespaces("what the kernel refuses about routes", (box) => {
  const { t, container } = box;
  const { routes } = container.netns;
  const oif = connect(box).inner.index;
  const far = { dst: cidr("9.0.0.0/8"), gateway: ip("8.8.8.8"), oif, priority: 3, table: 9 };
  t.match(
    failure(() => routes.add(far)),
    {
      name: "KernelError",
      code: "ENETUNREACH",
      message:
        'Cannot add route 9.0.0.0/8 via 8.8.8.8 dev "c0" metric 3 table 9: ' +
        "Network is unreachable (Nexthop has invalid gateway)",
    },
  );
  t.end();
});

inNamespaces("more than 1000 routes", (box) => {
  const { t, container } = box;
  const { routes } = container.netns;
  const oif = connect(box).inner.index;
  const specs = Array.from({ length: 1500 }, (_, i) => ({
    dst: cidr(`10.${100 + (i >> 8)}.${i & 255}.0/24`),
    oif,
  }));
  routes.addAll(specs);
  t.equal(routes.list({ family: 4 }).length, 1501);
  t.equal(routes.list({ dst: cidr("10.105.3.0/24") }).length, 1);
  t.end();
});

inNamespaces("the way that a packet to an address takes", (box) => {
  const { t, container } = box;
  const { routes, addresses, links } = container.netns;
  links.change(links.get("lo").index, { up: true });
  const oif = connect(box).inner.index;
  addresses.add(oif, { address: cidr("fd00::3/64"), nodad: true });
  // A worker of the kernel adds the local route of an IPv6 address, after the answer to its request.
  container.sh(`for i in $(seq 200); do
    ip -6 route show table local | grep -q fd00::3 && exit; sleep 0.01; done; exit 1`);
  routes.addAll([
    { dst: cidr("10.3.0.0/16"), gateway: ip("10.1.2.1"), oif },
    { dst: cidr("10.7.0.0/16"), type: "blackhole" },
  ]);
  const way = (address: string) => {
    const found = routes.lookUp(ip(address));
    return found && [found.type, found.oif === oif, found.gateway && formatIp(found.gateway)];
  };
  t.same(way("10.1.2.9"), ["unicast", true, undefined]);
  t.same(way("10.3.4.5"), ["unicast", true, "10.1.2.1"]);
  t.same(way("10.1.2.3"), ["local", false, undefined]);
  t.same(way("fd00::9"), ["unicast", true, undefined]);
  t.same(way("fd00::3")?.[0], "local");
  t.same(way("10.1.2.255")?.[0], "broadcast");
  t.equal(way("10.7.0.1"), undefined);
  t.equal(way("192.0.2.1"), undefined);
});
