/**
 * The firewall by the program `iptables`, in the words of plugins/meta/firewall/iptables.go.
 *
 * Differs on purpose: `ip6tables` is only needed for addresses of IPv6; what isolates stays before
 * what accepts; a bridge that is isolated no more loses the rule that did it.
 */
import { formatIp, type Ip } from "../addr/ip.ts";
import {
  acceptChain,
  adminComment,
  familyOf,
  filterTable,
  forwardChain,
  type IpFamily,
  isolationChain,
  jumpComment,
} from "./firewall-forward.ts";
import { Iptables } from "./iptables.ts";
import { hasLegacyTable } from "./iptables-legacy.ts";

const secondStage = "CNI-ISOLATION-STAGE-2";

/** What the rules are about. */
export interface IptablesAsked {
  ips: readonly Ip[];
  /** The chain for the operator's rules. */
  admin: string;
  /** The policy, and the bridge that has it; none where all is open. */
  isolation?: { bridge: string; isolated: boolean } | undefined;
}

interface Placed {
  chain: string;
  rule: readonly string[];
}

const families = ["ip", "ip6"] as const;

/** The families that have addresses, with these. */
function each(ips: readonly Ip[]): { family: IpFamily; mine: readonly Ip[] }[] {
  const all = families.map((family) => ({
    family,
    mine: ips.filter((ip) => familyOf(ip) === family),
  }));
  return all.filter(({ mine }) => mine.length > 0);
}

/** Which of the programs for these families is missing; undefined if none is. */
export function missingProgram(ips: readonly Ip[]): string | undefined {
  const lacking = each(ips).find(({ family }) => !Iptables.find(family, filterTable));
  return lacking && `${lacking.family}tables`;
}

function open(family: IpFamily): Iptables {
  const iptables = Iptables.find(family, filterTable);
  if (iptables) return iptables;
  throw new Error(`Cannot set up the firewall: ${family}tables is not in PATH`);
}

/** Safe to repeat. Throws an Error with what iptables said. */
export function setup({ ips, admin, isolation }: IptablesAsked): void {
  for (const { family, mine } of each(ips)) {
    const iptables = open(family);
    iptables.ensureChain(acceptChain);
    iptables.ensureChain(admin);
    iptables.insertUnique(forwardChain, ...entry);
    iptables.insertUnique(acceptChain, ...override(admin));
    for (const ip of mine) {
      for (const rule of rulesFor(ip)) iptables.appendUnique(acceptChain, ...rule);
    }
    if (isolation) isolate(iptables, isolation.bridge, isolation.isolated);
  }
}

const entry = [...comment(jumpComment), "-j", acceptChain];

function override(admin: string): string[] {
  return [...comment(adminComment), "-j", admin];
}

function comment(text: string): string[] {
  return ["-m", "comment", "--comment", text];
}

function rulesFor(ip: Ip): string[][] {
  const address = `${formatIp(ip)}/${ip.length * 8}`;
  const answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"];
  return [
    ["-d", address, ...answers, "-j", "ACCEPT"],
    ["-s", address, "-j", "ACCEPT"],
  ];
}

// ── isolation ─────────────────────────────────────────────────────────────────────────────────

function policyComment(policy: string): string[] {
  return comment(`${jumpComment} (ingressPolicy: ${policy})`);
}

const both = policyComment("same-bridge|isolated");
const toIsolation = ["-j", isolationChain, ...both];

function fromBridge(bridge: string, policy: string): string[] {
  return ["-i", bridge, "!", "-o", bridge, "-j", secondStage, ...policyComment(policy)];
}

function withinBridge(bridge: string): string[] {
  return ["-i", bridge, "-o", bridge, "-j", "DROP", ...policyComment("isolated")];
}

function toBridge(bridge: string): string[] {
  return ["-o", bridge, "-j", "DROP", ...both];
}

const goOn = ["-j", "RETURN", ...both];

function isolate(iptables: Iptables, bridge: string, isolated: boolean): void {
  iptables.ensureChain(isolationChain);
  iptables.ensureChain(secondStage);
  enterFirst(iptables);
  iptables.insertUnique(
    isolationChain,
    ...fromBridge(bridge, isolated ? "isolated" : "same-bridge"),
  );
  if (isolated) iptables.insertUnique(isolationChain, ...withinBridge(bridge));
  else iptables.delete(isolationChain, ...withinBridge(bridge));
  iptables.appendUnique(isolationChain, ...goOn);
  iptables.insertUnique(secondStage, ...toBridge(bridge));
  iptables.appendUnique(secondStage, ...goOn);
}

/** Whether packets come to what isolates, and before what accepts: whoever flushes may turn it round. */
function isFirst(iptables: Iptables): boolean {
  const targets = iptables.list(forwardChain).map((rule) => rule[rule.indexOf("-j") + 1]);
  const at = targets.indexOf(isolationChain);
  return at >= 0 && at < targets.indexOf(acceptChain);
}

function enterFirst(iptables: Iptables): void {
  if (isFirst(iptables)) return;
  iptables.delete(forwardChain, ...toIsolation);
  iptables.insertUnique(forwardChain, ...toIsolation);
}

/** What is missing of what `setup` made; undefined if nothing is. */
export function findDamage({ ips, admin, isolation }: IptablesAsked): string | undefined {
  for (const { family, mine } of each(ips)) {
    const iptables = open(family);
    const expected: Placed[] = [
      { chain: forwardChain, rule: entry },
      { chain: acceptChain, rule: override(admin) },
      ...mine.flatMap((ip) => rulesFor(ip).map((rule) => ({ chain: acceptChain, rule }))),
      ...(isolation ? isolationRules(isolation.bridge, isolation.isolated) : []),
    ];
    const missing = expected.find(
      ({ chain, rule }) => !(iptables.hasChain(chain) && iptables.hasRule(chain, ...rule)),
    );
    if (missing) return `there is no rule ${missing.chain} ${missing.rule.join(" ")}`;
    if (isolation && !isFirst(iptables)) {
      return `${forwardChain} does not jump to ${isolationChain} before ${acceptChain}`;
    }
  }
  return undefined;
}

function isolationRules(bridge: string, isolated: boolean): Placed[] {
  return [
    { chain: isolationChain, rule: fromBridge(bridge, isolated ? "isolated" : "same-bridge") },
    ...(isolated ? [{ chain: isolationChain, rule: withinBridge(bridge) }] : []),
    { chain: secondStage, rule: toBridge(bridge) },
  ];
}

// ── tables of the old iptables, which nf_tables does not show ─────────────────────────────────

/** Removes the rules about these addresses. Runs a program only where the kernel has such a table. */
export function teardownLegacy(ips: readonly Ip[]): void {
  for (const { family, mine } of each(ips)) {
    if (!hasLegacyTable(family, filterTable)) continue;
    const iptables = Iptables.findLegacy(family, filterTable);
    if (!iptables?.hasChain(acceptChain)) continue;
    for (const ip of mine) for (const rule of rulesFor(ip)) iptables.delete(acceptChain, ...rule);
  }
}
