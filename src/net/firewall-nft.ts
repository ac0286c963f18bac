/**
 * What the firewall keeps in nf_tables of its own: which addresses it accepts, and for whom.
 * `attachment-set.ts` says how.
 *
 *     table ip cnibox_firewall {
 *       set accepted { type ipv4_addr; elements = { 10.1.0.2 comment "<hash>, net: .., if: .." } }
 *       chain CNI-ADMIN { type filter hook forward ... }  # the operator's: what to drop
 *     }
 *
 * Nothing here drops, so nothing need be accepted here. Where a chain of others drops, the accept
 * rules are in that (`firewall-forward.ts`); the elements tell DEL and GC which, whichever backend made
 * them: a set for each says so.
 */
import { concat, equal, toHex } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { askElement, type Question } from "../kernel/nft.ts";
import type { TableName } from "../kernel/nft-changes.ts";
import type { Element } from "../netlink/nftables/element.ts";
import { familyOf, type IpFamily } from "./firewall-forward.ts";
import type { Owned, SetFeature, Wanted } from "./set-feature.ts";

export type Backend = "nftables" | "iptables" | "firewalld";

const table = "cnibox_firewall";
const comment = "cnibox: which containers the firewall accepts";

/** In this order they are noted. */
const backends: readonly Backend[] = ["nftables", "iptables", "firewalld"];
/** The set of each backend. */
const names: Record<Backend, string> = {
  nftables: "accepted",
  iptables: "iptables",
  firewalld: "firewalld",
};
const setNames = Object.values(names);

/** NF_IP_PRI_FILTER of include/uapi/linux/netfilter_ipv4.h, and a little before it. */
const beforeFilter = -10;
const forward = {
  type: "filter",
  hook: { number: "forward", priority: beforeFilter },
  policy: "accept",
} as const;

/** @param admin the operator's chain; none where iptables or firewalld has the say */
function feature(family: IpFamily, admin?: string): SetFeature {
  const key = [family === "ip" ? "ipv4Address" : "ipv6Address"] as const;
  return {
    ...tableOf(family),
    comment,
    hooks: admin === undefined ? [] : [{ name: admin, base: forward, rules: [], isOpen: true }],
    // Who accepts, by its place among the backends, beside the address.
    entry: [...key, "port"],
    elementsOf(entry) {
      const { backend, ip } = read(entry);
      return [{ set: names[backend], key: ip }];
    },
    describe: (set) => (setNames.includes(set) ? { key, rules: [] } : undefined),
  };
}

export function tableOf(family: IpFamily): TableName {
  return { family, table };
}

/** To remove what any backend has noted. */
export function features(admin: string): SetFeature[] {
  return [feature("ip", admin), feature("ip6", admin)];
}

/** The note that `backend` accepts these addresses. */
export function entriesOf(backend: Backend, ips: readonly Ip[], admin: string): Wanted[] {
  return (["ip", "ip6"] as const).flatMap((family) => {
    const mine = ips.filter((ip) => familyOf(ip) === family);
    if (mine.length === 0) return [];
    const values = mine.map((ip) => entryOf(backend, ip));
    const distinct = new Map(values.map((value) => [toHex(value), { value }]));
    const own = feature(family, backend === "nftables" ? admin : undefined);
    return [{ feature: own, entries: [...distinct.values()] }];
  });
}

/** What says that `backend` accepts this address. */
export function entryOf(backend: Backend, ip: Ip): Uint8Array {
  return concat(ip, Uint8Array.of(0, backends.indexOf(backend), 0, 0));
}

function read(entry: Uint8Array): { backend: Backend; ip: Ip } {
  const length = entry.length - 4;
  const backend = backends[entry[length + 1] as number] ?? "nftables";
  return { backend, ip: entry.subarray(0, length) };
}

/** The addresses that these backends had accepted. */
export function ipsOf(owned: readonly Owned[], ...by: readonly Backend[]): Ip[] {
  const entries = owned.map(({ entry }) => read(entry));
  return entries.filter(({ backend }) => by.includes(backend)).map(({ ip }) => ip);
}

/** Asks for an element in each of the sets, but for those that the entries stand for. */
export function askOthers(ip: Ip, owned: readonly Owned[]): Question<Element>[] {
  const mine = owned.map(({ entry }) => read(entry)).filter((each) => equal(each.ip, ip));
  const others = backends.filter((backend) => !mine.some((each) => each.backend === backend));
  return others.map((backend) => askElement(tableOf(familyOf(ip)), names[backend], ip));
}
