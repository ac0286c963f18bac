/** What a feature keeps in sets of nf_tables: `attachment-set.ts` says how it works. */
import { concat, parseHex } from "../addr/bytes.ts";
import type { Hook, TableName } from "../kernel/nft-changes.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { KeyType } from "../netlink/nftables/set.ts";
import { type Attachment, instanceHash } from "./attachment.ts";

/** Made when it is needed: most calls find all rules in place. */
export type RuleMaker = () => readonly ExpressionInput[];

/** What a feature keeps in one family. An entry is what it knows of an attachment, as bytes. */
export interface SetFeature extends TableName {
  comment: string;
  hooks: readonly SetHook[];
  /** The parts of an entry. */
  entry: readonly KeyType[];
  /** The elements that an entry stands for. */
  elementsOf(entry: Uint8Array): readonly Place[];
  /** What the set of this name is; undefined if it is none of the feature's. */
  describe(set: string): SetDescription | undefined;
}

/** A base chain, made for the first set that has rules in it. */
export interface SetHook {
  name: string;
  base: Hook;
  /** Those that stand there whatever the sets. */
  rules: readonly RuleMaker[];
  /** Whether it is made also without such a set. */
  isAlways?: true;
  /** The operator's: always made, never emptied, and there as long as rules are in it. */
  isOpen?: true;
}

export interface SetDescription {
  /** The parts of a key, and of a map's value. */
  key: readonly KeyType[];
  data?: readonly KeyType[];
  rules: readonly SetRule[];
}

/** A rule about a set. */
export interface SetRule {
  /** The name of the hook that it stands in. */
  hook: string;
  make: RuleMaker;
  /** Whether it stands before the hook's own rules, and not after. */
  isFirst?: true;
}

/** Where an element is. */
export interface Place {
  set: string;
  key: Uint8Array;
}

/** What an attachment is to have of a feature. Each entry once. */
export interface Wanted {
  feature: SetFeature;
  entries: readonly Entry[];
}

export interface Entry {
  value: Uint8Array;
  /** What a map gives for the entry's elements. */
  data?: Uint8Array;
}

/** An entry that an attachment has, or had. */
export interface Owned {
  feature: SetFeature;
  entry: Uint8Array;
}

/** The map from owners to entries. */
export const owners = "owners";

/** How the comments on the attachment's elements start; what `owners` goes by. */
export function ownerOf(attachment: Attachment): string {
  return instanceHash(attachment).slice(0, ownerLength);
}

/** Of the 16 bytes of an instanceHash the last two count the attachment's entries. */
export const ownerLength = 29;

/** Of one attachment in one family. */
export const maxEntries = 0xffff;

/** @param index of the entry */
export function ownerKey(owner: string, index: number): Uint8Array {
  const hash = parseHex(owner.replace("-", "")) as Uint8Array;
  return concat(hash, Uint8Array.of(index >> 8, index & 255));
}

/** The owner in a key of `owners`, whose hexadecimal digits these are. */
export function ownerIn(digits: string): string {
  return `${digits.slice(0, 16)}-${digits.slice(16, ownerLength - 1)}`;
}
