/**
 * What the firewall keeps in nf_tables of its own: which addresses it accepts, and for whom.
 * `attachment-chain.ts` says how.
 *
 *     table ip cnibox_firewall {
 *       set accepted { type ipv4_addr; elements = { 10.1.0.2 comment "<hash>, net: .., if: .." } }
 *       chain CNI-ADMIN { type filter hook forward ... }  # the operator's: what to drop
 *       chain accepted-<hash> { ip saddr 10.1.0.2 accept }  # nothing leads there: our notes
 *     }
 *
 * Nothing here drops, so nothing need be accepted here. Where a chain of others drops, the accept
 * rules are in that (`firewall-forward.ts`); the notes tell DEL and GC which, whichever backend made
 * them: a set for each says so.
 */
import type { Ip } from "../addr/ip.ts";
import type { TableName } from "../kernel/nft-changes.ts";
import * as say from "../netlink/nftables/build.ts";
import type { LostKey } from "./attachment-chain.ts";
import type { Feature, MapKey, Part } from "./feature.ts";
import { familyOf, type IpFamily } from "./firewall-forward.ts";

export type Backend = "nftables" | "iptables" | "firewalld";

const table = "cnibox_firewall";
const comment = "cnibox: which containers the firewall accepts";

/** The set of each backend, and how the names of the chains with its notes start. */
const names: Record<Backend, string> = {
  nftables: "accepted",
  iptables: "iptables",
  firewalld: "firewalld",
};
export const setNames = Object.values(names);

/** NF_IP_PRI_FILTER of include/uapi/linux/netfilter_ipv4.h, and a little before it. */
const beforeFilter = -10;

/** @param admin the operator's chain; none where iptables or firewalld has the say */
function feature(family: IpFamily, admin?: string): Feature {
  return {
    ...tableOf(family),
    comment,
    prefixes: setNames,
    maps: setNames.map((name) => ({
      name,
      key: [family === "ip" ? "ipv4Address" : "ipv6Address"],
      data: [],
    })),
    hooks:
      admin === undefined
        ? []
        : [
            {
              name: admin,
              base: {
                type: "filter",
                hook: { number: "forward", priority: beforeFilter },
                policy: "accept",
              },
              rules: [],
              open: true,
            },
          ],
    keysOf({ chain = "", expressions }) {
      const key = say.expected(expressions, say.load(`${family} saddr`));
      const map = setNames.find((name) => chain.startsWith(`${name}-`));
      return key && map !== undefined ? [{ map, key }] : [];
    },
  };
}

export function tableOf(family: IpFamily): TableName {
  return { family, table };
}

/** To remove what any backend has noted. */
export function features(admin: string): Feature[] {
  return [feature("ip", admin), feature("ip6", admin)];
}

/** The note that `backend` accepts these addresses. */
export function parts(backend: Backend, ips: readonly Ip[], admin: string): Part[] {
  const prefix = names[backend];
  return (["ip", "ip6"] as const).flatMap((family) => {
    const mine = ips.filter((ip) => familyOf(ip) === family);
    if (mine.length === 0) return [];
    const keys = keysBy(backend, mine);
    const rules = mine.map((ip) => [...say.is(`${family} saddr`, ip), say.verdict("accept")]);
    const own = feature(family, backend === "nftables" ? admin : undefined);
    return [{ feature: own, chains: [{ prefix, rules, keys }] }];
  });
}

/** What says that `backend` accepts these addresses. */
export function keysBy(backend: Backend, ips: readonly Ip[]): MapKey[] {
  return ips.map((key) => ({ map: names[backend], key }));
}

/** The addresses among keys that a backend had accepted. */
export function ipsOf(keys: readonly LostKey[], ...by: readonly Backend[]): Ip[] {
  return keys
    .filter(({ feature, map }) => feature.table === table && by.some((each) => names[each] === map))
    .map(({ key }) => key);
}
