/** Masquerade as `nft` lists it and as a machine beyond the host sees it. */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/addr/cidr.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { setup } from "../../src/net/masquerade.ts";
import { gc, teardown } from "../../src/net/masquerade-removal.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import { attachment, open, ruleset, watch } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const];
const one = attachment("one");
const two = attachment("two");

/** Of §11 of the reference's tests: (`unit-test`, `eth0`, `one`). */
const hashOne = "6fd94d501e58f0aa-287fc69eff0574a2";

/** A container behind the host, and a machine that has a way back only to the host. */
function wire(host: Namespace, container: Namespace) {
  host.sh(`ip link add v0 type veth peer name eth0 netns c1
    ip addr add 10.1.0.1/24 dev v0
    ip addr add fd00:1::1/64 dev v0 nodad
    ip link set v0 up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding`);
  container.sh(`ip addr add 10.1.0.2/24 dev eth0
    ip addr add fd00:1::2/64 dev eth0 nodad
    ip link set eth0 up
    ip route add default via 10.1.0.1
    ip route add default via fd00:1::1`);
}

sandbox("masquerade is a few elements for each attachment", { needs }, ({ host }) => {
  const netns = open(host);
  const addresses = ["10.1.0.2/16", "10.2.4.2/23", "fd00::2/64"].map(parseCidr);
  setup(netns, one, addresses);
  const owned = `comment "${hashOne}, net: unit-test, if: eth0, id: one"`;
  const key = "6fd9:4d50:1e58:f0aa:287f:c69e:ff05:"; // the hash, and a number
  const expected = [
    `table ip cnibox_ipmasq { comment "cnibox: IP masquerade of containers"
      map owners { type ipv6_addr : ipv4_addr . inet_service
        comment "entries by owner and number"
        elements = { ${key}0 : 10.1.0.2 . 16, ${key}1 : 10.2.4.2 . 23 } }
      set subnet16 { type ipv4_addr . ipv4_addr elements = { 10.1.0.2 . 10.1.0.0 ${owned} } }
      set subnet23 { type ipv4_addr . ipv4_addr elements = { 10.2.4.2 . 10.2.4.0 ${owned} } }
      chain postrouting { type nat hook postrouting priority srcnat; policy accept;
        ip saddr . ip daddr & 255.255.254.0 @subnet23 return
        ip saddr . ip daddr & 255.255.0.0 @subnet16 return
        ip daddr 224.0.0.0/4 return
        ip saddr . ip saddr & 255.255.0.0 @subnet16 masquerade
        ip saddr . ip saddr & 255.255.254.0 @subnet23 masquerade } }`,
    `table ip6 cnibox_ipmasq { comment "cnibox: IP masquerade of containers"
      map owners { type ipv6_addr : ipv6_addr . inet_service
        comment "entries by owner and number"
        elements = { ${key}0 : fd00::2 . 64 } }
      set subnet64 { type ipv6_addr . ipv6_addr elements = { fd00::2 . fd00:: ${owned} } }
      chain postrouting { type nat hook postrouting priority srcnat; policy accept;
        ip6 saddr . ip6 daddr & ffff:ffff:ffff:ffff:: @subnet64 return
        ip6 daddr ff00::/8 return
        ip6 saddr . ip6 saddr & ffff:ffff:ffff:ffff:: @subnet64 masquerade } }`,
  ]
    .join(" ")
    .replace(/\s+/g, " ");
  assert.equal(ruleset(host), expected);

  setup(netns, one, [...addresses, ...addresses]);
  assert.equal(ruleset(host), expected, "a second time changes nothing");
  setup(netns, two, [parseCidr("10.1.0.3/16")]);
  teardown(netns, two);
  assert.equal(ruleset(host), expected, "others share what is there");

  host.sh("nft list ruleset >/run/saved; nft flush ruleset; nft -f /run/saved");
  assert.equal(ruleset(host), expected, "nft saves and restores it");

  setup(netns, one, [parseCidr("10.1.0.9/16")]);
  const changed = host.sh("nft list table ip cnibox_ipmasq");
  assert.match(
    changed,
    /elements = { 10\.1\.0\.9 \. 10\.1\.0\.0 comment/,
    "others replace the first",
  );
  assert.equal(changed.match(/id: one/g)?.length, 1);
  setup(netns, one, addresses);

  teardown(netns, one);
  assert.equal(ruleset(host), "", "the last to leave takes all away");
  teardown(netns, one);
});

sandbox("an attachment with many addresses of each length", { needs }, ({ host }) => {
  const netns = open(host);
  const before = parseCidr("10.9.0.1/8");
  setup(netns, two, [before]);
  const alone = ruleset(host);
  const addresses = Array.from({ length: 33 }, (_, length) =>
    parseCidr(`10.${length}.1.1/${length}`),
  );
  setup(netns, one, addresses);
  assert.equal(ruleset(host).match(/id: one/g)?.length, 33);
  assert.match(ruleset(host), /10\.32\.1\.1 \. 10\.32\.1\.1 /);
  assert.match(ruleset(host), /10\.0\.1\.1 \. 0\.0\.0\.0 /);
  teardown(netns, one);
  assert.doesNotMatch(ruleset(host), /id: one| 10\.\d+\.1\.1/);
  assert.match(ruleset(host), /10\.9\.0\.1 \. 8 /);
  teardown(netns, two);
  assert.equal(ruleset(host), "");
  setup(netns, two, [before]);
  assert.equal(ruleset(host), alone);
  const many = Array.from({ length: 0x10000 }, (_, i) => {
    return { ip: Uint8Array.of(10, 9, i >> 8, i & 255), prefixLength: 16 };
  });
  assert.throws(() => setup(netns, one, many), /Cannot keep 65536 entries of one family: 65535/);
  setup(netns, one, many.slice(0, 300));
  assert.equal(ruleset(host).match(/id: one/g)?.length, 300);
  teardown(netns, one);
  // What a length of subnets needs stays as long as the table does.
  const elements = (text: string) => text.match(/elements = {.*?}/g);
  assert.deepEqual(elements(ruleset(host)), elements(alone));
});

sandbox("packets leave under the host's address, but not within the subnet", { needs }, (box) => {
  const { host, container } = box;
  wire(host, container);
  const outside = box.addOutside();
  const sources = watch(outside);
  // The far machine answers for another part of the container's own subnet, too.
  outside.sh(`ip addr add 10.1.5.9/32 dev lo
    ip route add 10.1.0.0/24 via 192.0.2.1`);
  host.sh("ip route add 10.1.5.0/24 via 192.0.2.2");
  assert.ok(container.reaches("192.0.2.2"));
  assert.deepEqual(sources(), ["10.1.0.2"], "without rules the container is seen");
  outside.sh("nft flush ruleset");
  const sourcesAfter = watch(outside);

  const netns = open(host);
  setup(netns, one, [parseCidr("10.1.0.2/16"), parseCidr("fd00:1::2/64")]);
  assert.ok(container.reaches("192.0.2.2"));
  assert.ok(container.reaches("2001:db8:ffff::2"));
  assert.deepEqual(sourcesAfter(), ["192.0.2.1", "2001:db8:ffff::1"]);
  assert.ok(container.reaches("10.1.5.9"));
  assert.deepEqual(sourcesAfter(), ["10.1.0.2", "192.0.2.1", "2001:db8:ffff::1"]);

  teardown(netns, one);
  assert.ok(
    container.silent("2001:db8:ffff::2"),
    "there is no way back to the container's address",
  );
});

sandbox("multicast keeps its source", { needs }, (box) => {
  const { host } = box;
  const sources = watch(box.addOutside());
  host.sh(`ip addr add 10.1.0.2/32 dev out0
    ip addr add fd00:1::2/128 dev lo nodad`);
  setup(open(host), one, [parseCidr("10.1.0.2/32"), parseCidr("fd00:1::2/128")]);
  assert.ok(host.reaches("192.0.2.2", "-I 10.1.0.2"));
  assert.ok(host.reaches("2001:db8:ffff::2", "-I fd00:1::2"));
  assert.deepEqual(sources(), ["192.0.2.1", "2001:db8:ffff::1"]);
  host.sh("ip route add 224.0.0.0/4 dev out0");
  // Nobody answers to these, but they arrive.
  host.silent("224.0.0.1", "-I 10.1.0.2");
  host.silent("ff0e::1", "-I fd00:1::2");
  assert.deepEqual(sources(), ["10.1.0.2", "192.0.2.1", "2001:db8:ffff::1", "fd00:1::2"]);
});

sandbox("an address that is used again goes to its new owner", { needs }, ({ host }) => {
  const netns = open(host);
  setup(netns, one, ["10.1.0.1/16", "10.1.0.2/16", "10.1.0.3/16"].map(parseCidr));
  setup(netns, two, [parseCidr("10.1.0.2/16")]);
  const addresses = () =>
    [...ruleset(host).matchAll(/(\S+) \. \S+ comment "[^"]+ id: (\w+)"/g)]
      .map(([, address, id]) => `${address} ${id}`)
      .sort();
  assert.deepEqual(addresses(), ["10.1.0.1 one", "10.1.0.2 two", "10.1.0.3 one"]);
  teardown(netns, one);
  assert.deepEqual(addresses(), ["10.1.0.2 two"], "the old owner takes only what is still its own");
  teardown(netns, two);
  assert.equal(ruleset(host), "");
});

sandbox("GC keeps valid attachments and other networks", { needs }, ({ host }) => {
  const netns = open(host);
  const other = attachment("one", "other");
  for (const [i, each] of [one, two, other].entries()) {
    setup(netns, each, [parseCidr(`10.1.0.${i + 2}/16`), parseCidr(`fd00::${i + 2}/64`)]);
  }
  const ids = () => [...new Set(ruleset(host).match(/net: \S+ if: \S+ id: \w+/g))].sort();
  const owners = () => ruleset(host).match(/ : \S+ \. (16|64)/g)?.length;
  gc(netns, "unit-test", [two]);
  assert.deepEqual(ids(), ["net: other, if: eth0, id: one", "net: unit-test, if: eth0, id: two"]);
  assert.equal(owners(), 4, "and their entries");
  gc(netns, "unit-test", [{ containerId: "two", ifName: "eth1" }]);
  assert.deepEqual(ids(), ["net: other, if: eth0, id: one"], "the interface counts");
  gc(netns, "other", []);
  assert.equal(ruleset(host), "");
});

sandbox("rules that somebody took away come back with the next ADD", { needs }, ({ host }) => {
  const netns = open(host);
  setup(netns, one, [parseCidr("10.1.0.2/16"), parseCidr("10.2.0.2/24")]);
  setup(netns, two, [parseCidr("10.1.0.3/16")]);
  const whole = ruleset(host);
  const rules = (text: string) => text.match(/subnet\d+ (masquerade|return)|224/g)?.sort();
  for (const damage of [
    "nft flush table ip cnibox_ipmasq",
    "nft delete chain ip cnibox_ipmasq postrouting",
  ]) {
    teardown(netns, two);
    host.sh(damage);
    setup(netns, two, [parseCidr("10.1.0.3/16")]);
    assert.deepEqual(rules(ruleset(host)), rules(whole), damage);
    assert.match(ruleset(host), /10\.2\.0\.2 \. 10\.2\.0\.0 comment/);
  }
  teardown(netns, two);
  host.sh("nft flush ruleset");
  setup(netns, two, [parseCidr("10.1.0.3/16")]);
  assert.match(ruleset(host), /10\.1\.0\.3 \. 10\.1\.0\.0 comment/);
});

sandbox("foreign rules are not touched", { needs }, ({ host }) => {
  const netns = open(host);
  host.sh(`nft add table ip mine
    nft add chain ip mine c '{ type nat hook postrouting priority 50; }'
    nft add rule ip mine c ip saddr 10.1.0.2 counter accept`);
  const before = ruleset(host);
  setup(netns, one, [parseCidr("10.1.0.2/16")]);
  gc(netns, "unit-test", []);
  assert.equal(ruleset(host), before);
});

sandbox("subnets of other lengths, as packets feel them", { needs }, (box) => {
  const { host } = box;
  const outside = box.addOutside();
  const sources = watch(outside);
  outside.sh(`ip addr add 10.1.5.9/32 dev lo
    ip addr add fd00:1:5::9/128 dev lo nodad
    ip route add 10.1.0.2/32 via 192.0.2.1
    ip route add fd00:1::2/128 via 2001:db8:ffff::1`);
  host.sh(`ip addr add 10.1.0.2/32 dev lo
    ip addr add fd00:1::2/128 dev lo nodad
    ip route add 10.1.5.9/32 via 192.0.2.2
    ip route add fd00:1:5::9/128 via 2001:db8:ffff::2`);
  const netns = open(host);
  const cases = [
    { addresses: ["10.1.0.2/21", "fd00:1::2/45"], seen: ["10.1.0.2", "fd00:1::2"] },
    { addresses: ["10.1.0.2/22", "fd00:1::2/46"], seen: ["192.0.2.1", "2001:db8:ffff::1"] },
    { addresses: ["10.1.0.2/32", "fd00:1::2/128"], seen: ["192.0.2.1", "2001:db8:ffff::1"] },
    { addresses: ["10.1.0.2/0", "fd00:1::2/0"], seen: ["10.1.0.2", "fd00:1::2"] },
  ];
  for (const { addresses, seen } of cases) {
    setup(netns, one, addresses.map(parseCidr));
    outside.sh("nft flush set ip watch sources; nft flush set ip6 watch sources");
    assert.ok(host.reaches("10.1.5.9", "-I 10.1.0.2"));
    assert.ok(host.reaches("fd00:1:5::9", "-I fd00:1::2"));
    assert.deepEqual(sources(), seen, addresses.join());
  }
});

sandbox("an unknown backend is refused in the reference's words", () => {
  const refused = { message: 'unknown ipmasq backend "ebtables"' };
  assert.throws(() => setup(Netns.own(), one, [], "ebtables"), refused);
});
