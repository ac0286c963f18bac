/**
 * Conditions in the language of `nft`, as far as container networks need it: addresses, ports,
 * protocols and interfaces, compared with one value, a range, or a set of them.
 */
import type { Test } from "../netlink/nftables/build-match.ts";
import {
  addressTest,
  type Condition,
  type IpFamily,
  interfaceTest,
  portTest,
  protocolTest,
} from "./conditions.ts";

type Reader = (value: string) => Test;

/**
 * Reads text like `["ip saddr != 10.0.0.0/8", "iifname { \"eth0\", \"eth1\" }"]`.
 * @throws Error that quotes what it does not understand
 */
export function readNft(family: IpFamily, texts: readonly string[]): Condition[] {
  const tokens = texts.join(" ").match(/"[^"]*"|[{},]|[!=]=|[^\s{},"!=]+|\S/g) ?? [];
  const rest = tokens[Symbol.iterator]();
  const conditions: Condition[] = [];
  for (let token = next(rest); token !== undefined; token = next(rest)) {
    if (token === "meta") token = next(rest);
    const { read, implied } = subjectOf(family, token, rest);
    if (implied) conditions.push({ negated: false, tests: [implied] });
    conditions.push(comparison(read, rest));
  }
  return conditions;
}

type Tokens = Iterator<string>;

function next(tokens: Tokens): string | undefined {
  const { done, value } = tokens.next();
  return done ? undefined : value;
}

/** What is compared; a port of a protocol implies that the packet is of it. */
function subjectOf(
  family: IpFamily,
  token: string | undefined,
  rest: Tokens,
): { read: Reader; implied?: Test } {
  switch (token) {
    case "iif":
    case "iifname":
      return { read: (value) => interfaceTest("iifname", value, "*") };
    case "oif":
    case "oifname":
      return { read: (value) => interfaceTest("oifname", value, "*") };
    case "l4proto":
      return { read: protocolTest };
    case "ip":
    case "ip6":
      return { read: fieldOf(family, token, next(rest)) };
    case "th":
      return { read: portReader(token, next(rest)) };
    case "tcp":
    case "udp":
    case "sctp":
      return { read: portReader(token, next(rest)), implied: protocolTest(token) };
    default:
      throw new Error(`${shown(token)} is not known`);
  }
}

function fieldOf(family: IpFamily, header: IpFamily, field: string | undefined): Reader {
  if (header !== family) throw new Error(`"${header}" is of the other family`);
  const isProtocol = field === (family === "ip" ? "protocol" : "nexthdr");
  if (isProtocol) return protocolTest;
  if (field !== "saddr" && field !== "daddr") throw new Error(`"${header} ${field}" is not known`);
  return (value) => addressTest(family, field, value, true);
}

function portReader(header: string, field: string | undefined): Reader {
  if (field !== "sport" && field !== "dport") throw new Error(`"${header} ${field}" is not known`);
  return (value) => portTest(field, value, "-");
}

function comparison(read: Reader, rest: Tokens): Condition {
  let token = next(rest);
  const negated = token === "!=";
  if (negated || token === "==") token = next(rest);
  if (token !== "{") return { negated, tests: [read(wordOf(token))] };
  const tests: Test[] = [];
  do {
    token = next(rest);
    if (token === "}") break; // after the last comma, as nft allows
    tests.push(read(wordOf(token)));
    token = next(rest);
  } while (token === ",");
  if (token !== "}") throw new Error(`${shown(token)} is in the place of "}"`);
  if (tests.length === 0) throw new Error("a set is empty");
  return { negated, tests };
}

function wordOf(token: string | undefined): string {
  if (token === undefined || /^[{},!=]/.test(token)) {
    throw new Error(`${shown(token)} is in the place of a value`);
  }
  return token.replace(/^"(.*)"$/, "$1");
}

function shown(token: string | undefined): string {
  return token === undefined ? "the end" : `"${token}"`;
}
