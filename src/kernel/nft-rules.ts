/**
 * Rules of nf_tables, to read and to change. Apart, as what most calls change is elements of sets: they
 * need not load what all the expressions are.
 */
import { messageFlags } from "../netlink/message.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import { messageTypes } from "../netlink/nftables/header.ts";
import { ruleMessage } from "../netlink/nftables/rule.ts";
import { type Change, label, type TableName, userdata } from "./nft-names.ts";
import { request } from "./socket.ts";

const { create, append } = messageFlags;

/**
 * Appends a rule.
 * @param after puts it behind the rule with this handle instead
 */
export function addRule(
  { family, table }: TableName,
  chain: string,
  expressions: readonly ExpressionInput[],
  comment?: string,
  after?: number,
): Change {
  const position = after !== undefined && { position: after };
  const value = { family, table, chain, expressions, ...position, ...userdata(comment) };
  const what = `add a rule to chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.newRule, create | append, ruleMessage, value, what);
}

/** Puts a rule before all others of its chain. */
export function insertRule(
  { family, table }: TableName,
  chain: string,
  expressions: readonly ExpressionInput[],
  comment?: string,
): Change {
  const value = { family, table, chain, expressions, ...userdata(comment) };
  const what = `insert a rule into chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.newRule, create, ruleMessage, value, what);
}

/** Removes one rule. */
export function removeRule({ family, table }: TableName, chain: string, handle: number): Change {
  const what = `delete rule ${handle} of chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.delRule, 0, ruleMessage, { family, table, chain, handle }, what);
}

/** Removes all rules of a chain; that there are none is fine. */
export function flushChain({ family, table }: TableName, chain: string): Change {
  const what = `flush chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.delRule, 0, ruleMessage, { family, table, chain }, what);
}

/** What to dump for the rules of one chain, and how to read it. */
export function askRules({ family, table }: TableName, chain: string) {
  const what = `list chain ${chain} of ${label(family, table)}`;
  const asked = request(messageTypes.getRule, 0, ruleMessage, { family, table, chain }, what);
  return { asked, codec: ruleMessage };
}
