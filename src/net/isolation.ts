/**
 * Who may reach a container on a bridge, in nf_tables. `attachment-chain.ts` says how it is kept.
 *
 *     table ip cnibox_isolation {
 *       set bridges { type ifname; elements = { "br0" } }
 *       set within { type ifname . ifname; elements = { "br0" . "br0" } }
 *       set isolated { type ipv4_addr; elements = { 10.1.0.2 comment "<hash>, .." } }
 *       chain forward { type filter hook forward ...
 *         iifname . oifname @within ip daddr @isolated drop  # routed back into the bridge
 *         iifname . oifname @within ip saddr @isolated drop
 *         iifname . oifname @within return
 *         iifname @bridges oifname @bridges drop }
 *       chain bridge-br0 { iifname "br0" oifname "br0" }  # whoever is on it has a jump to it
 *       chain policy-<hash> { ip daddr 10.1.0.2 drop; jump bridge-br0 } }
 *     table bridge cnibox_isolation {
 *       set ports { type ifname; elements = { "veth1" comment "<hash>, .." } }
 *       chain forward { type filter hook forward ...; iifname @ports drop; oifname @ports drop } }
 *
 * As in the reference (plugins/meta/firewall/iptables.go), bridges are kept from each other where both
 * have a policy. Differs on purpose: within a bridge frames are dropped by the bridge itself, so it
 * does not depend on br_netfilter; and a container's policy ends with it.
 */
import { concat } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import type { Netns } from "../kernel/netns.ts";
import * as say from "../netlink/nftables/build.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import { type Attachment, hashOf, type ValidAttachment } from "./attachment.ts";
import { collect as collectChains, install, uninstall } from "./attachment-chain.ts";
import { findDamage as chainDamage } from "./attachment-chain-check.ts";
import type { Feature, Group, MapKey, OwnChain, Part } from "./chain-feature.ts";
import { familyOf, type IpFamily } from "./firewall-forward.ts";
import { isolationNames } from "./isolation-names.ts";

const { table, prefix } = isolationNames;
const comment = "cnibox: which containers are kept from each other";
const [bridges, within, isolated, ports] = ["bridges", "within", "isolated", "ports"] as const;

/** Before NF_IP_PRI_FILTER and NF_BR_PRI_FILTER_BRIDGED. */
const hook = {
  type: "filter",
  hook: { number: "forward", priority: -300 },
  policy: "accept",
} as const;
const drop = say.verdict("drop");

function routed(family: IpFamily): Feature {
  const saddr = `${family} saddr` as const;
  const daddr = `${family} daddr` as const;
  const inBridge = [...loadInterfaces(), lookUp(within)];
  return {
    family,
    table,
    comment,
    prefixes: [prefix],
    hasGroups: true,
    maps: [
      { name: bridges, key: ["interfaceName"], isSet: true },
      { name: within, key: ["interfaceName", "interfaceName"], isSet: true },
      { name: isolated, key: [family === "ip" ? "ipv4Address" : "ipv6Address"], isSet: true },
    ],
    hooks: [
      {
        name: "forward",
        base: hook,
        rules: [
          [...inBridge, ...nat.isAmong(daddr, isolated), drop],
          [...inBridge, ...nat.isAmong(saddr, isolated), drop],
          [...inBridge, say.verdict("return")],
          [
            ...[say.loadMeta("iifname"), lookUp(bridges)],
            ...[say.loadMeta("oifname"), lookUp(bridges)],
            drop,
          ],
        ],
      },
    ],
    keysOf: (rule) => keysOf(family, rule),
  };
}

const bridged: Feature = {
  family: "bridge",
  table,
  comment,
  prefixes: [prefix],
  maps: [{ name: ports, key: ["interfaceName"], isSet: true }],
  hooks: [
    {
      name: "forward",
      base: hook,
      rules: (["iifname", "oifname"] as const).map((key) => [
        say.loadMeta(key),
        lookUp(ports),
        drop,
      ]),
    },
  ],
  keysOf({ expressions }) {
    const key = say.expected(expressions, say.loadMeta("iifname"));
    return key ? [{ map: ports, key }] : [];
  },
};

const ip = routed("ip");
const ip6 = routed("ip6");
const features: readonly Feature[] = [ip, ip6, bridged];

function loadInterfaces(): ExpressionInput[] {
  return [say.loadMeta("iifname"), say.loadMeta("oifname", 2)];
}

function lookUp(set: string): ExpressionInput {
  return { kind: "lookup", data: { set, from: 1 } };
}

function keysOf(family: IpFamily, { expressions }: Rule): MapKey[] {
  const address = say.expected(expressions, say.load(`${family} daddr`));
  if (address) return [{ map: isolated, key: address }];
  const bridge = say.expected(expressions, say.loadMeta("iifname"));
  return bridge ? bridgeKeys(bridge) : [];
}

function bridgeKeys(name: Uint8Array): MapKey[] {
  return [
    { map: bridges, key: name },
    { map: within, key: concat(name, name) },
  ];
}

function groupOf(bridge: string): Group {
  const name = `bridge-${/^[\w.-]+$/.test(bridge) ? bridge : hashOf(bridge)}`;
  const [from, to] = (["iifname", "oifname"] as const).map((key) => say.isInterface(key, bridge));
  const rule = [...(from ?? []), ...(to ?? [])];
  return { name, rule, keys: bridgeKeys(say.interfaceKey(bridge)) };
}

/** What an attachment's policy is about. */
export interface Isolation {
  ips: readonly Ip[];
  /** The host interface that the container is behind. */
  bridge: string;
  /** Whether those on the same bridge may not reach it either. */
  isolated: boolean;
  /** The container's ports of the bridge. */
  ports: readonly string[];
}

/** What is to keep others from the container; nothing, in place of what was there. */
export interface WantedIsolation {
  /** Other bridges. */
  routed: Isolation | undefined;
  /** Other ports of the bridge. */
  bridged: Isolation | undefined;
}

/** Keeps them from it. Safe to repeat: what the attachment had before is replaced. */
export function setup(host: Netns, attachment: Attachment, wanted: WantedIsolation): void {
  install(host, attachment, parts(wanted));
}

/** What is missing or otherwise than `setup` made it; undefined if nothing is. */
export function findDamage(
  host: Netns,
  attachment: Attachment,
  wanted: WantedIsolation,
): string | undefined {
  const some = parts(wanted).filter(({ chains }) => chains.length > 0);
  return chainDamage(host, attachment, some);
}

/** Removes what `setup` made. */
export function remove(host: Netns, attachment: Attachment): void {
  uninstall(host, features, attachment);
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function collect(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  collectChains(host, features, network, valid);
}

function parts({ routed, bridged: ports }: WantedIsolation): Part[] {
  return [
    { feature: ip, chains: routedChains("ip", routed) },
    { feature: ip6, chains: routedChains("ip6", routed) },
    { feature: bridged, chains: bridgedChains(ports) },
  ];
}

function routedChains(family: IpFamily, asked: Isolation | undefined): OwnChain[] {
  if (!asked) return [];
  const mine = asked.ips.filter((each) => familyOf(each) === family);
  // Whose address comes later, as by DHCP, may use any family.
  if (mine.length === 0 && asked.ips.length > 0) return [];
  const apart = asked.isolated ? mine : [];
  const rules = apart.map((each) => [...say.is(`${family} daddr`, each), drop]);
  const keys = apart.map((key) => ({ map: isolated, key }));
  return [{ prefix, rules, keys, groups: [groupOf(asked.bridge)] }];
}

function bridgedChains(asked: Isolation | undefined): OwnChain[] {
  const mine = asked?.isolated ? asked.ports : [];
  const rules = mine.map((port) => [...say.isInterface("iifname", port), drop]);
  const keys = mine.map((port) => ({ map: ports, key: say.interfaceKey(port) }));
  return mine.length > 0 ? [{ prefix, rules, keys }] : [];
}
