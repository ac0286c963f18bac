/** What a feature keeps in sets of nf_tables: `attachment-set.ts` says how it works. */
import { concat, parseHex } from "../addr/bytes.ts";
import type { Question } from "../kernel/nft.ts";
import type { Hook, TableName } from "../kernel/nft-changes.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { KeyType, NftSet } from "../netlink/nftables/set.ts";
import { type Attachment, instanceHash } from "./attachment.ts";

type Rule = readonly ExpressionInput[];

/** What a feature keeps in one family. An entry is what it knows of an attachment, as bytes. */
export interface SetFeature extends TableName {
  comment: string;
  hook: { name: string; base: Hook };
  /** Between what stands in the hook at first, and what at last, about each set. */
  rules: readonly Rule[];
  /** How the names of the sets start. */
  sets: string;
  /** The parts of an entry, and those of a key of the sets. */
  entry: readonly KeyType[];
  key: readonly KeyType[];
  elementsOf(entry: Uint8Array): Elements;
  rulesOf(set: string): { first: Rule; last: Rule };
}

/** What an entry puts into a set. */
export interface Elements {
  set: string;
  keys: readonly Uint8Array[];
}

/** What an attachment is to have of a feature. Each entry once. */
export interface Wanted {
  feature: SetFeature;
  entries: readonly Uint8Array[];
}

/** What attachments share of a feature, as far as one of them needs it. */
export interface Shared {
  feature: SetFeature;
  chain: Question<Chain>;
  sets: readonly { name: string; question: Question<NftSet> }[];
}

/** The map from owners to entries. */
export const owners = "owners";

/** How the comments on the attachment's elements start; what `owners` goes by. */
export function ownerOf(attachment: Attachment): string {
  return instanceHash(attachment).slice(0, ownerLength);
}

/** Of the 16 bytes of an instanceHash the last counts the attachment's entries. */
export const ownerLength = 31;

/** Of one attachment in one family. */
export const maxEntries = 254;

/** @param index of the entry */
export function ownerKey(owner: string, index: number): Uint8Array {
  return concat(parseHex(owner.replace("-", "")) as Uint8Array, Uint8Array.of(index));
}
