/** Port mappings by the program `iptables`, in the words of portmap_iptables.go of the reference. */

import { utf8Length } from "../addr/bytes.ts";
import { formatCidr } from "../addr/cidr.ts";
import { formatIp } from "../addr/ip.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import type { IpFamily } from "./conditions.ts";
import { Iptables } from "./iptables.ts";
import { legacyFamilies } from "./iptables-legacy.ts";
import { chainOf, dnatChain, isStale, natTable, oldSnatChain } from "./portmap-iptables-names.ts";
import type { FamilyMappings, Mapping, PortmapConfig } from "./portmap-plan.ts";
import { iptablesConditions } from "./portmap-plan.ts";

const setMarkChain = "CNI-HOSTPORT-SETMARK";
const masqueradeChain = "CNI-HOSTPORT-MASQ";

const defaultMarkBit = 13;
/** What the extension multiport takes. */
const maxPorts = 15;
/** XT_MAX_COMMENT_LEN of include/uapi/linux/netfilter/xt_comment.h, less the NUL. */
const maxComment = 255;

/** Says whose a rule in the shared chain is; GC reads it. */
function commentOf({ network, containerId }: Attachment): string {
  const comment = `dnat name: "${network}" id: "${containerId}"`;
  if (utf8Length(comment) <= maxComment) return comment;
  let text = comment.slice(0, maxComment - 3);
  while (utf8Length(text) > maxComment - 3) text = text.slice(0, -1);
  return `${text}...`;
}

/** The rules of the container's own chain, and those that lead to it. */
function rulesFor(
  config: PortmapConfig,
  attachment: Attachment,
  families: FamilyMappings,
  all: readonly Mapping[],
): { own: string[][]; entries: string[][] } {
  const { family } = families;
  const conditions = iptablesConditions(config, family);
  const own = families.mappings.flatMap((mapping) => rulesOf(config, families, mapping));
  // As in the reference, also of mappings that the other family is meant for.
  const entries = [...new Set(all.map(({ protocol }) => protocol))].sort().flatMap((protocol) => {
    const ports = all.filter((each) => each.protocol === protocol).map((each) => each.hostPort);
    return chunks(ports).map((some) => [
      ...["-m", "comment", "--comment", commentOf(attachment)],
      ...["-m", "multiport", "-p", protocol, "--destination-ports", some.join(",")],
      ...[...conditions, "-j", chainOf("DN", attachment)],
    ]);
  });
  return { own, entries };
}

function rulesOf(
  { snat, masqAll, externalSetMarkChain = setMarkChain }: PortmapConfig,
  { family, address }: FamilyMappings,
  { protocol, hostPort, hostIp, containerPort }: Mapping,
): string[][] {
  const service = ["-p", protocol, "--dport", String(hostPort)];
  if (hostIp) service.push("-d", formatIp(hostIp));
  const ip = family === "ip" ? formatIp(address.ip) : `[${formatIp(address.ip)}]`;
  const rules: string[][] = [];
  if (snat) {
    const any = family === "ip" ? "0.0.0.0/0" : "::/0";
    const sources = masqAll ? [any] : [formatCidr(address)];
    if (family === "ip" && !masqAll) sources.push("127.0.0.1");
    for (const source of sources)
      rules.push([...service, "-s", source, "-j", externalSetMarkChain]);
  }
  rules.push([...service, "-j", "DNAT", "--to-destination", `${ip}:${containerPort}`]);
  return rules;
}

function chunks(ports: readonly number[]): number[][] {
  const lists: number[][] = [];
  for (let at = 0; at < ports.length; at += maxPorts) lists.push(ports.slice(at, at + maxPorts));
  return lists;
}

/** Whether there is a program for each of the families. */
export function isAvailable(families: readonly IpFamily[]): boolean {
  return families.every((family) => Iptables.find(family, natTable));
}

function open(family: IpFamily): Iptables {
  const iptables = Iptables.find(family, natTable);
  if (iptables) return iptables;
  const program = family === "ip" ? "iptables" : "ip6tables";
  throw new Error(`Cannot map ports: ${program} is not in PATH`);
}

/**
 * Maps the ports of one family. Safe to repeat: the container's chain is filled anew.
 * @param all the mappings of both families
 * @throws Error with what iptables said
 */
export function setup(
  config: PortmapConfig,
  attachment: Attachment,
  families: FamilyMappings,
  all: readonly Mapping[],
): void {
  const iptables = open(families.family);
  if (config.snat && config.externalSetMarkChain === undefined) setupMasquerade(iptables, config);
  iptables.ensureChain(dnatChain);
  for (const from of ["PREROUTING", "OUTPUT"]) {
    iptables.appendUnique(from, "-m", "addrtype", "--dst-type", "LOCAL", "-j", dnatChain);
  }
  const chain = chainOf("DN", attachment);
  const { own, entries } = rulesFor(config, attachment, families, all);
  iptables.ensureChain(chain);
  iptables.flushChain(chain);
  for (const rule of own) iptables.append(chain, ...rule);
  // Who maps a port last has it: whoever had it before may be gone.
  for (const rule of [...entries].reverse()) iptables.insertUnique(dnatChain, ...rule);
}

function setupMasquerade(iptables: Iptables, { markMasqBit = defaultMarkBit }: PortmapConfig) {
  const bit = `0x${(2 ** markMasqBit).toString(16)}`;
  const mark = `${bit}/${bit}`;
  const comment = (text: string) => ["-m", "comment", "--comment", text];
  iptables.ensureChain(setMarkChain);
  iptables.appendUnique(
    setMarkChain,
    ...comment("CNI portfwd masquerade mark"),
    ...["-j", "MARK", "--set-xmark", mark],
  );
  iptables.ensureChain(masqueradeChain);
  iptables.appendUnique(masqueradeChain, "-m", "mark", "--mark", mark, "-j", "MASQUERADE");
  // Before what ptp and bridge put there for ipMasq.
  iptables.insertUnique(
    "POSTROUTING",
    ...comment("CNI portfwd requiring masquerade"),
    ...["-j", masqueradeChain],
  );
}

/** What is missing of what `setup` made; undefined if nothing is. */
export function findDamage(
  config: PortmapConfig,
  attachment: Attachment,
  families: FamilyMappings,
  all: readonly Mapping[],
): string | undefined {
  const iptables = open(families.family);
  const chain = chainOf("DN", attachment);
  if (!iptables.hasChain(chain)) return `there is no chain ${chain}`;
  const { own, entries } = rulesFor(config, attachment, families, all);
  const expected = [
    ...own.map((rule) => [chain, ...rule] as const),
    ...entries.map((rule) => [dnatChain, ...rule] as const),
  ];
  const missing = expected.find(([from, ...rule]) => !iptables.hasRule(from, ...rule));
  return missing && `there is no rule ${missing.join(" ")}`;
}

// ── tables of the old iptables, which nf_tables does not show ─────────────────────────────────

/** Removes the attachment's chains. Runs a program only where the kernel has such a table. */
export function teardownLegacy(attachment: Attachment): boolean {
  const pairs = [
    [chainOf("DN", attachment), dnatChain],
    [chainOf("SN", attachment), oldSnatChain],
  ] as const;
  let found = false;
  for (const iptables of legacyTables()) {
    for (const [chain, from] of pairs) {
      if (!iptables.hasChain(chain)) continue;
      found = true;
      removeChain(iptables, chain, from);
    }
  }
  return found;
}

function removeChain(iptables: Iptables, chain: string, from: string): void {
  const jumps = iptables.hasChain(from) ? iptables.list(from) : [];
  for (const [, , ...rule] of jumps) {
    if (rule[rule.indexOf("-j") + 1] === chain) iptables.delete(from, ...rule);
  }
  iptables.deleteChain(chain);
}

/** Removes the chains of containers of `network` that have no valid attachment in it. */
export function collectLegacy(network: string, valid: readonly ValidAttachment[]): void {
  for (const iptables of legacyTables()) {
    if (!iptables.hasChain(dnatChain)) continue;
    const jumps = iptables.list(dnatChain).map((rule) => ({
      chain: rule[rule.indexOf("-j") + 1],
      comment: rule[rule.indexOf("--comment") + 1] ?? "",
    }));
    const stale = jumps.filter((jump) => isStale(jump, network, valid));
    for (const chain of new Set(stale.map((jump) => jump.chain as string))) {
      removeChain(iptables, chain, dnatChain);
    }
  }
}

function legacyTables(): Iptables[] {
  return legacyFamilies(natTable).flatMap((family) => Iptables.findLegacy(family, natTable) ?? []);
}
