/** Masquerade as `nft` lists it and as a machine beyond the host sees it. */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/addr/cidr.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { gc, setup, teardown } from "../../src/net/masquerade.ts";
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

sandbox("masquerade is a chain for each attachment, found through a map", { needs }, ({ host }) => {
  const netns = open(host);
  setup(netns, one, [parseCidr("10.1.0.2/16"), parseCidr("10.2.4.2/23"), parseCidr("fd00::2/64")]);
  const comment = `comment "${hashOne}, net: unit-test, if: eth0, id: one"`;
  const table = (
    family: string,
    type: string,
    keys: string[],
    multicast: string,
    rules: string[],
  ) =>
    `table ${family} cnibox_masquerade { comment "cnibox: IP masquerade of containers" ` +
    `map attachments { type ${type} : verdict elements = { ` +
    `${keys.map((key) => `${key} : jump masq-${hashOne}`).join(", ")} } } ` +
    "chain postrouting { type nat hook postrouting priority srcnat; policy accept; " +
    `${family} daddr ${multicast} return ${family} saddr vmap @attachments } ` +
    `chain masq-${hashOne} { ${rules.map((rule) => `${rule} masquerade ${comment}`).join(" ")} } }`;
  const expected = [
    table("ip", "ipv4_addr", ["10.1.0.2", "10.2.4.2"], "224.0.0.0/4", [
      "ip saddr 10.1.0.2 ip daddr != 10.1.0.0/16",
      "ip saddr 10.2.4.2 ip daddr != 10.2.4.0/23",
    ]),
    table("ip6", "ipv6_addr", ["fd00::2"], "ff00::/8", [
      "ip6 saddr fd00::2 ip6 daddr != fd00::/64",
    ]),
  ].join(" ");
  assert.equal(ruleset(host), expected);

  setup(netns, one, [parseCidr("10.1.0.2/16"), parseCidr("10.2.4.2/23"), parseCidr("fd00::2/64")]);
  assert.equal(ruleset(host), expected, "a second time changes nothing");

  setup(netns, one, [parseCidr("10.1.0.9/16")]);
  const changed = host.sh("nft list table ip cnibox_masquerade");
  assert.match(changed, /elements = { 10\.1\.0\.9 : jump/, "other addresses replace the first");
  assert.equal(changed.match(/masquerade comment/g)?.length, 1);

  teardown(netns, one);
  assert.equal(ruleset(host), "", "the last to leave takes all away");
  teardown(netns, one);
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
  setup(netns, one, [parseCidr("10.1.0.2/16"), parseCidr("10.1.0.3/16")]);
  setup(netns, two, [parseCidr("10.1.0.2/16")]);
  const keys = () =>
    host
      .nft()
      .flatMap((entry) => entry.map?.elem ?? [])
      .map(([key, { jump }]) => `${key} ${jump.target === `masq-${hashOne}` ? "one" : "two"}`);
  assert.deepEqual(keys().sort(), ["10.1.0.2 two", "10.1.0.3 one"]);
  teardown(netns, one);
  assert.deepEqual(keys(), ["10.1.0.2 two"], "the old owner takes only what is still its own");
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
  gc(netns, "unit-test", [two]);
  assert.deepEqual(ids(), ["net: other, if: eth0, id: one", "net: unit-test, if: eth0, id: two"]);
  assert.equal(ruleset(host).match(/ : jump masq-/g)?.length, 4, "and their keys");
  gc(netns, "unit-test", [{ containerId: "two", ifName: "eth1" }]);
  assert.deepEqual(ids(), ["net: other, if: eth0, id: one"], "the interface counts");
  gc(netns, "other", []);
  assert.equal(ruleset(host), "");
});

sandbox("rules that `nft flush table` took away come back with the next ADD", { needs }, (box) => {
  const { host } = box;
  const netns = open(host);
  setup(netns, one, [parseCidr("10.1.0.2/16")]);
  host.sh("nft flush table ip cnibox_masquerade");
  setup(netns, two, [parseCidr("10.1.0.3/16")]);
  const listed = host.sh("nft list chain ip cnibox_masquerade postrouting");
  assert.equal(listed.match(/vmap/g)?.length, 1);
  host.sh("nft flush ruleset");
  teardown(netns, two);
  setup(netns, two, [parseCidr("10.1.0.3/16")]);
  assert.match(host.sh("nft list ruleset"), /10\.1\.0\.3 : jump/);
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

sandbox("an unknown backend is refused in the reference's words", () => {
  const refused = { message: 'unknown ipmasq backend "ebtables"' };
  assert.throws(() => setup(Netns.own(), one, [], "ebtables"), refused);
});
