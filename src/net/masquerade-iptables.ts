/** Masquerade by the program `iptables`, in the words of pkg/ip/ipmasq_iptables_linux.go. */
import { type Cidr, formatCidr } from "../addr/cidr.ts";
import { formatIp } from "../addr/ip.ts";
import {
  type Attachment,
  iptablesChain,
  iptablesComment,
  isStaleJump,
  type ValidAttachment,
} from "./attachment.ts";
import { Iptables } from "./iptables.ts";
import { type IpFamily, legacyFamilies } from "./iptables-legacy.ts";

const table = "nat";
const postrouting = "POSTROUTING";
const multicast = { ip: "224.0.0.0/4", ip6: "ff00::/8" } as const;

/** Whether there are programs for all families of the addresses. */
export function isAvailable(addresses: readonly Cidr[]): boolean {
  return addresses.every((address) => Iptables.find(familyOf(address), table));
}

/** Safe to repeat. Throws an Error with what iptables said. */
export function setup(attachment: Attachment, addresses: readonly Cidr[]): void {
  const chain = iptablesChain(attachment);
  const comment = ["-m", "comment", "--comment", iptablesComment(attachment)];
  for (const address of addresses) {
    const family = familyOf(address);
    const iptables = Iptables.find(family, table);
    if (!iptables) throw new Error(`Cannot set up masquerade: ${family}tables is not in PATH`);
    iptables.ensureChain(chain);
    iptables.appendUnique(chain, "-d", formatCidr(address), "-j", "ACCEPT", ...comment);
    iptables.appendUnique(chain, "!", "-d", multicast[family], "-j", "MASQUERADE", ...comment);
    iptables.appendUnique(postrouting, "-s", formatIp(address.ip), "-j", chain, ...comment);
  }
}

/**
 * Removes what is left in tables of the old iptables. Runs a program only where the kernel has such
 * a table.
 *
 * @param addresses narrows it to these, as interfaces of one container share a chain in a network
 */
export function teardownLegacy(attachment: Attachment, addresses?: readonly Cidr[]): void {
  const chain = iptablesChain(attachment);
  for (const iptables of legacyTables()) {
    if (!iptables.hasChain(chain)) continue;
    const jumps = iptables.list(postrouting).filter((rule) => optionOf(rule, "-j") === chain);
    const going = jumps.filter((rule) => isFrom(rule, addresses));
    for (const [, , ...rule] of going) iptables.delete(postrouting, ...rule);
    if (going.length === jumps.length) iptables.deleteChain(chain);
  }
}

/** As `teardownLegacy`, for all containers of a network that have no valid attachment in it. */
export function collectLegacy(network: string, valid: readonly ValidAttachment[]): void {
  for (const iptables of legacyTables()) {
    const stale = new Set<string>();
    for (const [, , ...rule] of iptables.list(postrouting)) {
      const chain = optionOf(rule, "-j");
      const comment = optionOf(rule, "--comment") ?? "";
      if (chain === undefined || !isStaleJump({ chain, comment }, network, valid)) continue;
      iptables.delete(postrouting, ...rule);
      stale.add(chain);
    }
    for (const chain of stale) iptables.deleteChain(chain);
  }
}

/** The tables that the kernel has of the old iptables, and the programs for them. */
function legacyTables(): Iptables[] {
  return legacyFamilies(table).flatMap((family) => Iptables.findLegacy(family, table) ?? []);
}

function isFrom(rule: readonly string[], addresses: readonly Cidr[] | undefined): boolean {
  const [ip] = (optionOf(rule, "-s") ?? "").split("/");
  return !addresses || addresses.some((address) => formatIp(address.ip) === ip);
}

function optionOf(rule: readonly string[], option: string): string | undefined {
  const at = rule.indexOf(option);
  return at < 0 ? undefined : rule[at + 1];
}

function familyOf({ ip }: Cidr): IpFamily {
  return ip.length === 4 ? "ip" : "ip6";
}
