/**
 * Changes of nf_tables, and the expressions that rules are made of. A rule says it all in one list;
 * {@link Nft.commit} makes the changes, all or none.
 *
 * @example
 * const table = { family: "ip", table: "demo" } as const;
 * netns.use(Nft).commit([
 *   nft.addTable(table),
 *   nft.addChain(table, "input", {
 *     base: { type: "filter", hook: { number: "input", priority: 0 }, policy: "accept" },
 *   }),
 *   nft.addRule(table, "input", [...nft.is("ip saddr", requireIp("192.0.2.1")), nft.verdict("drop")]),
 * ]);
 * @module
 */
export {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  addVerdictMap,
  flushChain,
  insertRule,
  removeChain,
  removeElements,
  removeRule,
  removeSet,
  removeTable,
} from "../kernel/nft-changes.ts";
export {
  type FieldName,
  goBy,
  interfaceKey,
  is,
  isIn,
  isInterface,
  isNot,
  isOutside,
  jump,
  load,
  loadMeta,
  masquerade,
  verdict,
} from "../netlink/nftables/build.ts";
export type { Expression, ExpressionInput } from "../netlink/nftables/expression.ts";
