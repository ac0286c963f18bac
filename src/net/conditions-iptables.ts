/** Conditions in the words of `iptables`, as far as nf_tables needs no extension for them. */

import type { Test } from "../netlink/nftables/build-match.ts";
import {
  addressTest,
  type Condition,
  type IpFamily,
  interfaceTest,
  portTest,
  protocolTest,
} from "./conditions.ts";

type Reader = (family: IpFamily, value: string) => Test[];

const source: Reader = (family, value) => addresses(family, "saddr", value);
const destination: Reader = (family, value) => addresses(family, "daddr", value);
const into: Reader = (_family, value) => [interfaceTest("iifname", value, "+")];
const outOf: Reader = (_family, value) => [interfaceTest("oifname", value, "+")];
const protocol: Reader = (_family, value) => [protocolTest(value.toLowerCase())];
const sourcePort: Reader = (_family, value) => [portTest("sport", value, ":")];
const destinationPort: Reader = (_family, value) => [portTest("dport", value, ":")];
const sourcePorts: Reader = (_family, value) => ports("sport", value);
const destinationPorts: Reader = (_family, value) => ports("dport", value);
const sourceRange: Reader = (family, value) => [addressTest(family, "saddr", value, true)];
const destinationRange: Reader = (family, value) => [addressTest(family, "daddr", value, true)];

const options: Readonly<Record<string, Reader>> = {
  "-s": source,
  "--source": source,
  "--src": source,
  "-d": destination,
  "--destination": destination,
  "--dst": destination,
  "-i": into,
  "--in-interface": into,
  "-o": outOf,
  "--out-interface": outOf,
  "-p": protocol,
  "--protocol": protocol,
  "--proto": protocol,
  "--sport": sourcePort,
  "--source-port": sourcePort,
  "--dport": destinationPort,
  "--destination-port": destinationPort,
  "--sports": sourcePorts,
  "--source-ports": sourcePorts,
  "--dports": destinationPorts,
  "--destination-ports": destinationPorts,
  "--src-range": sourceRange,
  "--dst-range": destinationRange,
};

/** Extensions whose options are above, or say nothing of packets. */
const extensions = ["tcp", "udp", "sctp", "multiport", "iprange", "comment"];

/**
 * Reads arguments like `["!", "-d", "192.0.2.0/24", "-i", "eth+"]`.
 * @throws Error that quotes what it does not understand
 */
export function readIptables(family: IpFamily, tokens: readonly string[]): Condition[] {
  const conditions: Condition[] = [];
  for (let at = 0; at < tokens.length; at += 2) {
    const negated = tokens[at] === "!";
    if (negated) at++;
    const [option = "", value] = tokens.slice(at, at + 2);
    if (value === undefined) throw new Error(`"${option}" has no value`);
    const isExtension = option === "-m" || option === "--match";
    if (!negated && isExtension && extensions.includes(value)) continue;
    if (!negated && option === "--comment") continue;
    const read = Object.keys(options).includes(option) ? options[option] : undefined;
    if (!read) throw new Error(`"${isExtension ? `${option} ${value}` : option}" is not known`);
    conditions.push({ negated, tests: read(family, value) });
  }
  return conditions;
}

function addresses(family: IpFamily, which: "saddr" | "daddr", list: string): Test[] {
  return list.split(",").map((text) => addressTest(family, which, text, false));
}

function ports(which: "sport" | "dport", list: string): Test[] {
  return list.split(",").map((text) => portTest(which, text, ":"));
}
