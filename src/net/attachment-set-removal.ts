/** Taking from sets what attachments have in them: see `attachment-set.ts`. */
import { equal, toHex } from "../addr/bytes.ts";
import type { Netns } from "../kernel/netns.ts";
import { askChain, askElement, Nft, type Question } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import type { Element } from "../netlink/nftables/element.ts";
import { type Attachment, hashOf, type ValidAttachment } from "./attachment.ts";
import { inParts, type Others } from "./attachment-set-shared.ts";
import {
  maxEntries,
  type Owned,
  ownerIn,
  ownerKey,
  ownerLength,
  ownerOf,
  owners,
  type Place,
  type SetFeature,
  type Wanted,
} from "./set-feature.ts";

/** An element of a set of a feature. */
interface FeaturePlace extends Place {
  feature: SetFeature;
}

/** An entry in `owners`, and the elements that it stands for. */
interface OwnedPlace extends Owned {
  place: FeaturePlace;
  elements: readonly FeaturePlace[];
}

/**
 * Removes all that the attachment has of these features, in one transaction.
 * @returns its entries, but for those of which another has all elements by now
 */
export function remove(
  host: Netns,
  features: readonly SetFeature[],
  attachment: Attachment,
  others?: Others,
): readonly Owned[] {
  return removeOwner(host, features, ownerOf(attachment), others);
}

function removeOwner(
  host: Netns,
  features: readonly SetFeature[],
  owner: string,
  others?: Others,
): readonly Owned[] {
  return host.use(Nft).retry(() => {
    const { generation, entries } = readEntries(host, features, owner, others?.questions);
    const { mine, elements } = withoutLost(host, owner, entries);
    const changes = features.flatMap((feature) => {
      const isHere = (place: FeaturePlace) => place.feature === feature;
      const places = entries.map(({ place }) => place).filter(isHere);
      if (places.length === 0) return [];
      return isLast(host, feature, places.length)
        ? [nft.removeTable(feature)]
        : removals([...elements.filter(isHere), ...places]);
    });
    host.use(Nft).commit([...changes, ...(others?.changes(mine, false) ?? [])], generation);
    return mine;
  });
}

/** Whether nobody needs the table once `count` entries are gone. */
function isLast(host: Netns, feature: SetFeature, count: number): boolean {
  if (host.use(Nft).hasMore(feature, owners, count)) return false;
  const open = feature.hooks.filter(({ isOpen }) => isOpen);
  const questions = open.map(({ name }) => askChain(feature, name));
  if (questions.length > 0) host.use(Nft).look(questions);
  return questions.every(({ answer }) => !answer?.use);
}

function removals(places: readonly FeaturePlace[]): nft.Change[] {
  const bySet = new Map<string, FeaturePlace[]>();
  for (const place of places) {
    const name = `${place.feature.family} ${place.set}`;
    bySet.set(name, [...(bySet.get(name) ?? []), place]);
  }
  return [...bySet.values()].flatMap((all) => {
    const [{ feature, set }] = all as [FeaturePlace];
    return inParts(all).map((part) =>
      nft.removeElements(
        feature,
        set,
        part.map(({ key }) => key),
      ),
    );
  });
}

/**
 * Removes what attachments of `network` have that are not among `valid`.
 * @returns their entries
 */
export function collect(
  host: Netns,
  features: readonly SetFeature[],
  network: string,
  valid: readonly ValidAttachment[],
  others?: Others,
): readonly Owned[] {
  const start = hashOf(network);
  const kept = new Set(valid.map((each) => ownerOf({ network, ...each })));
  const stale = new Set<string>();
  for (const feature of features) {
    for (const { key } of host.use(Nft).elements(feature, owners)) {
      const owner = ownerIn(toHex(key?.value as Uint8Array));
      if (owner.startsWith(start) && !kept.has(owner)) stale.add(owner);
    }
  }
  return [...stale].flatMap((owner) => removeOwner(host, features, owner, others));
}

/**
 * Commits changes that add what is `wanted`, and removes in the same transaction what the attachment
 * had before and what is in the way: elements of others that were left behind.
 *
 * @param changesFor the changes, where these entries are removed
 * @returns those entries
 */
export function replace(
  host: Netns,
  attachment: Attachment,
  wanted: readonly Wanted[],
  generation: number,
  changesFor: (before: readonly Owned[]) => readonly nft.Change[],
): readonly Owned[] {
  const features = wanted.map(({ feature }) => feature);
  const owner = ownerOf(attachment);
  const own = readEntries(host, features, owner).entries;
  const { mine, elements } = withoutLost(host, owner, own);
  const taken = wanted.map((each) => inTheWay(host, each));
  const before = distinct(
    [...mine, ...taken.flatMap((each) => each.mine)],
    ({ feature, entry }) => `${feature.family} ${toHex(entry)}`,
  );
  const places = [
    ...own.map(({ place }) => place),
    ...elements,
    ...taken.flatMap((each) => each.places),
  ];
  const going = distinct(
    places,
    ({ feature, set, key }) => `${feature.family} ${set} ${toHex(key)}`,
  );
  host.use(Nft).commit([...removals(going), ...changesFor(before)], generation);
  return before;
}

function distinct<T>(all: readonly T[], nameOf: (each: T) => string): T[] {
  return [...new Map(all.map((each) => [nameOf(each), each])).values()];
}

/** The elements that are there already, and with each the others of the same entry, and the entries. */
function inTheWay(
  host: Netns,
  { feature, entries }: Wanted,
): { mine: readonly Owned[]; places: FeaturePlace[] } {
  const asked = askAll(entries.flatMap(({ value }) => elementsOf(feature, value)));
  host.use(Nft).look(asked.map(({ question }) => question));
  const present = asked.filter(({ question }) => question.answer);
  const mine: Owned[] = [];
  const places: FeaturePlace[] = [];
  for (const { place, question } of present) {
    places.push(place);
    const owner = ownerOfElement(question.answer as Element);
    if (owner === undefined) continue;
    const theirs = readEntries(host, [feature], owner).entries.filter(({ elements }) =>
      elements.some(({ set, key }) => set === place.set && equal(key, place.key)),
    );
    // The entry itself stays: those after it are found by counting.
    const lost = withoutLost(host, owner, theirs);
    mine.push(...lost.mine);
    places.push(...lost.elements);
  }
  return { mine, places };
}

// ── reading ───────────────────────────────────────────────────────────────────────────────────

/**
 * What an owner has, by its own account. Most have one or two entries in a family.
 * @param questions asked along with the first
 */
export function readEntries(
  host: Netns,
  features: readonly SetFeature[],
  owner: string,
  questions: readonly Question<unknown>[] = [],
) {
  let generation: number | undefined;
  const entries: OwnedPlace[] = [];
  let open = [...features];
  for (let from = 0, count = 3; open.length > 0 && from < maxEntries; from += count, count *= 4) {
    const indexes = Array.from({ length: count }, (_, i) => from + i);
    const asked = askAll(
      open.flatMap((feature) =>
        indexes.map((i) => ({ feature, set: owners, key: ownerKey(owner, i) })),
      ),
    );
    const all = asked.map(({ question }) => question);
    const seen = host.use(Nft).look(from === 0 ? [...all, ...questions] : all);
    generation ??= seen;
    const present = asked.filter(({ question }) => question.answer);
    for (const { place, question } of present) {
      const entry = question.answer?.data?.value as Uint8Array;
      const { feature } = place;
      entries.push({ feature, entry, place, elements: elementsOf(feature, entry) });
    }
    const isFull = (feature: SetFeature) =>
      present.filter(({ place }) => place.feature === feature).length === count;
    open = open.filter(isFull);
  }
  return { generation: generation as number, entries };
}

/** The entries of which the owner has still something, and the elements that it has of all. */
function withoutLost(host: Netns, owner: string, entries: readonly OwnedPlace[]) {
  const asked = askAll(entries.flatMap(({ elements }) => elements));
  if (asked.length > 0) host.use(Nft).look(asked.map(({ question }) => question));
  const elements = asked
    .filter(({ question: { answer } }) => answer && ownerOfElement(answer) === owner)
    .map(({ place }) => place);
  const left = new Set(elements);
  const mine = entries.filter((each) => each.elements.some((place) => left.has(place)));
  return { mine, elements };
}

function elementsOf(feature: SetFeature, entry: Uint8Array): FeaturePlace[] {
  return feature.elementsOf(entry).map((place) => ({ feature, ...place }));
}

function askAll(
  places: readonly FeaturePlace[],
): { place: FeaturePlace; question: Question<Element> }[] {
  return places.map((place) => ({
    place,
    question: askElement(place.feature, place.set, place.key),
  }));
}

/** Undefined for an element that somebody else has made. */
function ownerOfElement({ userdata }: Element): string | undefined {
  const owner = userdata?.comment?.slice(0, ownerLength);
  return owner !== undefined && /^[0-9a-f]{16}-[0-9a-f]{12}$/.test(owner) ? owner : undefined;
}
