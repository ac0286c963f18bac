/** vrf: an interface in a virtual router of its container. */
import assert from "node:assert/strict";
import { has } from "../harness/kernel.ts";
import { CniFailure, go, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";
import {
  addresses,
  at,
  lone,
  masterOf,
  needs,
  routes,
  tableOf,
  twoNeighbours,
  vrf,
} from "./vrf-support.ts";

// Those of the Go plugin begin with 0.3.1.
for (const cniVersion of versions
  .with("interfaces")
  .filter((version) => !go || version > "0.3.0")) {
  sandbox(`an interface in a VRF: ADD, CHECK, DEL [${cniVersion}]`, { needs }, (box) => {
    const { container, cni } = box;
    lone(box, "e1");
    const options = at("e1", cniVersion);
    const attached = cni.attach(vrf("red", {}, cniVersion), options);
    const dns = cniVersion < "1" || go ? { dns: {} } : {};
    assert.deepEqual(attached.result, { ...(options.prevResult as object), ...dns });
    assert.equal(masterOf(container, "e1"), "red");
    assert.equal(tableOf(container, "red"), 1);
    assert(container.link("red").flags.includes("UP"));
    assert.deepEqual(addresses(container, "e1"), ["10.7.0.2/24"]);
    if (versions.with("CHECK").includes(cniVersion)) attached.check();
    attached.del();
    attached.del();
    assert.deepEqual(container.links(), ["e1", "lo"]);
  });
}

sandbox("two VRFs are apart, with the same addresses in both", { needs }, (box) => {
  const { container, cni } = box;
  const [one, two] = twoNeighbours(box);
  cni.add(vrf("red"), at("e1"));
  cni.add(vrf("blue"), at("e2"));
  assert.deepEqual([tableOf(container, "red"), tableOf(container, "blue")], [1, 2]);
  for (const name of ["e1", "e2"]) {
    assert.deepEqual(addresses(container, name), ["10.9.0.2/24", "2001:db8:9::2/64"]);
  }
  for (const net of ["10.9.0.", "2001:db8:9::"]) {
    for (const peer of [one, two]) assert(peer.reaches(`${net}2`), "each asks for its own");
    assert(container.reaches(`${net}11`, "-I red"));
    assert(container.reaches(`${net}12`, "-I blue"));
    assert(container.silent(`${net}12`, "-I red"), `red does not see blue's ${net}12`);
    assert(container.silent(`${net}11`, "-I blue"), `blue does not see red's ${net}11`);
    assert(container.silent(`${net}11`), "nor does who is in neither");
  }
});

sandbox("a container that forwards does not do so from one VRF to the other", { needs }, (box) => {
  const { container, cni } = box;
  const [one, two] = twoNeighbours(box);
  container.sh(`ip addr flush dev e2; ip addr add 10.8.0.2/24 dev e2
    echo 1 >/proc/sys/net/ipv4/ip_forward`);
  one.sh("ip route add 10.8.0.0/24 via 10.9.0.2");
  two.sh(
    "ip addr flush dev up0; ip addr add 10.8.0.1/24 dev up0; ip route add 10.9.0.0/24 via 10.8.0.2",
  );
  assert(one.reaches("10.8.0.1"), "without VRFs it does");
  cni.add(vrf("red"), at("e1"));
  cni.add(vrf("blue"), at("e2"));
  assert(one.reaches("10.9.0.2"));
  assert(two.reaches("10.8.0.2"));
  assert(one.silent("10.8.0.1"), "from red to blue");
  assert(two.silent("10.9.0.1"), "from blue to red");
  assert(one.silent("10.8.0.2"), "nor are blue's own addresses there");
  cni.del(vrf("blue"), at("e2"));
  cni.add(vrf("red"), at("e2"));
  assert(one.reaches("10.8.0.1"), "in one VRF they see each other");
});

onlyOurs("routes and IPv6 addresses are not lost", "1.1.1 moves no routes", { needs }, (box) => {
  const { container, cni } = box;
  twoNeighbours(box);
  container.sh(`ip route add 10.10.0.0/16 via 10.9.0.11 dev e1
    ip route add 10.11.0.0/16 via 10.9.0.11 dev e1 metric 100
    ip -6 route add 2001:db8:77::/64 via 2001:db8:9::11 dev e1
    ip route add 10.12.0.0/16 via 10.9.0.12 dev e2`);
  cni.add(vrf("red", { table: 1000 }), at("e1"));
  assert.deepEqual(routes(container, 1000), [
    "10.10.0.0/16 via 10.9.0.11 dev e1",
    "10.11.0.0/16 via 10.9.0.11 dev e1 metric 100",
    "10.9.0.0/24 dev e1 proto kernel scope link src 10.9.0.2",
  ]);
  assert.deepEqual(routes(container, 1000, "-6"), [
    "2001:db8:77::/64 via 2001:db8:9::11 dev e1 metric 1024",
    "2001:db8:9::/64 dev e1 proto kernel metric 256",
  ]);
  assert.deepEqual(routes(container, "main"), [
    "10.12.0.0/16 via 10.9.0.12 dev e2",
    "10.9.0.0/24 dev e2 proto kernel scope link src 10.9.0.2",
  ]);
  assert.deepEqual(addresses(container, "e1"), ["10.9.0.2/24", "2001:db8:9::2/64"]);
  assert(container.reaches("2001:db8:9::11", "-I red"));
});

onlyOurs(
  "routes of any scope and table are kept, with all they have",
  "they go",
  { needs },
  (box) => {
    const { container, cni } = box;
    twoNeighbours(box);
    container.sh(`ip addr add 2001:db8:9::3/64 dev e1 nodad
    ip route add 203.0.113.0/24 dev e1 scope link
    ip route add 10.10.0.0/16 via 203.0.113.9 dev e1 mtu 1300 initcwnd 20
    ip route add 10.13.0.0/16 via 10.9.0.11 dev e1 table 77
    ip route add 10.14.0.0/16 nexthop via 10.9.0.1 dev e1 nexthop via 10.9.0.11 dev e1
    ip -6 route add 2001:db8:77::/64 via 2001:db8:9::11 dev e1 src 2001:db8:9::3`);
    const other = routes(container, 77);
    cni.add(vrf("red"), at("e1"));
    const text = container.sh("ip route show table 1; ip -6 route show table 1");
    for (const line of [
      /^203.0.113.0\/24 dev e1 scope link/m,
      /^10.10.0.0\/16 via 203.0.113.9 dev e1 .*(mtu 1300 initcwnd 20|initcwnd 20 mtu 1300)/m,
      /^10.14.0.0\/16 *\n\s*nexthop via 10.9.0.1 dev e1 weight 1 *\n\s*nexthop via 10.9.0.11 dev e1 /m,
      /^2001:db8:77::\/64 via 2001:db8:9::11 dev e1 src 2001:db8:9::3 /m,
    ]) {
      assert.match(text, line);
    }
    assert.deepEqual(
      routes(container, 77),
      other,
      "which was not the main one's stays where it was",
    );
  },
);

sandbox("which table, and whose", { needs }, (box) => {
  const { container, cni } = box;
  for (const name of ["e1", "e2", "e3", "e4"]) lone(box, name);
  cni.add(vrf("red", { table: 2 }), at("e1"));
  cni.add(vrf("blue"), at("e2"));
  assert.deepEqual([tableOf(container, "red"), tableOf(container, "blue")], [2, 1]);
  cni.add(vrf("green"), at("e3"));
  assert.equal(tableOf(container, "green"), 3);
  assert.throws(
    () => cni.add(vrf("red", { table: 5 }), at("e4")),
    /VRF red already exist with different routing table 2/,
  );
  cni.add(vrf("red", { table: 2 }), at("e4"));
  container.sh("ip link set e3 nomaster");
  cni.add(vrf("also", { table: 2 }), at("e3"));
  assert.equal(tableOf(container, "also"), 2, "two may share one that they name");
  cni.del(vrf("red"), at("e1"));
  assert.equal(masterOf(container, "e4"), "red", "it stays while something is in it");
  cni.del(vrf("red"), at("e4"));
  assert(!container.links().includes("red"));
});

onlyOurs("tables that are in use are left alone", "it sees VRFs only", { needs }, (box) => {
  const { container, cni } = box;
  lone(box, "e1");
  lone(box, "e2");
  container.sh("ip route add 10.66.0.0/16 dev e2 table 1; ip rule add from 10.66.0.1 lookup 2");
  cni.add(vrf("red"), at("e1"));
  assert.equal(tableOf(container, "red"), 3);
});

sandbox("what is refused, and why", { needs }, (box) => {
  const { container, cni } = box;
  lone(box, "e1");
  const before = container.links();
  const refuse = (config: ReturnType<typeof vrf>, why: RegExp, options = at("e1")) =>
    assert.throws(
      () => cni.add(config, options),
      (e) => e instanceof CniFailure && why.test(e.message),
      why.source,
    );
  refuse(vrf("red"), /missing prevResult from earlier plugin/, { ifName: "e1" });
  refuse(vrf(""), /configuration is expected to have a valid vrf name/);
  refuse({ type: "vrf", cniVersion: "1.0.0" }, /valid vrf name|"vrfname" is missing/);
  refuse(vrf("e1"), /Netlink e1 is not a VRF/);
  refuse(vrf("red", { table: -1 }), /table/);
  refuse(vrf("red"), /could not get link by name e9/, at("e9"));
  if (go) container.sh("ip link del red");
  assert.deepEqual(container.links(), before, "no new VRF is left");
  cni.add(vrf("blue"), at("e1"));
  refuse(vrf("red"), /interface e1 has already a master set: blue/);
  if (!go) assert.deepEqual(container.links(), ["blue", "e1", "lo"]);
});

onlyOurs("a repeated ADD changes nothing", "it is an error", { needs }, (box) => {
  const { container, cni } = box;
  lone(box, "e1");
  cni.add(vrf("red"), at("e1"));
  const once = container.state();
  cni.add(vrf("red"), at("e1"));
  assert.deepEqual(container.state(), once);
});

onlyOurs("CHECK tells what is otherwise", "1.1.1 misses no VRF", { needs }, (box) => {
  const { container, cni } = box;
  lone(box, "e1");
  const attached = cni.attach(vrf("red", { table: 7 }), at("e1"));
  attached.check();
  const wrong = (why: RegExp, config = vrf("red", { table: 7 }), options = at("e1")) =>
    assert.throws(() => cni.check(config, options), why);
  wrong(/damaged: there is no VRF "blue"/, vrf("blue"));
  wrong(/damaged: VRF "red" has table 7/, vrf("red", { table: 8 }));
  wrong(/Required prevResult missing/, vrf("red"), { ifName: "e1" });
  container.sh("ip link set e1 nomaster");
  wrong(/damaged: "e1" is not part of VRF "red"/);
  container.sh("ip link del e1");
  wrong(/damaged: there is no link "e1"/);
});

onlyOurs("DEL with link, VRF or namespace gone", "the VRF stays", { needs }, (box) => {
  const { container, cni } = box;
  lone(box, "e1");
  cni.add(vrf("red"), at("e1"));
  container.sh("ip link del e1");
  cni.del(vrf("red"), at("e1"));
  assert.deepEqual(container.links(), ["lo"]);
  lone(box, "e1");
  cni.add(vrf("red"), at("e1"));
  container.sh("ip link del red");
  cni.del(vrf("red"), at("e1"));
  cni.del(vrf("e1"), at("e1"));
  assert.deepEqual(container.links(), ["e1", "lo"]);
  cni.add(vrf("red"), at("e1"));
  cni.del(vrf("red"), { ...at("e1"), container: "/run/netns/nonesuch" });
  cni.del(vrf("red"), { ...at("e1"), container: "" });
  assert.equal(masterOf(container, "e1"), "red");
  container.sh("ip link add other type vrf table 99; ip link set e1 master other");
  cni.del(vrf("red"), at("e1"));
  assert.equal(masterOf(container, "e1"), "other", "what is somebody else's stays");
  assert.deepEqual(container.links(), ["e1", "lo", "other"]);
});

onlyOurs("STATUS tells whether the kernel has VRFs", "1.1.1 has none", ({ host, cni }) => {
  const links = host.links();
  const status = () => cni.status(vrf("red", {}, "1.1.0"));
  if (has("CONFIG_NET_VRF")) status();
  else
    assert.throws(status, (e) => e instanceof CniFailure && e.code === 50 && /lacks/.test(e.msg));
  assert.deepEqual(host.links(), links);
});

const parallel = { needs, timeout: 120_000 };
onlyOurs("many interfaces of one container at once", "it has no lock", parallel, async (box) => {
  const { container, cni } = box;
  const all = Array.from({ length: 8 }, (_, i) => i);
  for (const i of all) lone(box, `e${i}`, `10.${i}.0.2/24`);
  const name = (i: number) => `r${i >> 1}`;
  await Promise.all(all.map((i) => cni.addAsync(vrf(name(i)), at(`e${i}`))));
  for (const i of all) assert.equal(masterOf(container, `e${i}`), name(i));
  const tables = all.filter((i) => i % 2).map((i) => tableOf(container, name(i)));
  assert.deepEqual(tables.sort(), [1, 2, 3, 4]);
  await Promise.all(all.map((i) => cni.delAsync(vrf(name(i)), at(`e${i}`))));
  assert.deepEqual(container.links(), [...all.map((i) => `e${i}`), "lo"].sort());
});
