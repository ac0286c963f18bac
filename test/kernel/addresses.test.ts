import { formatCidr } from "../../src/addr/cidr.ts";
import { cidr, connect, failure, inNamespaces, ip, refused } from "./namespaces.ts";

// biome-ignore lint/suspicious/noExplicitAny: iproute2's shape
const infos = (json: any) => json[0].addr_info;

inNamespaces("addresses of both families, in one write", (box) => {
  const { t, host } = box;
  const { addresses } = host.netns;
  const { index } = connect(box).outer;
  addresses.addAll(index, [
    { address: cidr("10.0.0.1/24") },
    { address: cidr("10.0.1.1/31") },
    { address: cidr("10.0.2.1/32"), peer: ip("10.0.2.2"), label: "h0:p", scope: 253 },
    { address: cidr("10.0.3.1/24"), broadcast: ip("10.0.3.7") },
    { address: cidr("fd00::1/64"), nodad: true },
    { address: cidr("fd01::1/64"), flags: ["noPrefixRoute", "permanent", "tentative"] },
    { address: cidr("fd02::1/64"), nodad: true, validSeconds: 3000, preferredSeconds: 1000 },
  ]);
  const seen = infos(host.json("ip -j address show dev h0"));
  // biome-ignore lint/suspicious/noExplicitAny: iproute2's shape
  const find = (local: string) => seen.find((info: any) => info.local === local);
  t.match(find("10.0.0.1"), { prefixlen: 24, broadcast: "10.0.0.255", scope: "global" });
  t.notOk("broadcast" in find("10.0.1.1"));
  t.match(find("10.0.2.1"), { address: "10.0.2.2", prefixlen: 32, label: "h0:p", scope: "link" });
  t.match(find("10.0.3.1"), { broadcast: "10.0.3.7" });
  t.match(find("fd00::1"), { prefixlen: 64, nodad: true });
  t.match(find("fd01::1"), { noprefixroute: true, tentative: true });
  t.match(find("fd02::1"), { dynamic: true });
  t.ok(find("fd02::1").valid_life_time > 2900);

  const list = addresses.list(index);
  const own = list.filter(({ scope, family }) => family === 4 || scope === 0);
  t.strictSame(own.map(({ address }) => formatCidr(address)).sort(), [
    "10.0.0.1/24",
    "10.0.1.1/31",
    "10.0.2.1/32",
    "10.0.3.1/24",
    "fd00::1/64",
    "fd01::1/64",
    "fd02::1/64",
  ]);
  const first = list.find(({ address }) => formatCidr(address) === "10.0.0.1/24");
  t.match(first, { index, family: 4, scope: 0, label: "h0", broadcast: ip("10.0.0.255") });
  t.ok(first?.flags.includes("permanent"));
  t.ok(list.find(({ label }) => label === "h0:p")?.peer);
  t.ok(addresses.list(index, 4).every(({ family }) => family === 4));
  t.equal(addresses.list(index, 4).length, 4);
  t.ok(addresses.list(index, 6).length >= 3);
  t.ok(addresses.list(index, 6).every(({ family }) => family === 6));
  t.strictSame(addresses.list(1), [], "only of this link");
  t.end();
});

inNamespaces("what list returns can be added again", (box) => {
  const { t, host } = box;
  const { addresses } = host.netns;
  const { index } = connect(box, { up: false }).outer; // no address of its own comes in between
  addresses.addAll(index, [
    { address: cidr("10.0.2.1/32"), peer: ip("10.0.2.2"), label: "h0:p", scope: 253 },
    { address: cidr("10.0.3.1/24"), broadcast: ip("10.0.3.7") },
    { address: cidr("fd00::1/64"), nodad: true, flags: ["noPrefixRoute"] },
  ]);
  const before = addresses.list(index);
  const shown = host.sh("ip address show dev h0");
  for (const { address, peer } of before) {
    t.equal(addresses.remove(index, peer ? { ip: peer, prefixLength: 32 } : address), !peer);
    if (peer) host.sh("ip address del 10.0.2.1 peer 10.0.2.2 dev h0");
  }
  t.strictSame(addresses.list(index), []);
  addresses.addAll(index, before);
  t.equal(host.sh("ip address show dev h0"), shown);
  t.end();
});

inNamespaces("what the kernel refuses about addresses", (box) => {
  const { t, host } = box;
  const { addresses } = host.netns;
  const { index } = connect(box).outer;
  const one = { address: cidr("10.0.0.1/24") };
  addresses.add(index, one);
  t.match(
    failure(() => addresses.add(index, one)),
    {
      name: "KernelError",
      code: "EEXIST",
      message: /^Cannot add address 10\.0\.0\.1\/24 to link "h0": File exists/,
    },
  );
  t.match(
    failure(() => addresses.addAll(index, [one, { address: cidr("10.0.9.1/24") }])),
    { code: "EEXIST" },
    "the first failure is told",
  );
  t.ok(
    addresses.list(index).some(({ address }) => formatCidr(address) === "10.0.9.1/24"),
    "and the others are done",
  );
  t.equal(addresses.remove(index, cidr("10.0.0.1/24")), true);
  t.equal(addresses.remove(index, cidr("10.0.0.1/24")), false);
  t.equal(addresses.remove(index, cidr("fd00::9/64")), false);
  t.match(
    failure(() => addresses.add(99, one)),
    {
      code: "ENODEV",
      message: /^Cannot add address 10\.0\.0\.1\/24 to link 99: No such device/,
    },
  );
  t.match(
    failure(() => addresses.list(99)),
    { code: "ENODEV" },
  );
  t.end();
});

inNamespaces("more than 1000 addresses, in several datagrams", (box) => {
  const { t, host } = box;
  const { addresses } = host.netns;
  const { index } = connect(box).outer;
  const specs = Array.from({ length: 1100 }, (_, i) => ({
    address: cidr(`10.${i >> 8}.${i & 255}.1/32`),
  }));
  addresses.addAll(index, specs);
  t.equal(infos(host.json("ip -j -4 address show dev h0")).length, 1100);
  t.strictSame(
    addresses.list(index, 4).map(({ address }) => formatCidr(address)),
    specs.map(({ address }) => formatCidr(address)),
  );
  t.throws(() => addresses.addAll(index, specs), { code: "EEXIST" }, "1100 errors are all read");
  t.equal(host.netns.links.get("h0").index, index, "and the socket is none the worse");
  t.end();
});

inNamespaces("duplicate address detection is waited for", (box) => {
  const { t, host, container } = box;
  const { outer, inner } = connect(box);
  const { addresses } = host.netns;
  host.netns.links.waitUntilUp(outer.index, 5000);
  addresses.add(outer.index, { address: cidr("fd00::1/64") });
  const tentative = () => addresses.list(outer.index, 6).some((a) => a.flags.includes("tentative"));
  t.ok(tentative());
  addresses.waitUntilSettled(outer.index, 20_000);
  t.notOk(tentative());
  t.doesNotThrow(() => addresses.waitUntilSettled(outer.index, 0), "nothing to wait for");

  container.netns.addresses.add(inner.index, { address: cidr("fd00::2/64"), nodad: true });
  addresses.add(outer.index, { address: cidr("fd00::2/64") });
  t.strictSame(
    failure(() => addresses.waitUntilSettled(outer.index, 20_000)),
    refused("EADDRINUSE", "link h0 has address fd00::2 in DADFAILED state"),
  );
  addresses.remove(outer.index, cidr("fd00::2/64"));

  addresses.add(outer.index, { address: cidr("fd00::3/64") });
  t.strictSame(
    failure(() => addresses.waitUntilSettled(outer.index, 20)),
    refused("ETIMEDOUT", "link h0 still has tentative addresses after 0.02 seconds"),
  );

  container.netns.links.change(inner.index, { up: false });
  addresses.add(outer.index, { address: cidr("fd00::4/64") });
  t.ok(tentative(), "detection cannot begin");
  t.doesNotThrow(() => addresses.waitUntilSettled(outer.index, 20), "and that is fine");
  t.end();
});
