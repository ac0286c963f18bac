/**
 * What the Go plugins leave in nf_tables for IP masquerade, by either backend: rules with a comment in
 * a table of their own (pkg/ip/ipmasq_nftables_linux.go), or a chain of `iptables-nft`
 * (pkg/ip/ipmasq_iptables_linux.go).
 */
import { equal } from "../addr/bytes.ts";
import type { Cidr } from "../addr/cidr.ts";
import type { Netns } from "../kernel/netns.ts";
import { askChain, askTable, Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import * as say from "../netlink/nftables/build.ts";
import {
  type Attachment,
  hashOf,
  instanceHash,
  iptablesChain,
  isStaleJump,
  type ValidAttachment,
} from "./attachment.ts";
import { commentOf, removeChains } from "./nft-remains.ts";

const ownTable = { family: "inet", table: "cni_plugins_masquerade" } as const;
const ownChain = "masq_checks";

const natTables = [
  { family: "ip", table: "nat" },
  { family: "ip6", table: "nat" },
] as const;
const postrouting = "POSTROUTING";

/**
 * Removes what is left of one attachment.
 *
 * @param addresses narrows it to these where interfaces of one container share a chain of iptables,
 *   which they do within a network
 */
export function remove(host: Netns, attachment: Attachment, addresses?: readonly Cidr[]): void {
  const chain = iptablesChain(attachment);
  const tables = natTables.map((table) => ({ table, question: askChain(table, chain) }));
  const own = askTable(ownTable);
  host.use(Nft).look([own, ...tables.map(({ question }) => question)]);

  const hash = instanceHash(attachment);
  if (own.answer) removeRules(host, (comment) => comment.startsWith(hash));
  for (const { table, question } of tables) {
    if (!question.answer) continue;
    const source = say.load(`${table.family} saddr`);
    removeChains(host, table, [chain], postrouting, ({ expressions }) => {
      const ip = say.expected(expressions, source);
      return !addresses || !ip || addresses.some((address) => equal(address.ip, ip));
    });
  }
}

/** Removes what is left of attachments of `network` that are not among `valid`. Lists rules. */
export function collect(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  const own = askTable(ownTable);
  const parents = natTables.map((table) => ({ table, question: askChain(table, postrouting) }));
  host.use(Nft).look([own, ...parents.map(({ question }) => question)]);

  const hashes = new Set(valid.map((each) => instanceHash({ network, ...each })));
  if (own.answer) {
    const start = `${hashOf(network)}-`;
    removeRules(host, (comment) => {
      const [hash = ""] = comment.split(",");
      return comment.startsWith(start) && !hashes.has(hash);
    });
  }
  for (const { table, question } of parents) {
    if (!question.answer) continue;
    const jumps = host
      .use(Nft)
      .rules(table, postrouting)
      .map((rule) => ({
        chain: say.target(rule.expressions) ?? "",
        comment: commentOf(rule),
      }));
    const stale = jumps.filter((jump) => isStaleJump(jump, network, valid));
    for (const chain of new Set(stale.map(({ chain }) => chain))) {
      removeChains(host, table, [chain], postrouting);
    }
  }
}

/** Removes rules of the plugins' own table by their comments, and the table with the last rule. */
function removeRules(host: Netns, isStale: (comment: string) => boolean): void {
  host.use(Nft).retry(() => {
    const generation = host.use(Nft).look([]);
    const rules = host.use(Nft).rules(ownTable, ownChain);
    const stale = rules.filter((rule) => isStale(commentOf(rule)));
    if (stale.length === 0) return;
    const changes =
      stale.length === rules.length
        ? [nft.removeTable(ownTable)]
        : stale.map(({ handle }) => nft.removeRule(ownTable, ownChain, handle as number));
    host.use(Nft).commit(changes, generation);
  });
}
