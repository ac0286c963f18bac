/** Subnets of every length, as `nft` reads them back and as the kernel matches them. */

import assert from "node:assert/strict";
import { type Cidr, formatCidr, network, parseCidr } from "../../src/addr/cidr.ts";
import { Netns } from "../../src/kernel/netns.ts";
import { Nft } from "../../src/kernel/nft.ts";
import * as nft from "../../src/kernel/nft-changes.ts";
import * as say from "../../src/netlink/nftables/build.ts";
import { sandbox } from "../harness/sandbox.ts";

for (const family of ["ip", "ip6"] as const) {
  const needs = ["CONFIG_NF_TABLES_IPV4" as const];
  sandbox(`${family} subnets of every length`, { needs }, ({ host }) => {
    const netns = Netns.open(host.file("").replace(/root$/, "ns/net"));
    const table = { family, table: "t" };
    const { ip } = parseCidr(
      family === "ip" ? "10.171.205.239/32" : "fdab:cdef:1357:9bdf::ffff/128",
    );
    const subnets: Cidr[] = [];
    for (let prefixLength = 1; prefixLength <= ip.length * 8; prefixLength++) {
      subnets.push({ ip, prefixLength });
    }
    netns
      .use(Nft)
      .commit([
        nft.addTable(table),
        nft.addChain(table, "c"),
        ...subnets.flatMap((subnet) => [
          nft.addRule(table, "c", say.isIn(`${family} daddr`, subnet)),
          nft.addRule(table, "c", say.isOutside(`${family} daddr`, subnet)),
        ]),
      ]);
    const lines = host
      .sh(`nft list chain ${family} t c`)
      .match(new RegExp(`${family} daddr .*`, "g"));
    const expected = subnets.flatMap((subnet) => {
      const text = formatCidr(network(subnet)).replace(/\/(32|128)$/, (all, length) =>
        Number(length) === ip.length * 8 ? "" : all,
      );
      return [`${family} daddr ${text}`, `${family} daddr != ${text}`];
    });
    assert.deepEqual(lines, expected);
  });
}

sandbox("the subnet of all addresses holds all", { needs: ["CONFIG_NF_TABLES_IPV4"] }, (box) => {
  const { host } = box;
  const netns = Netns.open(host.file("").replace(/root$/, "ns/net"));
  const table = { family: "ip", table: "t" } as const;
  const base = {
    type: "filter",
    hook: { number: "output", priority: 0 },
    policy: "accept",
  } as const;
  const all = parseCidr("10.0.0.1/0");
  netns
    .use(Nft)
    .commit([
      nft.addTable(table),
      nft.addChain(table, "c", { base }),
      nft.addRule(table, "c", [...say.isOutside("ip daddr", all), say.verdict("drop")]),
    ]);
  assert.ok(host.reaches("127.0.0.1"));
  netns
    .use(Nft)
    .commit([nft.addRule(table, "c", [...say.isIn("ip daddr", all), say.verdict("drop")])]);
  assert.ok(host.silent("127.0.0.1"));
});
