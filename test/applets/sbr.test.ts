/** sbr: answers leave by the interface that was asked. */
import assert from "node:assert/strict";
import { CniFailure, go, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";
import { addresses, at, gateways, prevResult, rules, sbr, table, twoWays } from "./sbr-support.ts";

const given = { ...at, prevResult: prevResult() };

for (const cniVersion of versions.all) {
  sandbox(`answers leave by net1, in ${cniVersion}`, (box) => {
    const { host, container, cni } = box;
    const outside = twoWays(box);
    const clean = [host.state(), rules(container)];
    const families = cniVersion === versions.latest ? ([4, 6] as const) : ([4] as const);
    for (const family of families) {
      assert(outside.silent(addresses.net1[family]), "they leave by eth0");
    }
    const before = prevResult(cniVersion);
    const result = cni.add(sbr({}, cniVersion), { ...at, prevResult: before });
    assert.deepEqual(result, cniVersion < "1" || go ? { ...before, dns: {} } : before);
    for (const family of families) {
      assert(outside.reaches(addresses.net1[family]), `IPv${family} by net1`);
      assert(outside.reaches(addresses.eth0[family]), `IPv${family} by eth0`);
      assert(container.reaches(gateways[family], `-I ${addresses.net1[family]}`));
      assert(container.reaches(outsideOf(family)), "of its own accord, by eth0");
      assert(container.reaches(outsideOf(family), `-I ${addresses.net1[family]}`));
    }
    const withCheck = { ...at, prevResult: result };
    if (versions.with("CHECK").includes(cniVersion)) cni.check(sbr({}, cniVersion), withCheck);
    cni.del(sbr({}, cniVersion), withCheck);
    cni.del(sbr({}, cniVersion), withCheck);
    assert.deepEqual([host.state(), rules(container)], clean);
    if (!go) assert.deepEqual([...table(container, 100), ...table(container, 101, "-6")], []);
  });
}

function outsideOf(family: 4 | 6): string {
  return family === 4 ? "192.0.2.2" : "2001:db8:ffff::2";
}

sandbox("each address has a table, with the routes of its family", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const neighbours = table(container, "main", "-6").filter((line) => line.startsWith("fe80"));
  cni.add(sbr(), given);
  assert.deepEqual(rules(container), ["10.2.0.2 100", "2001:db8:2::2 101"]);
  assert.deepEqual(table(container, 100), [
    "default via 10.2.0.1 dev net1",
    "10.2.0.0/24 dev net1 proto kernel scope link src 10.2.0.2",
    "198.51.100.0/24 via 10.2.0.9 dev net1 mtu 1400",
    "203.0.113.0/24 dev net1 scope link metric 7",
  ]);
  const six = table(container, 101, "-6").sort();
  assert.deepEqual(
    six.filter((line) => !line.startsWith("fe80")),
    [
      "2001:db8:2::/64 dev net1 proto kernel metric 256",
      "2001:db8:99::/48 via 2001:db8:2::9 dev net1 metric 1024",
      "default via 2001:db8:2::1 dev net1 metric 1024",
    ],
  );
  assert.deepEqual(table(container, "main"), [
    "default via 10.1.0.1 dev eth0",
    "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2",
  ]);
  const left = table(container, "main", "-6").filter((line) => line.startsWith("fe80"));
  if (!go) {
    assert.deepEqual(left, neighbours, "the way to the neighbours stays");
    assert.deepEqual([...table(container, 101), ...table(container, 100, "-6")], []);
  }
});

sandbox("the interface's own default route moves", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh("ip route del default; ip route add default via 10.2.0.7 dev net1");
  cni.add(sbr(), given);
  assert.deepEqual(table(container, 100)[0], "default via 10.2.0.7 dev net1");
  assert.deepEqual(table(container, "main"), [
    "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2",
  ]);
});

onlyOurs("with a table only the rules are made", "1.1.1 has no table", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const main = [table(container, "main"), table(container, "main", "-6")];
  const config = sbr({ table: 5000, gateways: ["10.2.0.99"], addSourceHints: true });
  const attached = cni.attach(config, given);
  assert.deepEqual(rules(container), ["10.2.0.2 5000", "2001:db8:2::2 5000"]);
  assert.deepEqual([table(container, "main"), table(container, "main", "-6")], main);
  assert.deepEqual(table(container, 5000), []);
  attached.check();
  container.sh("ip rule add from 10.2.0.2 lookup 6000");
  attached.del();
  assert.deepEqual(rules(container), ["10.2.0.2 6000"]);
});

onlyOurs("gateways of the config win", "1.1.1 has none", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh("ip route del default; ip route add default via 10.2.0.7 dev net1");
  cni.add(sbr({ gateways: ["10.2.0.33", "2001:db8:2::33"] }), given);
  assert.deepEqual(table(container, 100)[0], "default via 10.2.0.33 dev net1");
  assert(table(container, 101, "-6").includes("default via 2001:db8:2::33 dev net1 metric 1024"));
  assert.deepEqual(table(container, 100).filter((line) => /default/.test(line)).length, 1);
});

onlyOurs("source hints keep the subnets in the main table", "1.1.1 has none", (box) => {
  const { container, cni } = box;
  twoWays(box);
  container.sh("ip route change 10.2.0.0/24 dev net1");
  const attached = cni.attach(sbr({ addSourceHints: true }), given);
  const main = table(container, "main").sort();
  assert.deepEqual(main, [
    "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2",
    "10.2.0.0/24 dev net1 scope link src 10.2.0.2",
    "203.0.113.0/24 dev net1 scope link metric 7",
    "default via 10.1.0.1 dev eth0",
  ]);
  const six = table(container, "main", "-6").join("\n");
  assert.match(six, /^2001:db8:2::\/64 dev net1 proto kernel src 2001:db8:2::2 metric 256$/m);
  assert.doesNotMatch(six, /2001:db8:99::/);
  assert.equal(table(container, 100).length, 4);
  for (const family of [4, 6] as const) assert(container.reaches(gateways[family]));
  attached.check();
});

sandbox("what is refused, and why", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const clean = container.state();
  const refuse = (config: object, why: RegExp, options: object = given) =>
    assert.throws(
      () => cni.add(sbr(config), options),
      (e) => e instanceof CniFailure && why.test(e.message),
      why.source,
    );
  refuse({}, /This plugin must be called as chained plugin/, at);
  refuse({ cniVersion: "0.2.0" }, /This plugin must be called as chained plugin/, at);
  refuse({}, /No IP addresses supplied on interface: net1/, {
    ...at,
    prevResult: { cniVersion: "1.0.0", interfaces: [{ name: "net1" }] },
  });
  const ip = { address: "10.9.0.2/24" };
  const other = { ifName: "net7", prevResult: { cniVersion: "1.0.0", ips: [ip] } };
  refuse({}, /Cannot find network interface net7: Link not found/, other);
  if (!go) {
    refuse({ gateways: ["10.2.0.1", "10.2.0.2"] }, /multiple IPv4 addresses/);
    refuse({ gateways: ["::1", "::2"] }, /multiple IPv6 addresses/);
    refuse({ gateways: ["10.2.0"] }, /invalid gateway "10.2.0"/);
    refuse({ table: 0 }, /invalid table 0/);
    refuse({ table: -1 }, /invalid table -1/);
    refuse(
      { gateways: ["10.77.0.1"] },
      /Cannot add route 0.0.0.0\/0 via 10.77.0.1 dev "net1" table 100/,
    );
    assert.deepEqual(container.state(), clean);
    assert.throws(() => cni.status(sbr({ gateways: ["x"] }, "1.1.0")), /invalid gateway "x"/);
    cni.status(sbr({}, "1.1.0"));
  }
});

onlyOurs("addresses of other interfaces touch nothing", "it moves the routes", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const clean = container.state();
  const interfaces = [{ name: "other" }, { name: "net1" }];
  const ips = [{ interface: 0, address: "10.9.0.2/24" }];
  cni.attach(sbr(), { ...at, prevResult: { cniVersion: "1.0.0", interfaces, ips } }).check();
  assert.deepEqual(container.state(), clean);
});

onlyOurs("CHECK tells what is missing", "it looks at nothing", (box) => {
  const { container, cni } = box;
  twoWays(box);
  const attached = cni.attach(sbr(), given);
  container.sh("ip route del default table 100");
  assert.throws(() => attached.check(), /damaged: no default route via 10.2.0.1 in table 100/);
  container.sh("ip route add default via 10.2.0.1 dev net1 table 100");
  attached.check();
  container.sh("ip -6 rule del from 2001:db8:2::2");
  assert.throws(() => attached.check(), /damaged: no rule from 2001:db8:2::2\/128/);
  assert.throws(() => cni.check(sbr(), at), /Required prevResult missing/);
});
