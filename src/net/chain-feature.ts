/** What a feature of nf_tables looks like: `attachment-chain.ts` says how it works. */
import { toHex } from "../addr/bytes.ts";
import type { Hook, TableName } from "../kernel/nft-changes.ts";
import { jump } from "../netlink/nftables/build.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import type { KeyType } from "../netlink/nftables/set.ts";
import { type Attachment, instanceHash } from "./attachment.ts";

/** What a feature keeps in one family, whatever the attachments. */
export interface Feature extends TableName {
  comment: string;
  /** The chains that an attachment may have, by the prefix of their names. */
  prefixes: readonly string[];
  maps: readonly FeatureMap[];
  hasGroups?: true;
  hooks: readonly {
    name: string;
    base: Hook;
    rules: readonly (readonly ExpressionInput[])[];
  }[];
  /** The keys that a rule in an attachment's chain, or in a group's, stands for. */
  keysOf(rule: Rule): readonly MapKey[];
}

/** What the rules of hooks look up. */
export interface FeatureMap {
  name: string;
  key: readonly KeyType[];
  /**
   * Whether a key says all by being there. Absent: it leads to the attachment's chain. The kernel then
   * looks through all chains that a map leads to whenever one is added, which a node with thousands of
   * them feels.
   */
  isSet?: true;
}

export interface MapKey {
  map: string;
  key: Uint8Array;
}

/**
 * A chain of an attachment. `keysOf` of its rules must give all of `keys`. Where no key leads to it,
 * its rules only say which keys are the attachment's.
 */
export interface OwnChain {
  prefix: string;
  rules: readonly (readonly ExpressionInput[])[];
  keys: readonly MapKey[];
  groups?: readonly Group[];
}

/**
 * Keys that several attachments have in common, there as long as one of them is. The chain of each
 * jumps to the group's, which nothing else does: so the kernel counts them.
 */
export interface Group {
  /** Of its chain. */
  name: string;
  /** The one rule in it, of which `keysOf` gives the keys. */
  rule: readonly ExpressionInput[];
  keys: readonly MapKey[];
}

/** What an attachment has of one feature in one family. */
export interface Part {
  feature: Feature;
  chains: readonly OwnChain[];
}

/** `masq-6fd94d501e58f0aa-287fc69eff0574a2` */
export function chainName(prefix: string, attachment: Attachment): string {
  return `${prefix}-${instanceHash(attachment)}`;
}

/** All rules of an attachment's chain, as the kernel has them. */
export function rulesIn({ rules, groups = [] }: OwnChain): (readonly ExpressionInput[])[] {
  return [...rules, ...groups.map(({ name }) => [jump(name)])];
}

/** Each key once. */
export function distinct(keys: readonly MapKey[]): MapKey[] {
  return [...new Map(keys.map((each) => [`${each.map} ${toHex(each.key)}`, each])).values()];
}
