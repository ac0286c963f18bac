/** What attachments share of a feature that lives in sets: whether it is there. See `attachment-set.ts`. */
import { askChain, type Question } from "../kernel/nft.ts";
import type { Change } from "../kernel/nft-changes.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { Owned, SetFeature, Wanted } from "./set-feature.ts";

/** What attachments share of a feature, as far as one of them needs it. */
export interface Shared {
  feature: SetFeature;
  /** The names of the sets. */
  sets: readonly string[];
  hooks: readonly SharedHook[];
}

export interface SharedHook {
  name: string;
  /** How many rules it must have at least. */
  least: number;
  question: Question<Chain>;
}

export function askShared({ feature, entries }: Wanted): Shared {
  const sets = new Set<string>();
  for (const { value } of entries) for (const { set } of feature.elementsOf(value)) sets.add(set);
  const rules = [...sets].flatMap((set) => feature.describe(set)?.rules ?? []);
  const hooks = feature.hooks.flatMap(({ name, rules: own, isAlways, isOpen }) => {
    const about = rules.filter(({ hook }) => hook === name).length;
    if (about === 0 && !isAlways && !isOpen) return [];
    return [{ name, least: own.length + about, question: askChain(feature, name) }];
  });
  return { feature, sets: [...sets], hooks };
}

/** `nft flush table` leaves chains without rules. */
export function isWhole({ hooks }: Shared): boolean {
  return hooks.every(isSound);
}

export function isSound({ question: { answer }, least }: SharedHook): boolean {
  return answer !== undefined && (answer.use ?? 0) >= least;
}

/**
 * What is changed elsewhere in nf_tables along with the attachment's entries: in the same transaction,
 * so it is there when they are.
 */
export interface Others {
  /** Asked first. */
  questions: readonly Question<unknown>[];
  /**
   * What to change, once they are answered.
   * @param before entries that the attachment, or one that it takes over from, had
   * @param isFirst whether something that all attachments share is made now
   */
  changes(before: readonly Owned[], isFirst: boolean): Change[];
}

/** As many elements as surely fit into one message: an attribute ends at 64 KiB. */
export function inParts<T>(elements: readonly T[]): (readonly T[])[] {
  const atOnce = 256;
  if (elements.length <= atOnce) return elements.length > 0 ? [elements] : [];
  return [elements.slice(0, atOnce), ...inParts(elements.slice(atOnce))];
}
