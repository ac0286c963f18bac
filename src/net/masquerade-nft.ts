/** Masquerade in nf_tables: what the rules say. `attachment-set.ts` says where they stand. */
import { concat, toHex } from "../addr/bytes.ts";
import { type Cidr, mask, network, parseCidr } from "../addr/cidr.ts";
import * as say from "../netlink/nftables/build.ts";
import type { SetFeature, Wanted } from "./set-feature.ts";

/** NF_IP_PRI_NAT_SRC of include/uapi/linux/netfilter_ipv4.h */
const sourceNat = 100;
const hook = "postrouting";
/** And then a prefix length: pairs of an address and its network. */
const sets = "subnet";

/**
 * Packets that leave the address's subnet get an address of the host; those within it, and multicast,
 * stay as they are. An entry is an address and its prefix length.
 */
function feature(family: "ip" | "ip6", multicast: string): SetFeature {
  const length = family === "ip" ? 4 : 16;
  const address = family === "ip" ? "ipv4Address" : "ipv6Address";
  return {
    family,
    table: "cnibox_ipmasq",
    comment: "cnibox: IP masquerade of containers",
    hooks: [
      {
        name: hook,
        base: {
          type: "nat",
          hook: { number: "postrouting", priority: sourceNat },
          policy: "accept",
        },
        rules: [
          () => [...say.isIn(`${family} daddr`, parseCidr(multicast)), say.verdict("return")],
        ],
      },
    ],
    entry: [address, "port"],
    elementsOf(entry) {
      const ip = entry.subarray(0, length);
      const prefixLength = entry[length + 1] as number;
      const key = concat(ip, network({ ip, prefixLength }).ip);
      return [{ set: `${sets}${prefixLength}`, key }];
    },
    describe(set) {
      if (!set.startsWith(sets)) return undefined;
      const isPair = (field: "saddr" | "daddr") => {
        const prefixLength = Number(set.slice(sets.length));
        const bits = mask({ ip: new Uint8Array(length), prefixLength });
        const source = { first: say.load(`${family} saddr`), length } as const;
        return say.isPairIn(set, source, `${family} ${field}`, bits);
      };
      return {
        key: [address, address],
        rules: [
          { hook, isFirst: true, make: () => [...isPair("daddr"), say.verdict("return")] },
          { hook, make: () => [...isPair("saddr"), say.masquerade] },
        ],
      };
    },
  };
}

const ip = feature("ip", "224.0.0.0/4");
const ip6 = feature("ip6", "ff00::/8");
export const features: readonly SetFeature[] = [ip, ip6];

/** What the addresses need in each family. */
export function entriesOf(addresses: readonly Cidr[]): Wanted[] {
  return features.flatMap((feature) => {
    const mine = addresses.filter((address) => (address.ip.length === 4) === (feature === ip));
    if (mine.length === 0) return [];
    const values = mine.map((address) =>
      concat(address.ip, Uint8Array.of(0, address.prefixLength, 0, 0)),
    );
    const distinct = new Map(values.map((value) => [toHex(value), { value }]));
    return [{ feature, entries: [...distinct.values()] }];
  });
}
