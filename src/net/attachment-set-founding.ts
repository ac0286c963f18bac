/** What all attachments share of a feature, made by the first that needs it: see `attachment-set.ts`. */
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import { isSound, type Shared } from "./attachment-set-shared.ts";
import { owners, type SetFeature, type SetRule } from "./set-feature.ts";

/** The changes that make what is missing. Whoever commits them must name the generation. */
export function found(host: Netns, { feature, sets, hooks }: Shared): nft.Change[] {
  const present = host
    .use(Nft)
    .sets(feature)
    .flatMap(({ name }) => name ?? []);
  const missing = sets.filter((name) => !present.includes(name));
  const broken = hooks.filter((hook) => !isSound(hook));
  const isBroken = (name: string) => broken.some((hook) => hook.name === name);
  return [
    nft.addTable(feature, feature.comment),
    nft.addSet(feature, owners, ["ipv6Address"], feature.entry, "entries by owner and number"),
    ...broken.flatMap(({ name, question }) => addHook(feature, name, !!question.answer)),
    ...missing.flatMap((name) => addSet(feature, name)),
    // Where somebody took the rules away, and left the elements, those about all sets are made anew.
    ...present.flatMap((name) => addRules(feature, name, ({ hook }) => isBroken(hook))),
    ...missing.flatMap((name) => addRules(feature, name, () => true)),
  ];
}

function addHook(feature: SetFeature, name: string, isThere: boolean): nft.Change[] {
  const hook = feature.hooks.find((each) => each.name === name);
  if (!hook) return [];
  return [
    nft.addChain(feature, name, { base: hook.base }),
    ...(isThere && !hook.isOpen ? [nft.flushChain(feature, name)] : []),
    ...hook.rules.map((make) => nft.addRule(feature, name, make())),
  ];
}

function addSet(feature: SetFeature, name: string): nft.Change[] {
  const description = feature.describe(name);
  return description ? [nft.addSet(feature, name, description.key, description.data)] : [];
}

function addRules(
  feature: SetFeature,
  set: string,
  isWanted: (rule: SetRule) => boolean,
): nft.Change[] {
  const rules = feature.describe(set)?.rules.filter(isWanted) ?? [];
  return rules.map(({ hook, make, isFirst }) => {
    return isFirst ? nft.insertRule(feature, hook, make()) : nft.addRule(feature, hook, make());
  });
}
