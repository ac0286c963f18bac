import { formatIp } from "../../src/addr/ip.ts";
import { Neighbours } from "../../src/kernel/neighbours.ts";
import { Rules } from "../../src/kernel/rules.ts";
import { cidr, connect, failure, inNamespaces, ip } from "./namespaces.ts";

inNamespaces("rules", ({ t, host }) => {
  const rules = host.netns.use(Rules);
  rules.add({ from: cidr("10.1.2.3/32"), table: 100 });
  rules.addAll([
    {
      from: cidr("10.1.0.0/16"),
      to: cidr("10.9.0.0/16"),
      iif: "lo",
      mark: 0x10,
      mask: 0xff,
      priority: 90,
      table: 5000,
    },
    { from: cidr("fd00::3/128"), table: 100, priority: 80 },
    { from: cidr("10.7.0.0/16"), action: "prohibit", invert: true, priority: 70 },
    { family: 6, oif: "eth9", table: 7, priority: 60 },
  ]);
  const four = host.json("ip -j rule show");
  t.match(four, [
    { priority: 0, table: "local" },
    { priority: 70, src: "10.7.0.0", srclen: 16, action: "prohibit" },
    {
      priority: 90,
      src: "10.1.0.0",
      srclen: 16,
      dst: "10.9.0.0",
      dstlen: 16,
      iif: "lo",
      fwmark: "0x10",
      fwmask: "0xff",
      table: "5000",
    },
    { priority: 32765, src: "10.1.2.3", table: "100" },
    { priority: 32766 },
    { priority: 32767 },
  ]);
  t.ok("not" in four[1]);
  t.match(host.json("ip -j -6 rule show").slice(1, 3), [
    { priority: 60, oif: "eth9", table: "7" },
    { priority: 80, src: "fd00::3", table: "100" },
  ]);

  const list = rules.list(4);
  t.strictSame(
    list.map(({ priority }) => priority),
    [0, 70, 90, 32765, 32766, 32767],
  );
  t.match(list[1], { action: "prohibit", invert: true, from: cidr("10.7.0.0/16"), table: 0 });
  t.match(list[2], { from: cidr("10.1.0.0/16"), to: cidr("10.9.0.0/16"), iif: "lo", mark: 0x10 });
  t.match(list[2], { mask: 0xff, table: 5000, protocol: "boot", action: "table", family: 4 });
  t.ok(rules.list().some(({ family, oif }) => family === 6 && oif === "eth9"));

  t.match(
    failure(() => rules.add({ from: cidr("10.1.2.3/32"), table: 100, priority: 32765 })),
    {
      code: "EEXIST",
      message: "Cannot add rule from 10.1.2.3/32 lookup 100 priority 32765: File exists",
    },
  );
  t.equal(rules.remove({ from: cidr("10.1.2.3/32"), table: 101 }), false);
  t.equal(rules.remove({ from: cidr("10.1.2.3/32"), table: 100 }), true);
  t.equal(rules.remove({ from: cidr("10.1.2.3/32"), table: 100 }), false);
  for (const rule of rules.list()) if (rule.protocol === "boot") t.ok(rules.remove(rule));
  t.equal(host.json("ip -j rule show").length, 3);
  t.equal(host.json("ip -j -6 rule show").length, 2);
  t.end();
});

inNamespaces("neighbours", (box) => {
  const { t, container } = box;
  const neighbours = container.netns.use(Neighbours);
  const { index } = connect(box).inner;
  const nine = ip("10.1.2.9");
  neighbours.add(index, { ip: nine, mac: "02:00:00:00:00:08" });
  neighbours.add(index, { ip: nine, mac: "02:00:00:00:00:09" });
  neighbours.add(index, { ip: ip("fd00::9"), mac: "02:00:00:00:00:0a", state: "reachable" });
  t.match(container.json("ip -j neighbour show dev c0 nud permanent"), [
    { dst: "10.1.2.9", lladdr: "02:00:00:00:00:09", state: ["PERMANENT"] },
  ]);
  const list = neighbours.list(index);
  t.match(list[0], { index, family: 4, ip: nine, mac: "02:00:00:00:00:09", state: "permanent" });
  t.ok(list.some((n) => formatIp(n.ip) === "fd00::9" && n.state === "reachable"));
  t.ok(neighbours.list(index, 6).every(({ family }) => family === 6));
  t.strictSame(neighbours.list(1, 4), []);
  t.equal(neighbours.remove(index, nine), true);
  t.equal(neighbours.remove(index, nine), false);
  t.match(
    failure(() => neighbours.add(99, { ip: nine, mac: "02:00:00:00:00:08" })),
    {
      code: "ENODEV",
      message: "Cannot add neighbour 10.1.2.9 to link 99: No such device",
    },
  );
  t.end();
});
