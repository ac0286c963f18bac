/**
 * Port mappings in nf_tables: what the sets and the rules say. `attachment-set.ts` says how they are kept.
 *
 *     table ip cnibox_portmap {
 *       map owners { type ipv6_addr : inet_proto . inet_service . ipv4_addr ... }
 *       map ports { type inet_proto . inet_service : ipv4_addr . inet_service;
 *         elements = { tcp . 8080 comment ".." : 10.1.0.2 . 80 } }
 *       map addressed { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
 *       set containers { type ipv4_addr; elements = { 10.1.0.2 } }
 *       set siblings16 { type ipv4_addr . ipv4_addr; elements = { 10.1.0.0 . 10.1.0.2 } }
 *       ...
 *     }
 *
 * - Only what is addressed to the host itself is looked up at all, so a packet to another container's
 *   port 8080 stays as it is (CVE-2025-67499); a mapping with a host address comes before one without.
 * - We come after what others redirect: rules about one service are more specific than "any address of
 *   the host" (CVE-2019-9946). Among chains of one priority the kernel asks the newest first.
 * - Who asks from the container's subnet, or from a loopback address of the host, is masqueraded.
 * - Mappings with conditions need rules of their own: `portmap-guarded.ts`.
 */
import { concat, toHex, u16be } from "../addr/bytes.ts";
import { parseCidr } from "../addr/cidr.ts";
import { type Ip, isUnspecified } from "../addr/ip.ts";
import { askChain, type Question } from "../kernel/nft.ts";
import * as say from "../netlink/nftables/build.ts";
import * as match from "../netlink/nftables/build-match.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { Attachment } from "./attachment.ts";
import { chainName } from "./chain-feature.ts";
import { type IpFamily, protocols } from "./conditions.ts";
import type { LostService } from "./portmap-connections.ts";
import type { Mapping, Plan, Target } from "./portmap-plan.ts";
import * as siblings from "./portmap-siblings.ts";
import type {
  Entry,
  Owned,
  Place,
  RuleMaker,
  SetDescription,
  SetFeature,
  SetHook,
  SetRule,
  Wanted,
} from "./set-feature.ts";

/** From a service to where it is redirected. */
const ports = "ports";
const addressed = "addressed";
/** Containers for which to masquerade the host itself, and everybody. */
const containers = "containers";
const hiding = "hiding";

/**
 * After NF_IP_PRI_NAT_DST (-100), where others redirect single services. Before each of these comes what
 * has conditions.
 */
export const priorities = { addressed: -91, ports: -89 } as const;
/** Before NF_IP_PRI_NAT_SRC (100), where others masquerade by subnet. */
const sourceNat = 90;

const loopback = parseCidr("127.0.0.0/8");
/**
 * The kernel lets no answer from another link back to it. Refused at once, a client goes on to
 * 127.0.0.1; redirected, it would wait in vain.
 */
export const loopback6: Ip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** A base chain of the NAT of packets. */
export function natHook(number: "prerouting" | "output" | "postrouting", priority: number) {
  return { type: "nat", hook: { number, priority }, policy: "accept" } as const;
}

/** Leaves alone what is not addressed to the host, or cannot be redirected. */
export function onlyToHost(family: IpFamily): RuleMaker[] {
  const toHost = () => [...nat.toHost("neq"), say.verdict("return")];
  const toLoopback = () => [...say.is("ip6 daddr", loopback6), say.verdict("return")];
  return family === "ip6" ? [toLoopback, toHost] : [toHost];
}

/** In the place of a subnet's length: everybody. */
const everybody = 0xffff;

/**
 * An entry is a service and an address: what is mapped, and the host's address, if it is of one only;
 * or, without a protocol, a container to masquerade for, and the length of its subnet in place of a port.
 */
function feature(family: IpFamily): SetFeature {
  const address = family === "ip" ? "ipv4Address" : "ipv6Address";
  return {
    family,
    table: "cnibox_portmap",
    comment: "cnibox: port mappings of containers",
    hooks: [
      ...redirectingHooks(family, addressed),
      ...redirectingHooks(family, ports),
      {
        name: "postrouting",
        base: natHook("postrouting", sourceNat),
        rules: [() => [...nat.wasRedirected("eq"), say.verdict("return")]],
      },
      ...(family === "ip" ? [guard] : []),
    ],
    entry: ["protocol", "port", address],
    elementsOf,
    describe: (set) => describe(family, address, set),
  };
}

function redirectingHooks(family: IpFamily, set: typeof addressed | typeof ports): SetHook[] {
  return (["prerouting", "output"] as const).map((number) => ({
    name: hookName(number, set),
    base: natHook(number, priorities[set]),
    rules: onlyToHost(family),
  }));
}

function hookName(number: "prerouting" | "output", set: typeof addressed | typeof ports): string {
  return set === ports ? number : `${number}_${set}`;
}

function describe(
  family: IpFamily,
  address: "ipv4Address" | "ipv6Address",
  set: string,
): SetDescription | undefined {
  const daddr = `${family} daddr` as const;
  const place = [address, "port"] as const;
  const redirecting = (name: typeof addressed | typeof ports, load: RuleMaker): SetRule[] =>
    (["prerouting", "output"] as const).map((number) => ({
      hook: hookName(number, name),
      make: () => [...load(), ...nat.redirectBy(name, family)],
    }));
  const masquerading = (test: RuleMaker): SetRule[] => [
    { hook: "postrouting", make: () => [...test(), say.masquerade] },
  ];
  switch (set) {
    case ports:
      return {
        key: ["protocol", "port"],
        data: place,
        rules: redirecting(ports, () => nat.loadService()),
      };
    case addressed:
      return {
        key: [address, "protocol", "port"],
        data: place,
        rules: redirecting(addressed, () => nat.loadService(daddr)),
      };
    case hiding:
      return { key: [address], rules: masquerading(() => nat.isAmong(daddr, hiding)) };
    case containers: {
      const fromLoopback = () => [
        ...say.isIn("ip saddr", loopback),
        ...nat.isAmong(daddr, containers),
      ];
      return { key: [address], rules: masquerading(fromLoopback) };
    }
    default: {
      const test = siblings.testOf(family, set);
      return test && { key: [address, address], rules: masquerading(test) };
    }
  }
}

/**
 * `route_localnet`, without which no answer gets back to 127.0.0.1, opens the host's loopback
 * addresses to whoever is on the container's link (as CVE-2020-8558). This closes them again, but for
 * answers.
 */
const guard: SetHook = {
  name: "input",
  base: { type: "filter", hook: { number: "input", priority: 0 }, policy: "accept" },
  isAlways: true,
  rules: [
    () => [
      ...match.interfaceNamed("iifname", "lo")("neq"),
      ...say.isIn("ip daddr", loopback),
      ...nat.wasRedirected("eq"),
      say.verdict("drop"),
    ],
  ],
};

const ip = feature("ip");
const ip6 = feature("ip6");
export const features: readonly SetFeature[] = [ip, ip6];

// ── entries ───────────────────────────────────────────────────────────────────────────────────

/** What the plan needs in each family, but for what has conditions. */
export function entriesOf({ targets, snat, masqAll }: Plan): Wanted[] {
  return targets.map((target) => {
    const mapped = isConditional(target)
      ? []
      : target.mappings.map((each) => mapping(target, each));
    const masqueraded = snat ? [masquerade(target, masqAll)] : [];
    // Of two mappings of one port the first counts, as in a chain of rules.
    const all = [...masqueraded, ...mapped].reverse();
    const distinct = new Map(all.map((entry) => [toHex(entry.value), entry]));
    return { feature: target.family === "ip" ? ip : ip6, entries: [...distinct.values()] };
  });
}

function mapping(
  { address: { ip } }: Target,
  { protocol, hostIp, hostPort, containerPort }: Mapping,
): Entry {
  return {
    value: concat(
      serviceKey(protocols[protocol], hostPort),
      hostIp ?? new Uint8Array(ip.length), // which is no host's
    ),
    data: concat(ip, u16be(containerPort), new Uint8Array(2)),
  };
}

function masquerade({ address: { ip, prefixLength } }: Target, masqAll: boolean): Entry {
  return { value: concat(serviceKey(0, masqAll ? everybody : prefixLength), ip) };
}

/** `tcp . 8080`: each part fills a register. */
export function serviceKey(protocol: number, port: number): Uint8Array {
  return concat(Uint8Array.of(protocol, 0, 0, 0), u16be(port), new Uint8Array(2));
}

function read(entry: Uint8Array) {
  return {
    protocol: entry[0] as number,
    port: ((entry[4] as number) << 8) | (entry[5] as number),
    address: entry.subarray(8),
  };
}

function elementsOf(entry: Uint8Array): Place[] {
  const { protocol, port, address } = read(entry);
  if (protocol !== 0) {
    const service = entry.subarray(0, 8);
    return isUnspecified(address)
      ? [{ set: ports, key: service }]
      : [{ set: addressed, key: concat(address, service) }];
  }
  if (port === everybody) return [{ set: hiding, key: address }];
  const sibling = siblings.placeOf({ ip: address, prefixLength: port });
  return address.length === 4 ? [{ set: containers, key: address }, sibling] : [sibling];
}

/** The ports of the host that entries are about. */
export function servicesOf(owned: readonly Owned[]): LostService[] {
  return owned.flatMap(({ feature, entry }) => {
    const { protocol, port, address } = read(entry);
    if (protocol === 0) return []; // which says whom to masquerade for
    const family = feature === ip ? "ip" : "ip6";
    return [{ family, protocol, port, ...(!isUnspecified(address) && { address }) }];
  });
}

// ── what has conditions ───────────────────────────────────────────────────────────────────────

/** Whether a packet must pass tests before it is redirected. */
export function isConditional({ conditions }: Target): boolean {
  return conditions.length !== 1 || conditions[0]?.length !== 0;
}

/** Of `portmap-guarded.ts`: the table, and how the names of chains start. */
export const guarded = { table: "cnibox_portmap_guarded", prefix: "guarded" } as const;

/** Whether the attachment has something there, which hardly any has. */
export function askGuarded(attachment: Attachment): Question<Chain>[] {
  const { table, prefix } = guarded;
  return features.map(({ family }) => askChain({ family, table }, chainName(prefix, attachment)));
}
