/**
 * Port mappings with conditions, in nf_tables: each container's are rules in a chain of its own.
 * `attachment-chain.ts` says how they are kept; those without conditions are in `portmap-nft.ts`.
 *
 *     table ip cnibox_portmap_guarded {
 *       map ports { type inet_proto . inet_service : verdict;
 *         elements = { tcp . 8080 : jump guarded-<hash> } }
 *       map addressed { type ipv4_addr . inet_proto . inet_service : verdict }
 *       chain prerouting { type nat hook prerouting ...; meta l4proto . th dport vmap @ports }
 *       chain guarded-<hash> { tcp dport 8080 ip saddr 192.0.2.0/24 dnat to 10.1.0.2:80 }
 *     }
 */
import { concat } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import type { Netns } from "../kernel/netns.ts";
import * as say from "../netlink/nftables/build.ts";
import * as match from "../netlink/nftables/build-match.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect as collectChains, install, type LostKey, uninstall } from "./attachment-chain.ts";
import { findDamage as chainDamage } from "./attachment-chain-check.ts";
import type { Feature, MapKey, OwnChain, Part } from "./chain-feature.ts";
import { type IpFamily, protocols } from "./conditions.ts";
import type { LostService } from "./portmap-connections.ts";
import {
  guarded,
  isConditional,
  natHook,
  onlyToHost,
  priorities,
  serviceKey,
} from "./portmap-nft.ts";
import type { Mapping, Plan, Target } from "./portmap-plan.ts";

const { table, prefix } = guarded;
const [addressed, ports] = ["addressed", "ports"] as const;

function feature(family: IpFamily): Feature {
  const address = family === "ip" ? "ipv4Address" : "ipv6Address";
  const daddr = `${family} daddr` as const;
  const hooks = (["prerouting", "output"] as const).flatMap((number) => [
    {
      name: `${number}_addressed`,
      base: natHook(number, priorities.addressed - 1),
      rules: redirecting(family, [...nat.loadService(daddr), say.goBy(addressed)]),
    },
    {
      name: number,
      base: natHook(number, priorities.ports - 1),
      rules: redirecting(family, [...nat.loadService(), say.goBy(ports)]),
    },
  ]);
  return {
    ...{ family, table, hooks },
    comment: "cnibox: port mappings of containers, with conditions",
    prefixes: [prefix],
    maps: [
      { name: addressed, key: [address, "protocol", "port"] },
      { name: ports, key: ["protocol", "port"] },
    ],
    keysOf: (rule) => keysOf(family, rule),
  };
}

function redirecting(family: IpFamily, rule: readonly ExpressionInput[]) {
  return [...onlyToHost(family).map((make) => make()), rule];
}

function features(): Feature[] {
  return [feature("ip"), feature("ip6")];
}

/** Makes the attachment's chains what the plan says, which may be none. */
export function setup(host: Netns, attachment: Attachment, plan: Plan): void {
  install(host, attachment, parts(plan));
}

/** What is missing or otherwise than `setup` made it; undefined if nothing is. */
export function findDamage(host: Netns, attachment: Attachment, plan: Plan): string | undefined {
  const some = parts(plan).filter(({ chains }) => chains.length > 0);
  return chainDamage(host, attachment, some);
}

/** Removes what `setup` made. */
export function remove(host: Netns, attachment: Attachment): LostService[] {
  return uninstall(host, features(), attachment).map(serviceOf);
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function collect(
  host: Netns,
  network: string,
  valid: readonly ValidAttachment[],
): LostService[] {
  return collectChains(host, features(), network, valid).map(serviceOf);
}

function parts({ targets }: Plan): Part[] {
  return targets.map((target) => ({
    feature: feature(target.family),
    chains: isConditional(target) ? [chainFor(target)] : [],
  }));
}

function chainFor({ family, address, mappings, conditions }: Target): OwnChain {
  // The more specific first.
  const ordered = [
    ...mappings.filter(({ hostIp }) => hostIp),
    ...mappings.filter((mapping) => !mapping.hostIp),
  ];
  const rules = ordered.flatMap((mapping) =>
    conditions.map((condition) => redirectionRule(family, address.ip, mapping, condition)),
  );
  const keys = ordered.map(({ protocol, hostIp, hostPort }) =>
    mappingKey(hostIp, serviceKey(protocols[protocol], hostPort)),
  );
  return { prefix, rules, keys };
}

function redirectionRule(
  family: IpFamily,
  container: Ip,
  { protocol, hostIp, hostPort, containerPort }: Mapping,
  condition: readonly ExpressionInput[],
): ExpressionInput[] {
  return [
    ...(hostIp ? say.is(`${family} daddr`, hostIp) : []),
    ...match.transport(protocols[protocol])("eq"),
    ...match.ports("th dport", hostPort)("eq"),
    ...condition,
    ...nat.redirect(container, containerPort),
  ];
}

function mappingKey(hostIp: Ip | undefined, service: Uint8Array): MapKey {
  return hostIp ? { map: addressed, key: concat(hostIp, service) } : { map: ports, key: service };
}

function keysOf(family: IpFamily, { expressions = [] }: Rule): MapKey[] {
  const protocol = say.expected(expressions, say.loadMeta("l4proto"));
  const port = say.expected(expressions, say.load("th dport"));
  if (!protocol || !port) return [];
  // Conditions come later, and may be about the same field.
  const hostIp = say.expected(expressions.slice(0, 2), say.load(`${family} daddr`));
  const [high = 0, low = 0] = port;
  return [mappingKey(hostIp, serviceKey(protocol[0] as number, (high << 8) | low))];
}

/** The port of the host that a key stands for. */
function serviceOf({ feature: { family }, map, key }: LostKey): LostService {
  const at = map === addressed ? key.length - 8 : 0;
  return {
    family: family === "ip" ? "ip" : "ip6",
    protocol: key[at] as number,
    port: ((key[at + 4] as number) << 8) | (key[at + 5] as number),
    ...(at > 0 && { address: key.slice(0, at) }),
  };
}
