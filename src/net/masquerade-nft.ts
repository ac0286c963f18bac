/** Masquerade in nf_tables: what the rules say. `attachment-chain.ts` says where they stand. */
import type { Cidr } from "../addr/cidr.ts";
import { parseCidr } from "../addr/cidr.ts";
import * as say from "../netlink/nftables/build.ts";
import type { Feature, Part } from "./feature.ts";

const map = "attachments";
const prefix = "masq";
const table = "cnibox_masquerade";
const comment = "cnibox: IP masquerade of containers";

/** NF_IP_PRI_NAT_SRC of include/uapi/linux/netfilter_ipv4.h */
const sourceNat = 100;

function feature(family: "ip" | "ip6", multicast: string): Feature {
  const source = say.load(`${family} saddr`);
  return {
    family,
    table,
    comment,
    prefixes: [prefix],
    maps: [{ name: map, key: [family === "ip" ? "ipv4Address" : "ipv6Address"] }],
    hooks: [
      {
        name: "postrouting",
        base: {
          type: "nat",
          hook: { number: "postrouting", priority: sourceNat },
          policy: "accept",
        },
        rules: [
          [...say.isIn(`${family} daddr`, parseCidr(multicast)), say.verdict("return")],
          [source, say.goBy(map)],
        ],
      },
    ],
    keysOf({ expressions }) {
      const key = say.expected(expressions, source);
      return key ? [{ map, key }] : [];
    },
  };
}

const ip = feature("ip", "224.0.0.0/4");
const ip6 = feature("ip6", "ff00::/8");
export const features: readonly Feature[] = [ip, ip6];

/**
 * What the addresses need in each family: packets that leave the address's subnet get an address of
 * the host; those within it, and multicast, stay as they are.
 */
export function parts(addresses: readonly Cidr[]): Part[] {
  const isIp = (address: Cidr) => address.ip.length === 4;
  return [
    ...part(ip, "ip", addresses.filter(isIp)),
    ...part(
      ip6,
      "ip6",
      addresses.filter((address) => !isIp(address)),
    ),
  ];
}

function part(feature: Feature, family: "ip" | "ip6", addresses: readonly Cidr[]): Part[] {
  if (addresses.length === 0) return [];
  const rules = addresses.map((address) => [
    ...say.is(`${family} saddr`, address.ip),
    ...say.isOutside(`${family} daddr`, address),
    say.masquerade,
  ]);
  const keys = addresses.map(({ ip }) => ({ map, key: ip }));
  return [{ feature, chains: [{ prefix, rules, keys }] }];
}
