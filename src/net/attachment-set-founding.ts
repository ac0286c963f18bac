/** What all attachments share of a feature, made by the first that needs it: see `attachment-set.ts`. */
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import { owners, type Shared } from "./set-feature.ts";

/** The changes that make what is missing. Whoever commits them must name the generation. */
export function found(host: Netns, { feature, chain, sets }: Shared): nft.Change[] {
  const { name, base } = feature.hook;
  const present = sets.filter(({ question }) => question.answer);
  const isSound = (chain.answer?.use ?? 0) >= feature.rules.length + 2 * present.length;
  if (chain.answer && isSound) {
    const missing = sets.filter(({ question }) => !question.answer);
    return missing.flatMap((set) => addSet(set.name));
  }

  const names = new Set(sets.map((set) => set.name));
  if (chain.answer || present.length > 0) {
    // Somebody took the rules away, and left the elements.
    const others = host.use(Nft).sets(feature);
    for (const set of others) if (set.name?.startsWith(feature.sets)) names.add(set.name);
  }
  return [
    nft.addTable(feature, feature.comment),
    nft.addSet(feature, owners, ["ipv6Address"], feature.entry, "entries by owner and number"),
    nft.addChain(feature, name, { base }),
    nft.flushChain(feature, name),
    ...feature.rules.map((rule) => nft.addRule(feature, name, rule)),
    ...[...names].flatMap(addSet),
  ];

  function addSet(set: string): nft.Change[] {
    const { first, last } = feature.rulesOf(set);
    return [
      nft.addSet(feature, set, feature.key),
      nft.insertRule(feature, name, first),
      nft.addRule(feature, name, last),
    ];
  }
}
