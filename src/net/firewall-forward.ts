/**
 * Accept rules in the table `filter` of `iptables-nft`, in its own form, without running it.
 *
 *     -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
 *     -A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
 *     -A CNI-FORWARD -d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
 *     -A CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT
 *
 * What one base chain accepts, another may still drop. So where the host has a chain FORWARD, which
 * docker makes drop whatever it does not know, containers must be accepted there. The Go plugin finds
 * these rules, and we find its own (plugins/meta/firewall/iptables.go).
 */
import { equal } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import type { Netns } from "../kernel/netns.ts";
import { askChain, Nft, type Question } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import * as say from "../netlink/nftables/build.ts";
import * as compat from "../netlink/nftables/build-compat.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import { mayCompareTo } from "../netlink/nftables/skim.ts";

/** Names that nodes out there have rules in: never to be changed. */
export const forwardChain = "FORWARD";
export const acceptChain = "CNI-FORWARD";
export const isolationChain = "CNI-ISOLATION-STAGE-1";
export const jumpComment = "CNI firewall plugin rules";
export const adminComment = "CNI firewall plugin admin overrides";
export const filterTable = "filter";

export type IpFamily = "ip" | "ip6";

export function familyOf(ip: Ip): IpFamily {
  return ip.length === 4 ? "ip" : "ip6";
}

/** What there is in the table `filter` of one family. */
export class Forward {
  readonly #host: Netns;
  readonly family: IpFamily;
  readonly #table: nft.TableName;
  readonly #admin: string;
  readonly #forward: Question<Chain>;
  readonly #accept: Question<Chain>;
  readonly #adminChain: Question<Chain>;

  /** @param admin the chain that an operator may put rules into that come first */
  constructor(host: Netns, family: IpFamily, admin: string) {
    this.#host = host;
    this.family = family;
    this.#table = { family, table: filterTable };
    this.#admin = admin;
    this.#forward = askChain(this.#table, forwardChain);
    this.#accept = askChain(this.#table, acceptChain);
    this.#adminChain = askChain(this.#table, admin);
  }

  /** To be answered before anything else is asked here, but for `forget`. */
  get questions(): Question<Chain>[] {
    return [this.#forward, this.#accept, this.#adminChain];
  }

  /** What `forget` needs. */
  get question(): Question<Chain> {
    return this.#accept;
  }

  /** Whether packets come by. */
  exists(): boolean {
    return this.#forward.answer?.hook !== undefined;
  }

  /** Whether it drops what no rule of it accepts. */
  drops(): boolean {
    return this.exists() && this.#forward.answer?.policy === "drop";
  }

  /** Whether there may be rules about containers. */
  hasAcceptChain(): boolean {
    return this.#accept.answer !== undefined;
  }

  /**
   * Accepts what containers with these addresses send, and what answers them.
   * @param mayBeThere looks whether some of it is there; else only the shared part is looked for
   */
  accept(ips: readonly Ip[], mayBeThere: boolean): nft.Change[] {
    const changes = this.#share(mayBeThere);
    const there = mayBeThere ? this.#about(ips) : [];
    for (const ip of ips) {
      for (const [of, rule] of [
        ["answers", answersTo(this.family, ip)],
        ["requests", requestsOf(this.family, ip)],
      ] as const) {
        if (there.some((each) => each.of === of && equal(each.ip, ip))) continue;
        changes.push(nft.addRule(this.#table, acceptChain, rule));
      }
    }
    return changes;
  }

  /** The chains, and the jumps to them. */
  #share(mayBeThere: boolean): nft.Change[] {
    const changes: nft.Change[] = [];
    const table = this.#table;
    if (!this.#adminChain.answer) changes.push(nft.addChain(table, this.#admin));
    const override = jumpTo(this.#admin, adminComment);
    if (!this.#accept.answer) {
      changes.push(nft.addChain(table, acceptChain, { exclusive: true }));
      changes.push(nft.addRule(table, acceptChain, override));
    } else if ((mayBeThere || !this.#adminChain.answer?.use) && !this.#overrides()) {
      changes.push(nft.insertRule(table, acceptChain, override));
    }
    if (this.#accept.answer && this.#isEntered()) return changes;
    const isolation = this.#jumpsFrom(forwardChain, isolationChain)[0]?.handle;
    const entry = jumpTo(acceptChain, jumpComment);
    // What is isolated must be dropped before it is accepted.
    changes.push(
      isolation === undefined
        ? nft.insertRule(table, forwardChain, entry)
        : nft.addRule(table, forwardChain, entry, undefined, isolation),
    );
    return changes;
  }

  #isEntered(): boolean {
    return this.#jumpsFrom(forwardChain, acceptChain).length > 0;
  }

  #overrides(): boolean {
    return this.#jumpsFrom(acceptChain, this.#admin).length > 0;
  }

  #jumpsFrom(chain: string, to: string): Rule[] {
    const rules = this.#host.use(Nft).rules(this.#table, chain);
    return rules.filter(({ expressions }) => say.target(expressions) === to);
  }

  /** Removes the rules about these addresses. The chains stay, as they do in the reference. */
  forget(ips: readonly Ip[]): nft.Change[] {
    return this.#about(ips).map(({ handle }) => nft.removeRule(this.#table, acceptChain, handle));
  }

  #about(ips: readonly Ip[]) {
    if (!this.hasAcceptChain() || ips.length === 0) return [];
    const { family } = this;
    return this.#host
      .use(Nft)
      .rules(this.#table, acceptChain, (payload) => mayCompareTo(payload, ips))
      .flatMap((rule) => aboutContainer(family, rule) ?? [])
      .filter(({ ip }) => ips.some((each) => equal(each, ip)));
  }

  /** What is missing of what `accept` made; undefined if nothing is. */
  findDamage(ips: readonly Ip[]): string | undefined {
    const place = nft.label(this.family, filterTable);
    const forward = `chain ${forwardChain} of ${place}`;
    if (!this.hasAcceptChain() || !this.#isEntered()) {
      return `${forward} has no jump to ${acceptChain}`;
    }
    if (!this.#overrides()) return `chain ${acceptChain} of ${place} has no jump to ${this.#admin}`;
    const there = this.#about(ips);
    for (const ip of ips) {
      const mine = there.filter((each) => equal(each.ip, ip)).map((each) => each.of);
      if (mine.includes("requests") && mine.includes("answers")) continue;
      return `chain ${acceptChain} of ${place} does not accept the container`;
    }
    return undefined;
  }
}

function jumpTo(chain: string, comment: string): ExpressionInput[] {
  return [compat.comment(comment), compat.counter, say.jump(chain)];
}

function answersTo(family: IpFamily, ip: Ip): ExpressionInput[] {
  const to = say.is(`${family} daddr`, ip);
  return [...to, compat.isKnownConnection(), compat.counter, say.verdict("accept")];
}

function requestsOf(family: IpFamily, ip: Ip): ExpressionInput[] {
  return [...say.is(`${family} saddr`, ip), compat.counter, say.verdict("accept")];
}

/** What one of our rules, or of the Go plugin's, is about. */
function aboutContainer(family: IpFamily, { handle, expressions = [] }: Rule) {
  const verdict = expressions.find(({ kind }) => kind === "immediate")?.data as
    | { data?: { verdict?: { code?: string } } }
    | undefined;
  if (handle === undefined || verdict?.data?.verdict?.code !== "accept") return undefined;
  const from = say.expected(expressions, say.load(`${family} saddr`));
  const to = say.expected(expressions, say.load(`${family} daddr`));
  const kinds = expressions.map(({ kind }) => kind).join(" ");
  if (from && kinds === "payload cmp counter immediate") {
    return { of: "requests" as const, ip: from, handle };
  }
  // Where conntrack is an expression of nf_tables: newer versions of iptables-nft.
  if (to && /^payload cmp (match|ct bitwise cmp) counter immediate$/.test(kinds)) {
    return { of: "answers" as const, ip: to, handle };
  }
  return undefined;
}
