/**
 * Port mappings in nf_tables: what the rules say. `attachment-chain.ts` says where they stand.
 *
 *     table ip cnibox_portmap {
 *       map ports { type inet_proto . inet_service : verdict; elements = { tcp . 8080 : jump dnat-.. } }
 *       map addressed { type ipv4_addr . inet_proto . inet_service : verdict }
 *       map containers { type ipv4_addr : verdict; elements = { 10.1.0.2 : jump snat-.. } }
 *     }
 *
 * - Only what is addressed to the host itself is looked up at all, so a packet to another container's
 *   port 8080 stays as it is (CVE-2025-67499); a mapping with a host address comes before one without.
 * - We come after what others redirect: rules about one service are more specific than "any address of
 *   the host" (CVE-2019-9946). Among chains of one priority the kernel asks the newest first.
 * - Whoever begins a connection in the container's subnet gets the answer by the way that it went,
 *   since it is masqueraded; so does this host where it spoke from a loopback address.
 */
import { concat, u16be } from "../addr/bytes.ts";
import { type Cidr, network, parseCidr } from "../addr/cidr.ts";
import type { Ip } from "../addr/ip.ts";
import * as say from "../netlink/nftables/build.ts";
import * as match from "../netlink/nftables/build-match.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import { protocols } from "./conditions.ts";
import type { Feature, MapKey, OwnChain, Part } from "./feature.ts";
import type { Mapping, Plan, Target } from "./portmap-plan.ts";

const table = "cnibox_portmap";
const comment = "cnibox: port mappings of containers";
const toContainer = "dnat";
const toSelf = "snat";
const ports = "ports";
const addressed = "addressed";
const containers = "containers";

/** After NF_IP_PRI_NAT_DST (-100), where others redirect single services. */
const destinationNat = -90;
/** Before NF_IP_PRI_NAT_SRC (100): what masquerades by subnet would leave this alone. */
const sourceNat = 90;

const loopback = parseCidr("127.0.0.0/8");
/**
 * The kernel lets no answer from another link back to it. Refused at once, a client goes on to
 * 127.0.0.1; redirected, it would wait in vain.
 */
export const loopback6: Ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

type IpFamily = "ip" | "ip6";

function natHook(number: "prerouting" | "output" | "postrouting", priority: number) {
  return { type: "nat", hook: { number, priority }, policy: "accept" } as const;
}

function feature(family: IpFamily): Feature {
  const daddr = `${family} daddr` as const;
  const redirecting = [
    ...(family === "ip6" ? [[...say.is(daddr, loopback6), say.verdict("return")]] : []),
    [...nat.toHost("neq"), say.verdict("return")],
    [...nat.loadService(daddr), say.goBy(addressed)],
    [...nat.loadService(), say.goBy(ports)],
  ];
  const address = family === "ip" ? "ipv4Address" : "ipv6Address";
  return {
    family,
    table,
    comment,
    prefixes: [toContainer, toSelf],
    maps: [
      { name: ports, key: ["protocol", "port"] },
      { name: addressed, key: [address, "protocol", "port"] },
      { name: containers, key: [address] },
    ],
    hooks: [
      { name: "prerouting", base: natHook("prerouting", destinationNat), rules: redirecting },
      { name: "output", base: natHook("output", destinationNat), rules: redirecting },
      {
        name: "postrouting",
        base: natHook("postrouting", sourceNat),
        rules: [
          [...nat.wasRedirected("eq"), say.verdict("return")],
          [say.load(daddr), say.goBy(containers)],
        ],
      },
      ...(family === "ip" ? [guard] : []),
    ],
    keysOf: (rule) => keysOf(family, rule),
  };
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

const ip = feature("ip");
const ip6 = feature("ip6");
export const features: readonly Feature[] = [ip, ip6];

/** What the plan needs in each family. */
export function parts({ targets, snat, masqAll }: Plan): Part[] {
  return targets.map((target) => {
    const { family } = target;
    const chains = [dnatChain(family, target)];
    if (snat) chains.push(snatChain(family, target.address, masqAll));
    return { feature: family === "ip" ? ip : ip6, chains };
  });
}

function dnatChain(family: IpFamily, { address, mappings, conditions }: Target): OwnChain {
  // The more specific first.
  const ordered = [
    ...mappings.filter(({ hostIp }) => hostIp),
    ...mappings.filter((m) => !m.hostIp),
  ];
  const rules = ordered.flatMap((mapping) =>
    conditions.map((condition) => dnatRule(family, address.ip, mapping, condition)),
  );
  return { prefix: toContainer, rules, keys: mappings.map(keyOf) };
}

function dnatRule(
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

/** Only connections that were redirected come here. */
function snatChain(family: IpFamily, address: Cidr, masqAll: boolean): OwnChain {
  const toIt = [...say.is(`${family} daddr`, address.ip), say.masquerade];
  const sources = [network(address), ...(family === "ip" ? [loopback] : [])];
  const rules = masqAll
    ? [toIt]
    : sources.map((source) => [...say.isIn(`${family} saddr`, source), ...toIt]);
  return { prefix: toSelf, rules, keys: [{ map: containers, key: address.ip }] };
}

function keyOf({ protocol, hostIp, hostPort }: Mapping): MapKey {
  const number = protocols[protocol];
  const service = concat(Uint8Array.of(number, 0, 0, 0), u16be(hostPort), new Uint8Array(2));
  return hostIp ? { map: addressed, key: concat(hostIp, service) } : { map: ports, key: service };
}

function keysOf(family: IpFamily, { expressions }: Rule): MapKey[] {
  const daddr = say.load(`${family} daddr`);
  if (!nat.redirection(expressions)) {
    const container = say.expected(expressions, daddr);
    return container ? [{ map: containers, key: container }] : [];
  }
  const number = say.expected(expressions, say.loadMeta("l4proto"));
  const port = say.expected(expressions, say.load("th dport"));
  if (!number || !port) return [];
  const service = concat(number, new Uint8Array(3), port, new Uint8Array(2));
  // Conditions come later, and may be about the same field.
  const hostIp = say.expected(expressions?.slice(0, 2), daddr);
  return [hostIp ? { map: addressed, key: concat(hostIp, service) } : { map: ports, key: service }];
}

/** What a key of the maps of mappings stands for; undefined for keys of other maps. */
export function serviceOf({ map, key }: MapKey) {
  if (map !== ports && map !== addressed) return undefined;
  const at = key.length - 8;
  const port = ((key[at + 4] as number) << 8) | (key[at + 5] as number);
  return { protocol: key[at] as number, port, ...(at > 0 && { address: key.slice(0, at) }) };
}
