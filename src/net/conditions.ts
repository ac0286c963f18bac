/**
 * Conditions that a config puts on rules, as tests of nf_tables: what the words of `iptables`
 * (`conditions-iptables.ts`) and of `nft` (`conditions-nft.ts`) are read into.
 */

import { type Cidr, host, parseCidr } from "../addr/cidr.ts";
import { compare as compareIp, formatIp, type Ip, parseIp } from "../addr/ip.ts";
import * as match from "../netlink/nftables/build-match.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";

/** One condition: one of the tests holds, or none of them if it is negated. All must hold. */
export interface Condition {
  negated: boolean;
  tests: readonly match.Test[];
}

export type IpFamily = "ip" | "ip6";

/** IPPROTO_* of what has ports that can be mapped. */
export const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;
export type Protocol = keyof typeof protocols;

/** So many rules would one mapping become. */
const maxAlternatives = 256;

/**
 * The conditions as expressions: a packet that passes one of the lists meets all of them. Without
 * conditions that is one empty list.
 * @throws Error if there would be too many
 */
export function alternatives(conditions: readonly Condition[]): ExpressionInput[][] {
  let lists: ExpressionInput[][] = [[]];
  for (const { negated, tests } of conditions) {
    if (negated) {
      const all = tests.flatMap((test) => test("neq"));
      lists = lists.map((list) => [...list, ...all]);
    } else {
      lists = lists.flatMap((list) => tests.map((test) => [...list, ...test("eq")]));
    }
    if (lists.length > maxAlternatives) {
      throw new Error(`they make ${lists.length} rules of one mapping`);
    }
  }
  return lists;
}

// ── tests by the text of their value; each throws an Error that says what is wrong with it ────────

/** `10.0.0.1`, `10.0.0.0/8`, and with `ranges` also `10.0.0.1-10.0.0.9` */
export function addressTest(
  family: IpFamily,
  which: "saddr" | "daddr",
  text: string,
  ranges: boolean,
): match.Test {
  const field = `${family} ${which}` as const;
  const [start = "", end] = ranges ? text.split("-") : [text];
  if (end === undefined) return match.subnet(field, subnetOf(family, text));
  const [first, last] = [subnetOf(family, start).ip, subnetOf(family, end).ip];
  if (compareIp(first, last) > 0) throw new Error(`"${text}" ends before it starts`);
  return match.between(field, first, last);
}

function subnetOf(family: IpFamily, text: string): Cidr {
  const cidr = text.includes("/") ? parseCidr(text) : host(parseIp(text) ?? noIp(text));
  if (cidr.ip.length !== (family === "ip" ? 4 : 16)) {
    throw new Error(`"${formatIp(cidr.ip)}" is of the other family`);
  }
  return cidr;
}

function noIp(text: string): Ip {
  throw new Error(`"${text}" is no address`);
}

/** @param separator between the ends of a range: `:` for iptables, where one may be left out */
export function portTest(which: "sport" | "dport", text: string, separator: ":" | "-"): match.Test {
  const [start = "", end = start, ...more] = text.split(separator);
  const isOpen = separator === ":" && text.length > 1;
  const first = start === "" && isOpen ? 0 : portOf(start);
  const last = end === "" && isOpen ? 0xffff : portOf(end);
  if (more.length > 0 || first > last) throw new Error(`"${text}" is no range of ports`);
  return match.ports(`th ${which}`, first, last);
}

function portOf(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 0xffff) return Number(text);
  throw new Error(`"${text}" is no port number`);
}

/** @param wildcard at the end of a name stands for any other characters: `+` or `*` */
export function interfaceTest(
  key: "iifname" | "oifname",
  text: string,
  wildcard: "+" | "*",
): match.Test {
  if (!/^[^\s/]{1,15}$/.test(text)) throw new Error(`"${text}" is no name of an interface`);
  if (!text.endsWith(wildcard)) return match.interfaceNamed(key, text);
  if (text === wildcard) throw new Error(`"${text}" stands for any interface`);
  return match.interfaceStarting(key, text.slice(0, -1));
}

export function protocolTest(text: string): match.Test {
  const named = Object.entries(protocols).find(([name]) => name === text);
  if (named) return match.transport(named[1]);
  if (/^[0-9]{1,3}$/.test(text) && Number(text) < 256) return match.transport(Number(text));
  throw new Error(`"${text}" is no known protocol`);
}
