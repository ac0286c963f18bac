/** Conditions in the words of iptables and of nft: what `nft` lists of what we made of them. */
import assert from "node:assert/strict";
import t from "tap";
import { Nft } from "../../src/kernel/nft.ts";
import * as nft from "../../src/kernel/nft-changes.ts";
import { alternatives, type IpFamily } from "../../src/net/conditions.ts";
import { readIptables } from "../../src/net/conditions-iptables.ts";
import { readNft } from "../../src/net/conditions-nft.ts";
import { verdict } from "../../src/netlink/nftables/build.ts";
import { type Namespace, sandbox } from "../harness/sandbox.ts";
import { open } from "./support.ts";

const needs = ["CONFIG_NF_TABLES_IPV4" as const];

/** The rules that conditions become, without the verdict that ends each. */
function listed(host: Namespace, family: IpFamily, lists: ReturnType<typeof alternatives>) {
  const table = { family, table: "t" } as const;
  const netns = open(host);
  const rules = lists.map((list) => nft.addRule(table, "c", [...list, verdict("accept")]));
  netns.use(Nft).commit([nft.addTable(table), nft.addChain(table, "c"), ...rules]);
  const text = host.sh(`nft list chain ${family} t c; nft delete table ${family} t`);
  netns.close();
  return [...text.matchAll(/^\t\t(.*?) ?accept$/gm)].map(([, rule]) => rule);
}

const iptables: [IpFamily, string, string[]][] = [
  ["ip", "-s 10.0.0.1", ["ip saddr 10.0.0.1"]],
  ["ip", "! -d 192.0.2.0/24", ["ip daddr != 192.0.2.0/24"]],
  ["ip", "--source 10.0.0.0/9 -i eth0", ['ip saddr 10.0.0.0/9 iifname "eth0"']],
  ["ip", "-d 10.0.0.1,10.1.0.0/16", ["ip daddr 10.0.0.1", "ip daddr 10.1.0.0/16"]],
  ["ip", "! -s 10.0.0.1,10.0.0.2", ["ip saddr != 10.0.0.1 ip saddr != 10.0.0.2"]],
  ["ip", "! -i cni+ -o eth+", ['iifname != "cni*" oifname "eth*"']],
  ["ip", "-p tcp -m tcp --sport 1024:", ["meta l4proto tcp th sport 1024-65535"]],
  ["ip", "! -p 47", ["meta l4proto != gre"]],
  ["ip", "--sport :5 -m comment --comment x", ["th sport 0-5"]],
  ["ip", "-m multiport ! --sports 1,5:7", ["th sport != 1 th sport != 5-7"]],
  ["ip", "-m multiport --dports 80,443", ["th dport 80", "th dport 443"]],
  ["ip", "-m iprange --src-range 10.0.0.1-10.0.0.9", ["ip saddr 10.0.0.1-10.0.0.9"]],
  ["ip6", "-s fd00::/8 ! -d fd01::1", ["ip6 saddr fd00::/8 ip6 daddr != fd01::1"]],
];

const native: [IpFamily, string, string[]][] = [
  ["ip", "ip saddr 10.0.0.1", ["ip saddr 10.0.0.1"]],
  ["ip", "ip daddr != 192.0.2.0/24", ["ip daddr != 192.0.2.0/24"]],
  ["ip", "ip saddr == { 10.0.0.1, 10.1.0.0/16, }", ["ip saddr 10.0.0.1", "ip saddr 10.1.0.0/16"]],
  ["ip", "ip saddr!={10.0.0.1,10.0.0.2}", ["ip saddr != 10.0.0.1 ip saddr != 10.0.0.2"]],
  ["ip", "ip saddr 10.0.0.1-10.0.0.9", ["ip saddr 10.0.0.1-10.0.0.9"]],
  ["ip", "ip saddr != 10.0.0.1-10.0.0.9", ["ip saddr != 10.0.0.1-10.0.0.9"]],
  ["ip", 'iifname "eth0" oif != lo', ['iifname "eth0" oifname != "lo"']],
  ["ip", 'meta iifname { "eth*", wlan0 }', ['iifname "eth*"', 'iifname "wlan0"']],
  ["ip", "tcp sport 1024-65535", ["tcp sport 1024-65535"]],
  ["ip", "udp dport != 53", ["udp dport != 53"]],
  [
    "ip",
    "th dport { 80, 443 } ip saddr { 10.0.0.1, 10.0.0.2 }",
    [
      "th dport 80 ip saddr 10.0.0.1",
      "th dport 80 ip saddr 10.0.0.2",
      "th dport 443 ip saddr 10.0.0.1",
      "th dport 443 ip saddr 10.0.0.2",
    ],
  ],
  ["ip", "meta l4proto { tcp, udp }", ["meta l4proto tcp", "meta l4proto udp"]],
  ["ip", "ip protocol tcp", ["meta l4proto tcp"]],
  ["ip6", "ip6 saddr fd00::/8 ip6 nexthdr != udp", ["ip6 saddr fd00::/8 meta l4proto != udp"]],
];

/** Newer versions of nft print the same in other words. */
function normal(rule: string | undefined): string {
  return (rule ?? "").replace(/meta l4proto (tcp|udp) (?:th|\1) /, "$1 ").replace("47", "gre");
}

sandbox("what iptables and nft understand means the same to us", { needs }, ({ host }) => {
  for (const [family, words, expected] of iptables) {
    const rules = listed(host, family, alternatives(readIptables(family, words.split(" "))));
    assert.deepEqual(rules.map(normal), expected.map(normal), words);
  }
  for (const [family, words, expected] of native) {
    const rules = listed(host, family, alternatives(readNft(family, [words])));
    assert.deepEqual(rules.map(normal), expected.map(normal), words);
  }
});

t.test("words in one text or in many are the same", async (t) => {
  const many = readNft("ip", ["ip", "saddr", "!=", "10.0.0.1"]);
  t.same(alternatives(many), alternatives(readNft("ip", ["ip saddr != 10.0.0.1"])));
  t.same(alternatives([]), [[]]);
});

t.test("what is not understood is quoted", async (t) => {
  const refused: [(family: IpFamily, words: string[]) => unknown, string, RegExp][] = [
    [readIptables, "-s", /^"-s" has no value$/],
    [readIptables, "-j ACCEPT", /^"-j" is not known$/],
    [readIptables, "-m set", /^"-m set" is not known$/],
    [readIptables, "! -m tcp", /^"-m tcp" is not known$/],
    [readIptables, "-s example.com", /^"example\.com" is no address$/],
    [readIptables, "-s fd00::1", /^"fd00::1" is of the other family$/],
    [readIptables, "--sport 9:3", /^"9:3" is no range of ports$/],
    [readIptables, "--sport :", /^"" is no port number$/],
    [readIptables, "--dport http", /^"http" is no port number$/],
    [readIptables, "-i +", /^"\+" stands for any interface$/],
    [readIptables, "-i a-name-that-is-too-long", /is no name of an interface$/],
    [readIptables, "-p nothing", /^"nothing" is no known protocol$/],
    [readIptables, "toString x", /^"toString" is not known$/],
    [readNft, "ct state new", /^"ct" is not known$/],
    [readNft, "ip ttl 5", /^"ip ttl" is not known$/],
    [readNft, "tcp flags syn", /^"tcp flags" is not known$/],
    [readNft, "ip6 saddr ::1", /^"ip6" is of the other family$/],
    [readNft, "ip saddr", /^the end is in the place of a value$/],
    [readNft, "ip saddr < 10.0.0.1", /^"<" is no address$/],
    [readNft, "ip saddr { 10.0.0.1", /^the end is in the place of "}"$/],
    [readNft, "ip saddr { }", /^a set is empty$/],
    [readNft, "ip saddr 10.0.0.9-10.0.0.1", /ends before it starts$/],
    [readNft, "th dport 70000", /^"70000" is no port number$/],
    [readNft, "accept", /^"accept" is not known$/],
  ];
  for (const [read, words, message] of refused) {
    const list = read === readNft ? [words] : words.split(" ");
    t.throws(() => read("ip", list), { message }, words);
  }
  const ports = Array.from({ length: 17 }, (_, i) => i).join(",");
  const many = readIptables("ip", ["--sports", ports, "--dports", ports]);
  t.throws(() => alternatives(many), { message: "they make 289 rules of one mapping" });
});
