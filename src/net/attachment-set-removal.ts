/** Taking from sets what attachments have in them: see `attachment-set.ts`. */
import { equal, toHex } from "../addr/bytes.ts";
import type { Netns } from "../kernel/netns.ts";
import { askElement, Nft, type Question } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import type { Element } from "../netlink/nftables/element.ts";
import { type Attachment, hashOf, type ValidAttachment } from "./attachment.ts";
import {
  maxEntries,
  ownerKey,
  ownerLength,
  ownerOf,
  owners,
  type SetFeature,
  type Wanted,
} from "./set-feature.ts";

/** An element of a set of a feature. */
interface Place {
  feature: SetFeature;
  set: string;
  key: Uint8Array;
}

/** An element of `owners`, and those that it stands for. */
interface Entry {
  place: Place;
  elements: readonly Place[];
}

/** Removes all that the attachment has of these features, in one transaction. */
export function remove(host: Netns, features: readonly SetFeature[], attachment: Attachment): void {
  removeOwner(host, features, ownerOf(attachment));
}

function removeOwner(host: Netns, features: readonly SetFeature[], owner: string): void {
  host.use(Nft).retry(() => {
    const { generation, entries } = readEntries(host, features, owner);
    const elements = ownedBy(
      host,
      owner,
      entries.flatMap((entry) => entry.elements),
    );
    const changes = features.flatMap((feature) => {
      const isHere = (place: Place) => place.feature === feature;
      const mine = entries.map(({ place }) => place).filter(isHere);
      if (mine.length === 0) return [];
      if (!host.use(Nft).hasMore(feature, owners, mine.length)) return [nft.removeTable(feature)];
      return [...elements.filter(isHere), ...mine].map(removal);
    });
    host.use(Nft).commit(changes, generation);
  });
}

function removal({ feature, set, key }: Place): nft.Change {
  return nft.removeElements(feature, set, [key]);
}

/** Removes what attachments of `network` have that are not among `valid`. */
export function collect(
  host: Netns,
  features: readonly SetFeature[],
  network: string,
  valid: readonly ValidAttachment[],
): void {
  const start = hashOf(network);
  const kept = new Set(valid.map((each) => ownerOf({ network, ...each })));
  const stale = new Set<string>();
  for (const feature of features) {
    for (const { key } of host.use(Nft).elements(feature, owners)) {
      const hash = toHex(key?.value as Uint8Array);
      const owner = `${hash.slice(0, 16)}-${hash.slice(16, 30)}`;
      if (owner.startsWith(start) && !kept.has(owner)) stale.add(owner);
    }
  }
  for (const owner of stale) removeOwner(host, features, owner);
}

/**
 * Commits `changes`, which add what is `wanted`, and removes in the same transaction what the attachment
 * had before and what is in the way: elements of others that were left behind.
 */
export function replace(
  host: Netns,
  attachment: Attachment,
  wanted: readonly Wanted[],
  changes: readonly nft.Change[],
  generation: number,
): void {
  const features = wanted.map(({ feature }) => feature);
  const owner = ownerOf(attachment);
  const own = readEntries(host, features, owner).entries;
  const going = [
    ...own.map(({ place }) => place),
    ...ownedBy(
      host,
      owner,
      own.flatMap(({ elements }) => elements),
    ),
    ...wanted.flatMap((each) => inTheWay(host, each)),
  ];
  const distinct = new Map(going.map((place) => [placeName(place), place])).values();
  host.use(Nft).commit([...[...distinct].map(removal), ...changes], generation);
}

function placeName({ feature, set, key }: Place): string {
  return `${feature.family} ${set} ${toHex(key)}`;
}

/** The elements that are there already, and with each the others of the same entry. */
function inTheWay(host: Netns, { feature, entries }: Wanted): Place[] {
  const asked = askAll(entries.flatMap((entry) => elementsOf(feature, entry)));
  host.use(Nft).look(asked.map(({ question }) => question));
  return asked.flatMap(({ place, question }) => {
    if (!question.answer) return [];
    const owner = ownerIn(question.answer);
    const entry = readEntries(host, [feature], owner).entries.find(({ elements }) =>
      elements.some(({ set, key }) => set === place.set && equal(key, place.key)),
    );
    return entry ? ownedBy(host, owner, entry.elements) : [place];
  });
}

// ── reading ───────────────────────────────────────────────────────────────────────────────────

/** What an owner has, by its own account. Most have one entry in a family. */
function readEntries(host: Netns, features: readonly SetFeature[], owner: string) {
  let generation: number | undefined;
  const entries: Entry[] = [];
  let open = [...features];
  for (let from = 0, count = 2; open.length > 0 && from < maxEntries; from += count, count = 14) {
    const indexes = Array.from({ length: count }, (_, i) => from + i);
    const asked = askAll(
      open.flatMap((feature) =>
        indexes.map((i) => ({ feature, set: owners, key: ownerKey(owner, i) })),
      ),
    );
    const seen = host.use(Nft).look(asked.map(({ question }) => question));
    generation ??= seen;
    const present = asked.filter(({ question }) => question.answer);
    for (const { place, question } of present) {
      const entry = question.answer?.data?.value as Uint8Array;
      entries.push({ place, elements: elementsOf(place.feature, entry) });
    }
    const isFull = (feature: SetFeature) =>
      present.filter(({ place }) => place.feature === feature).length === count;
    open = open.filter(isFull);
  }
  return { generation: generation as number, entries };
}

/** Those of the places where there is an element of this owner. */
function ownedBy(host: Netns, owner: string, places: readonly Place[]): Place[] {
  if (places.length === 0) return [];
  const asked = askAll(places);
  host.use(Nft).look(asked.map(({ question }) => question));
  return asked
    .filter(({ question: { answer } }) => answer && ownerIn(answer) === owner)
    .map(({ place }) => place);
}

function elementsOf(feature: SetFeature, entry: Uint8Array): Place[] {
  const { set, keys } = feature.elementsOf(entry);
  return keys.map((key) => ({ feature, set, key }));
}

function askAll(places: readonly Place[]): { place: Place; question: Question<Element> }[] {
  return places.map((place) => ({
    place,
    question: askElement(place.feature, place.set, place.key),
  }));
}

function ownerIn({ userdata }: Element): string {
  return userdata?.comment?.slice(0, ownerLength) ?? "";
}
