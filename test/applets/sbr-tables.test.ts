/** sbr: which tables it takes, what it takes away, and what is left of odd routes. */
import assert from "node:assert/strict";
import { type Json, onlyOurs, sandbox } from "../harness/sandbox.ts";
import { at, prevResult, rules, sbr, table, twoWays } from "./sbr-support.ts";

const given = { ...at, prevResult: prevResult() };

onlyOurs("tables that are in use are left alone", "it sees rules, and routes of main", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh(`ip rule add from 10.77.0.1 lookup 100; ip -6 rule add from fd00::1 lookup 101
    ip route add 10.78.0.0/16 dev eth0 table 102; ip -6 route add fd01::/64 dev lo table 103`);
  const theirs = [table(container, 102), table(container, 103, "-6")];
  cni.add(sbr(), given);
  assert.deepEqual(rules(container), [
    "10.2.0.2 104",
    "10.77.0.1 100",
    "2001:db8:2::2 105",
    "fd00::1 101",
  ]);
  cni.del(sbr(), given);
  assert.deepEqual(rules(container), ["10.77.0.1 100", "fd00::1 101"]);
  assert.deepEqual([table(container, 102), table(container, 103, "-6")], theirs);
});

onlyOurs(
  "not even those of a vrf without routes",
  "it does not see them",
  { needs: ["CONFIG_NET_VRF"] },
  (box) => {
    const { host, container, cni } = box;
    host.sh("ip link add b0 up type veth peer name net1 netns c1");
    container.sh(`ip link set net1 up; ip addr add 10.2.0.2/24 dev net1
      ip addr add 2001:db8:2::2/64 dev net1 nodad; ip link add red type vrf table 100`);
    cni.add(sbr(), given);
    assert.deepEqual(
      rules(container).filter((rule) => /10\.2/.test(rule)),
      ["10.2.0.2 101"],
    );
  },
);

onlyOurs("255 and its like are never taken", "253 to 255 are", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh("for i in $(seq 100 251); do ip rule add from 10.77.0.1 lookup $i; done");
  cni.add(sbr(), given);
  assert(rules(container).includes("10.2.0.2 256"), rules(container).join());
});

sandbox("several addresses, also such that the result does not say whose", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh("ip addr add 10.3.0.2/24 dev net1; ip route add 10.4.0.0/16 via 10.3.0.1 dev net1");
  const { interfaces } = prevResult();
  const ips = [
    { interface: 1, address: "10.2.0.2/24", gateway: "10.2.0.1" },
    { interface: 9, address: "10.3.0.2/24", gateway: "10.3.0.1" },
    { address: "10.2.0.3/24" },
  ];
  const result: Json = { cniVersion: "1.0.0", interfaces, ips };
  container.sh("ip addr add 10.2.0.3/24 dev net1");
  cni.add(sbr(), { ...at, prevResult: result });
  assert.deepEqual(rules(container), ["10.2.0.2 100", "10.2.0.3 102", "10.3.0.2 101"]);
  assert.match(table(container, 100).join("\n"), /default via 10.2.0.1[\s\S]*198.51.100.0/);
  assert.match(
    table(container, 101).join("\n"),
    /default via 10.3.0.1[\s\S]*10.4.0.0.*via 10.3.0.1/,
  );
  assert.doesNotMatch(table(container, 101).join("\n"), /198.51.100/);
  assert.doesNotMatch(table(container, 102).join("\n"), /default|10.4.0.0/);
  cni.del(sbr(), at); // as the addresses are there, without a result too
  assert.deepEqual(rules(container), []);
});

for (const more of [{}, { table: 5000 }, { addSourceHints: true }]) {
  const name = `a repeated ADD changes nothing: ${JSON.stringify(more)}`;
  onlyOurs(name, "it adds rules and tables", (box) => {
    const { container, cni } = box;
    twoWays(box);
    cni.add(sbr(more), given);
    const once = container.state();
    cni.add(sbr(more), given);
    assert.deepEqual(container.state(), once);
    cni.check(sbr(more), given);
    cni.del(sbr(more), given);
    assert.deepEqual(rules(container), []);
  });
}

onlyOurs("no route is lost", "routes that go with no address are", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh(`ip addr add 10.66.0.2/32 dev net1
    ip route add 169.254.1.1 dev net1 scope link; ip route add 10.67.0.0/16 via 169.254.1.1 dev net1
    ip route add 10.68.0.0/16 via 10.99.0.1 dev net1 onlink
    ip -6 route add 2001:db8:98::/48 via fe80::1 dev net1
    ip route add 10.69.0.0/16 nexthop via 10.2.0.8 dev net1 nexthop via 10.2.0.9 dev net1
    ip route add 10.70.0.0/16 nexthop via 10.2.0.8 dev net1 nexthop via 10.1.0.9 dev eth0
    ip route add 10.71.0.0/16 via inet6 fe80::1 dev net1
    ip route add 10.72.0.0/16 via 10.2.0.9 dev net1 initcwnd 20 rtt 80ms`);
  const attached = cni.attach(sbr(), given);
  const text = table(container, 100).join("\n");
  for (const line of [
    /^169.254.1.1 dev net1 scope link$/m,
    /^10.67.0.0\/16 via 169.254.1.1 dev net1/m,
    /^10.68.0.0\/16 via 10.99.0.1 dev net1 onlink/m,
    /^10.69.0.0\/16 *\n\s*nexthop via 10.2.0.8 dev net1 weight 1 *\n\s*nexthop via 10.2.0.9 /m,
    /^10.71.0.0\/16 via inet6 fe80::1 dev net1/m,
    /^10.72.0.0\/16 via 10.2.0.9 dev net1 .*initcwnd 20/m,
  ]) {
    assert.match(text, line);
  }
  assert.match(table(container, 101, "-6").join("\n"), /^2001:db8:98::\/48 via fe80::1 dev net1/m);
  assert.match(table(container, "main").join("\n"), /^10.70.0.0\/16/m, "it is eth0's as well");
  attached.check();
});

onlyOurs("a family without an address keeps its routes", "they leave the main table", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const six = table(container, "main", "-6").sort();
  const { interfaces, ips } = prevResult();
  const result = { cniVersion: "1.0.0", interfaces, ips: [ips[0]] };
  cni.add(sbr(), { ...at, prevResult: result });
  assert.deepEqual(rules(container), ["10.2.0.2 100"]);
  assert.deepEqual(table(container, "main", "-6").sort(), six);
  assert.deepEqual(table(container, 100, "-6"), []);
  assert.equal(table(container, "main").length, 2);
});

onlyOurs("DEL takes nothing but its rules", "it goes by the address alone", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const clean = container.state();
  container.sh(`ip rule add from 10.2.0.2 fwmark 1 lookup 7; ip rule add from 10.2.0.2 to 10.9.0.1 lookup 8
    ip rule add from 10.2.0.0/24 lookup 9; ip rule add from 10.2.0.2 lookup main`);
  const theirs = rules(container);
  cni.add(sbr(), given);
  cni.del(sbr(), at);
  assert.deepEqual(rules(container), theirs);
  assert.equal(container.sh("ip rule").match(/10.2.0/g)?.length, 4);
  assert.notDeepEqual(container.state(), clean, "the routes went with their tables");
});

onlyOurs("DEL with the link or the namespace gone", "it fails", (box) => {
  const { host, container, cni } = box;
  twoWays(box);
  cni.add(sbr(), given);
  container.sh("ip link del net1");
  cni.del(sbr(), given);
  cni.del(sbr(), at);
  cni.del(sbr(), { ...given, container: "/run/netns/nonesuch" });
  cni.del(sbr(), { ...given, container: "" });
  assert.equal(host.sh("ls /run/netns | grep nonesuch || true"), "", "and none is made there");
  assert.deepEqual(rules(container), []);
});
