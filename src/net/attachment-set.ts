/**
 * What attachments have in nf_tables as elements of sets, at a cost that does not grow with the node.
 *
 * A feature (masquerade, MAC spoof check, port mappings, firewall) has a table of its own in each family:
 *
 *     table ip cnibox_ipmasq {
 *       map owners { type ipv6_addr : ipv4_addr . inet_service
 *         elements = { 6fd9:4d50:1e58:f0aa:287f:c69e:ff05:0 : 10.1.0.2 . 16 } }
 *       set subnet16 { type ipv4_addr . ipv4_addr
 *         elements = { 10.1.0.2 . 10.1.0.0 comment "<hash>, net: .., if: .., id: .." } }
 *       chain postrouting { type nat hook postrouting ...
 *         ip saddr . ip daddr & 255.255.0.0 @subnet16 return
 *         ip daddr 224.0.0.0/4 return
 *         ip saddr . ip saddr & 255.255.0.0 @subnet16 masquerade }
 *     }
 *
 * - Packets are looked up in the sets. Elements lead to no chains: else the kernel would look through
 *   the chains of all attachments whenever one is added.
 * - DEL looks up in `owners`, by the attachment's hash and the number of the entry, what the
 *   attachment has. The comment on an element says whose it is, to us and to people: an address may
 *   have gone to another attachment.
 * - The hash starts with that of the network, so that GC can tell which entries it may judge.
 * - A set, and the rules about it, come with the first entry that needs them; the table goes with the
 *   last entry.
 * - The families ip and ip6 have tables of their own, as not every kernel has the family inet.
 *
 * Many processes do this at once, and none has a lock. Elements are added as new, to sets that most
 * often are there: the kernel refuses what is not so. Whoever makes or deletes anything else read first,
 * and the kernel refuses if anything changed since; then it is read again.
 */
import { isKernelError } from "../kernel/errors.ts";
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import { type Attachment, ruleComment } from "./attachment.ts";
import { found } from "./attachment-set-founding.ts";
import { replace } from "./attachment-set-removal.ts";
import { askShared, inParts, isWhole, type Others } from "./attachment-set-shared.ts";
import {
  type Entry,
  maxEntries,
  type Owned,
  ownerKey,
  ownerOf,
  owners,
  type Wanted,
} from "./set-feature.ts";

/**
 * Gives the attachment these entries, and no others, in one transaction. Safe to repeat. What another
 * has of their elements is the attachment's from then on: its owner is gone, or its address would not be
 * free.
 *
 * @returns the entries that the attachment, or one that it takes over from, had before
 */
export function install(
  host: Netns,
  attachment: Attachment,
  wanted: readonly Wanted[],
  others: Others = nobody,
): readonly Owned[] {
  return host.use(Nft).retry(() => {
    const shared = wanted.map(askShared);
    const questions = shared.flatMap(({ hooks }) => hooks.map((hook) => hook.question));
    const generation = host.use(Nft).look([...questions, ...others.questions]);
    const adding = wanted.flatMap((each) => addEntries(attachment, each));
    const isFirst = !shared.every(isWhole);

    /** @param founding whether some of what attachments share is missing */
    const commit = (founding: boolean): readonly Owned[] => {
      const shares = founding ? shared.flatMap((each) => found(host, each)) : [];
      const changes = [...shares, ...adding];
      try {
        const all = [...changes, ...others.changes([], isFirst)];
        host.use(Nft).commit(all, founding ? generation : undefined);
        return [];
      } catch (error) {
        if (!founding && isKernelError(error, "ENOENT")) return commit(true); // a set is missing
        if (!isKernelError(error, "EEXIST")) throw error;
        return replace(host, attachment, wanted, generation, (before) => [
          ...changes,
          ...others.changes(before, isFirst),
        ]);
      }
    };
    return commit(isFirst);
  });
}

const nobody: Others = { questions: [], changes: () => [] };

function addEntries(attachment: Attachment, { feature, entries }: Wanted): nft.Change[] {
  if (entries.length > maxEntries) {
    throw new Error(`Cannot keep ${entries.length} entries of one family: ${maxEntries} at most`);
  }
  const userdata = nft.commentOf(ruleComment(attachment));
  const owner = ownerOf(attachment);
  const bySet = new Map<string, nft.ElementInput[]>();
  const add = (set: string, element: nft.ElementInput) => {
    const elements = bySet.get(set);
    if (elements) elements.push(element);
    else bySet.set(set, [element]);
  };
  entries.forEach(({ value, data }: Entry, i) => {
    for (const { set, key } of feature.elementsOf(value)) {
      add(set, { key: { value: key }, ...(data && { data: { value: data } }), userdata });
    }
    add(owners, { key: { value: ownerKey(owner, i) }, data: { value } });
  });
  return [...bySet].flatMap(([set, elements]) =>
    inParts(elements).map((part) => nft.addElements(feature, set, part, { exclusive: true })),
  );
}
