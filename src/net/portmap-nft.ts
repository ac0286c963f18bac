/**
 * Port mappings in nf_tables: what the rules say. `attachment-chain.ts` says where they stand.
 *
 *     table ip cnibox_portmap {
 *       map ports { type inet_proto . inet_service : ipv4_addr . inet_service;
 *         elements = { tcp . 8080 comment ".." : 10.1.0.2 . 80 } }
 *       map addressed { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
 *       set containers { type ipv4_addr; elements = { 10.1.0.2 } }
 *       ...
 *       chain mapped-<hash> { tcp dport 8080 dnat to 10.1.0.2:80 }  # nothing leads there: our notes
 *     }
 *
 * - Only what is addressed to the host itself is looked up at all, so a packet to another container's
 *   port 8080 stays as it is (CVE-2025-67499); a mapping with a host address comes before one without.
 * - We come after what others redirect: rules about one service are more specific than "any address of
 *   the host" (CVE-2019-9946). Among chains of one priority the kernel asks the newest first.
 * - Who asks from the container's subnet, or from a loopback address of the host, is masqueraded.
 * - Mappings with conditions need rules of their own, in a chain `guarded-<hash>` that maps lead to.
 */
import { concat, u16be } from "../addr/bytes.ts";
import { parseCidr } from "../addr/cidr.ts";
import type { Ip } from "../addr/ip.ts";
import * as say from "../netlink/nftables/build.ts";
import * as match from "../netlink/nftables/build-match.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { Expression, ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import { type IpFamily, protocols } from "./conditions.ts";
import type { Feature, MapKey, OwnChain, Part } from "./feature.ts";
import type { Mapping, Plan, Target } from "./portmap-plan.ts";
import * as siblings from "./portmap-siblings.ts";

const table = "cnibox_portmap";
const comment = "cnibox: port mappings of containers";

/** Own chains: notes of what maps hold, and rules with conditions. */
const mapped = "mapped";
const guarded = "guarded";

/** From a service to where it is redirected. */
const ports = "ports";
const addressed = "addressed";
/** From a service to the chain that knows the conditions. */
const guardedPorts = "guarded_ports";
const guardedAddressed = "guarded_addressed";
/** Containers for which to masquerade somebody, and everybody. */
const containers = "containers";
const hiding = "hiding";

/** After NF_IP_PRI_NAT_DST (-100), where others redirect single services. */
const destinationNat = -90;
/** Before NF_IP_PRI_NAT_SRC (100), where others masquerade by subnet. */
const sourceNat = 90;

const loopback = parseCidr("127.0.0.0/8");
/**
 * The kernel lets no answer from another link back to it. Refused at once, a client goes on to
 * 127.0.0.1; redirected, it would wait in vain.
 */
export const loopback6: Ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

function natHook(number: "prerouting" | "output" | "postrouting", priority: number) {
  return { type: "nat", hook: { number, priority }, policy: "accept" } as const;
}

function feature(family: IpFamily): Feature {
  const address = family === "ip" ? "ipv4Address" : "ipv6Address";
  const place = [address, "port"] as const;
  return {
    family,
    table,
    comment,
    prefixes: [mapped, guarded],
    maps: [
      { name: ports, key: ["protocol", "port"], data: place },
      { name: addressed, key: [address, "protocol", "port"], data: place },
      { name: guardedPorts, key: ["protocol", "port"] },
      { name: guardedAddressed, key: [address, "protocol", "port"] },
      { name: containers, key: [address], data: [] },
      { name: hiding, key: [address], data: [] },
      ...siblings.sets(family),
    ],
    hooks: [
      {
        name: "prerouting",
        base: natHook("prerouting", destinationNat),
        rules: redirecting(family),
      },
      { name: "output", base: natHook("output", destinationNat), rules: redirecting(family) },
      {
        name: "postrouting",
        base: natHook("postrouting", sourceNat),
        rules: masquerading(family),
      },
      ...(family === "ip" ? [guard] : []),
    ],
    keysOf: (rule) => keysOf(family, rule),
  };
}

function redirecting(family: IpFamily): ExpressionInput[][] {
  const daddr = `${family} daddr` as const;
  return [
    ...(family === "ip6" ? [[...say.is(daddr, loopback6), say.verdict("return")]] : []),
    [...nat.toHost("neq"), say.verdict("return")],
    [...nat.loadService(daddr), say.goBy(guardedAddressed)],
    [...nat.loadService(daddr), ...nat.redirectBy(addressed, family)],
    [...nat.loadService(), say.goBy(guardedPorts)],
    [...nat.loadService(), ...nat.redirectBy(ports, family)],
  ];
}

function masquerading(family: IpFamily): ExpressionInput[][] {
  const daddr = `${family} daddr` as const;
  const local = family === "ip" ? [say.isIn("ip saddr", loopback)] : [];
  return [
    [...nat.wasRedirected("eq"), say.verdict("return")],
    [...nat.isAmong(daddr, hiding), say.masquerade],
    [...nat.isAmong(daddr, containers, "neq"), say.verdict("return")],
    ...[...local, ...siblings.tests(family)].map((test) => [...test, say.masquerade]),
  ];
}

/**
 * `route_localnet`, without which no answer gets back to 127.0.0.1, opens the host's loopback
 * addresses to whoever is on the container's link (as CVE-2020-8558). This closes them again, but for
 * answers.
 */
const guard = {
  name: "input",
  base: { type: "filter", hook: { number: "input", priority: 0 }, policy: "accept" },
  rules: [
    [
      ...match.interfaceNamed("iifname", "lo")("neq"),
      ...say.isIn("ip daddr", loopback),
      ...nat.wasRedirected("eq"),
      say.verdict("drop"),
    ],
  ],
} as const satisfies Feature["hooks"][number];

const made: { ip?: Feature; ip6?: Feature } = {};

/** Most containers need one family only, and its rules are many. */
function featureOf(family: IpFamily): Feature {
  made[family] ??= feature(family);
  return made[family];
}

export function features(): Feature[] {
  return [featureOf("ip"), featureOf("ip6")];
}

/** What the plan needs in each family. */
export function parts({ targets, snat, masqAll }: Plan): Part[] {
  return targets.map((target) => {
    const { family, conditions } = target;
    const isFree = conditions.length === 1 && conditions[0]?.length === 0;
    const redirections = chainFor(target, isFree ? mapped : guarded);
    const masquerade = snat ? [masqueradeChain(target, masqAll)] : [];
    const chains = isFree ? [joined(redirections, ...masquerade)] : [redirections, ...masquerade];
    return { feature: featureOf(family), chains };
  });
}

function joined(...chains: readonly OwnChain[]): OwnChain {
  return {
    prefix: mapped,
    rules: chains.flatMap(({ rules }) => rules),
    keys: chains.flatMap(({ keys }) => keys),
  };
}

function chainFor(
  { family, address, mappings, conditions }: Target,
  prefix: typeof mapped | typeof guarded,
): OwnChain {
  // The more specific first.
  const ordered = [
    ...mappings.filter(({ hostIp }) => hostIp),
    ...mappings.filter((m) => !m.hostIp),
  ];
  const rules = ordered.flatMap((mapping) =>
    conditions.map((condition) => redirectionRule(family, address.ip, mapping, condition)),
  );
  const keys = ordered.map(({ protocol, hostIp, hostPort, containerPort }) => {
    const service = serviceKey(Uint8Array.of(protocols[protocol]), u16be(hostPort));
    const place = { ip: address.ip, port: containerPort };
    return mappingKey(prefix, hostIp, service, place);
  });
  // Of two mappings of one port the first counts, as in a chain of rules.
  return { prefix, rules, keys: keys.reverse() };
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

function masqueradeChain({ family, address }: Target, masqAll: boolean): OwnChain {
  const subnet = siblings.subnetOf(address);
  const toIt = say.is(`${family} daddr`, address.ip);
  const rule = masqAll
    ? [...toIt, say.masquerade]
    : [...toIt, ...say.isIn(`${family} saddr`, subnet), say.masquerade];
  const all = [{ map: hiding, key: address.ip }];
  const some = [{ map: containers, key: address.ip }, siblings.keyOf(subnet, address.ip)];
  return { prefix: mapped, rules: [rule], keys: masqAll ? all : some };
}

// ── keys ──────────────────────────────────────────────────────────────────────────────────────

/** `tcp . 8080`: each part fills a register. */
function serviceKey(protocol: Uint8Array, port: Uint8Array): Uint8Array {
  return concat(protocol, new Uint8Array(3), port, new Uint8Array(2));
}

function mappingKey(
  prefix: string,
  hostIp: Ip | undefined,
  service: Uint8Array,
  { ip, port }: { ip: Ip; port: number },
): MapKey {
  const key = hostIp ? concat(hostIp, service) : service;
  if (prefix === guarded) return { map: hostIp ? guardedAddressed : guardedPorts, key };
  const data = concat(ip, u16be(port), new Uint8Array(2));
  return { map: hostIp ? addressed : ports, key, data };
}

function keysOf(family: IpFamily, { chain = "", expressions = [] }: Rule): MapKey[] {
  const daddr = say.load(`${family} daddr`);
  const place = nat.redirection(expressions);
  if (!place) return masqueradeKeys(expressions, family, daddr);
  const protocol = say.expected(expressions, say.loadMeta("l4proto"));
  const port = say.expected(expressions, say.load("th dport"));
  if (!protocol || !port) return [];
  // Conditions come later, and may be about the same field.
  const hostIp = say.expected(expressions.slice(0, 2), daddr);
  const prefix = chain.startsWith(`${guarded}-`) ? guarded : mapped;
  return [mappingKey(prefix, hostIp, serviceKey(protocol, port), place)];
}

function masqueradeKeys(
  expressions: readonly Expression[],
  family: IpFamily,
  daddr: ExpressionInput,
): MapKey[] {
  const container = say.expected(expressions, daddr);
  if (!container) return [];
  const subnet = say.expectedSubnet(expressions, `${family} saddr`);
  if (!subnet) return [{ map: hiding, key: container }];
  return [{ map: containers, key: container }, siblings.keyOf(subnet, container)];
}

/** What a key of the maps of mappings stands for; undefined for keys of other maps. */
export function serviceOf({ map, key }: MapKey) {
  if (![ports, addressed, guardedPorts, guardedAddressed].includes(map)) return undefined;
  const at = key.length - 8;
  const port = ((key[at + 4] as number) << 8) | (key[at + 5] as number);
  return { protocol: key[at] as number, port, ...(at > 0 && { address: key.slice(0, at) }) };
}
