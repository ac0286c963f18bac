/** The MAC spoof check as `nft` lists it, and as frames feel it. */
import assert from "node:assert/strict";
import { setup } from "../../src/net/spoof-check.ts";
import { gc, teardown } from "../../src/net/spoof-check-removal.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import { attachment, goAdd, noGoBridge, open, orSkip, ruleset } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_BRIDGE" as const];
const one = attachment("one");
const two = attachment("two");
const mac = "02:00:00:00:00:01";

/** A container on a bridge of the host. */
function wire(host: Namespace, container: Namespace) {
  host.sh(`ip link add br0 type bridge
    ip addr add 10.1.0.1/24 dev br0
    ip link set br0 up
    ip link add v0 type veth peer name eth0 netns c1
    ip link set v0 master br0 up`);
  container.sh(`ip link set eth0 address ${mac} up
    ip addr add 10.1.0.2/24 dev eth0`);
}

sandbox("a port and its address are elements of one set", { needs }, ({ host }) => {
  const netns = open(host);
  setup(netns, one, "veth0", mac);
  const owned = 'comment "6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one"';
  const expected = `table bridge cnibox_macspoofchk { comment "cnibox: MAC addresses of containers"
    map owners { type ipv6_addr : ifname . ether_addr comment "entries by owner and number"
      elements = { 6fd9:4d50:1e58:f0aa:287f:c69e:ff05:0 : "veth0" . ${mac} } }
    set ports { type ifname . ether_addr
      elements = { "veth0" . 00:00:00:00:00:00 ${owned}, "veth0" . ${mac} ${owned} } }
    chain prerouting { type filter hook prerouting priority dstnat; policy accept;
      iifname . ether saddr @ports return
      iifname . ether saddr & 00:00:00:00:00:00 @ports drop } }`.replace(/\s+/g, " ");
  assert.equal(ruleset(host), expected);
  setup(netns, one, "veth0", mac);
  assert.equal(ruleset(host), expected, "a second time changes nothing");
  setup(netns, one, "veth1", "02:00:00:00:00:02");
  assert.equal(
    ruleset(host),
    expected.replaceAll("veth0", "veth1").replaceAll(mac, "02:00:00:00:00:02"),
  );
  teardown(netns, one);
  teardown(netns, one);
  assert.equal(ruleset(host), "");
});

sandbox("a forged MAC address is dropped, on this port only", { needs }, (box) => {
  const { host, container } = box;
  wire(host, container);
  const neighbour = box.addNamespace("c2");
  host.sh(`ip link add v1 type veth peer name eth0 netns c2
    ip link set v1 master br0 up`);
  neighbour.sh(`ip link set eth0 up
    ip addr add 10.1.0.3/24 dev eth0`);
  const netns = open(host);
  setup(netns, one, "v0", mac);
  assert.ok(container.reaches("10.1.0.1"));
  assert.ok(neighbour.reaches("10.1.0.1"));
  container.sh("ip link set eth0 address 02:00:00:00:00:99");
  neighbour.sh("ip link set eth0 address 02:00:00:00:00:98");
  assert.ok(container.silent("10.1.0.1"));
  assert.ok(neighbour.reaches("10.1.0.1"));
  teardown(netns, one);
  assert.ok(container.reaches("10.1.0.1"));
});

sandbox("GC and a port's name that is used again", { needs }, ({ host }) => {
  const netns = open(host);
  setup(netns, one, "veth0", mac);
  const other = "02:00:00:00:00:02";
  setup(netns, two, "veth0", other);
  const ports = () => ruleset(host).match(/ports { type.*?}/)?.[0];
  const taken = ports();
  assert.match(taken ?? "", /id: two.*id: two/);
  assert.doesNotMatch(taken ?? "", new RegExp(`${mac}|id: one`), "one's address may send no more");
  teardown(netns, one);
  assert.equal(ports(), taken);
  gc(netns, "unit-test", [two]);
  gc(netns, "another", []);
  assert.equal(ports(), taken);
  gc(netns, "unit-test", []);
  assert.equal(ruleset(host), "");
});

orSkip(noGoBridge, "what the Go bridge made goes", ({ host, container }) => {
  goAdd(host, container.netns, "one", { macspoofchk: true });
  assert.match(ruleset(host), /macspoofchk-one-eth0/);
  teardown(open(host), one);
  assert.equal(
    ruleset(host),
    "table bridge nat { chain PREROUTING " +
      "{ type filter hook prerouting priority dstnat; policy accept; } }",
  );
});

sandbox("what the Go bridge left for one goes, and for others it stays", { needs }, ({ host }) => {
  // Its names, types and order: section 12 of the notes on its behaviour, pkg/link/spoofcheck.go.
  const made = (id: string, port: string) => `
    add chain bridge nat cni-br-iface-${id}
    add chain bridge nat cni-br-iface-${id}-mac
    add rule bridge nat PREROUTING iifname ${port} jump cni-br-iface-${id} comment "macspoofchk-${id}"
    add rule bridge nat cni-br-iface-${id} jump cni-br-iface-${id}-mac comment "macspoofchk-${id}"
    add rule bridge nat cni-br-iface-${id}-mac ether saddr ${mac} return comment "macspoofchk-${id}"
    add rule bridge nat cni-br-iface-${id}-mac drop comment "macspoofchk-${id}"`;
  host.sh(`nft -f - <<'END'
    add table bridge nat
    add chain bridge nat PREROUTING { type filter hook prerouting priority -300; policy accept; }
    ${made("one-eth0", "veth0")}
    ${made("one-eth00", "veth1")}
    add rule bridge nat PREROUTING iifname veth0 jump cni-br-iface-one-eth0 comment "again"
END`);
  teardown(open(host), one);
  const left = ruleset(host);
  assert.doesNotMatch(left, /one-eth0\b|again/);
  assert.equal(left.match(/one-eth00\b/g)?.length, 8);
});
