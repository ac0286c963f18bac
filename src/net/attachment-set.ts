/**
 * What attachments have in nf_tables as elements of sets, at a cost that does not grow with the node.
 *
 * A feature (masquerade, MAC spoof check) has a table of its own in each family:
 *
 *     table ip cnibox_ipmasq {
 *       map owners { type ipv6_addr : ipv4_addr . inet_service
 *         elements = { 6fd9:4d50:1e58:f0aa:287f:c69e:ff05:7400 : 10.1.0.2 . 16 } }
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
 * Many processes do this at once, and none has a lock. Elements are added as new: the kernel refuses
 * what is there already. Whoever makes or deletes anything else read first, and the kernel refuses if
 * anything changed since; then it is read again.
 */
import { isKernelError } from "../kernel/errors.ts";
import type { Netns } from "../kernel/netns.ts";
import { askChain, askSet, Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import { type Attachment, ruleComment } from "./attachment.ts";
import { found } from "./attachment-set-founding.ts";
import { replace } from "./attachment-set-removal.ts";
import { maxEntries, ownerKey, ownerOf, owners, type Shared, type Wanted } from "./set-feature.ts";

/**
 * Gives the attachment these entries, and no others, in one transaction. Safe to repeat. What another
 * has of their elements is the attachment's from then on: its owner is gone, or its address would not be
 * free.
 */
export function install(host: Netns, attachment: Attachment, wanted: readonly Wanted[]): void {
  host.use(Nft).retry(() => {
    const shared = wanted.map(askShared);
    const questions = shared.flatMap(({ chain, sets }) => [
      chain,
      ...sets.map((set) => set.question),
    ]);
    const generation = host.use(Nft).look(questions);
    const founding = shared.flatMap((each) => (isWhole(each) ? [] : found(host, each)));
    const changes = [...founding, ...wanted.flatMap((each) => addEntries(attachment, each))];
    try {
      host.use(Nft).commit(changes, founding.length > 0 ? generation : undefined);
    } catch (error) {
      if (!isKernelError(error, "EEXIST")) throw error;
      replace(host, attachment, wanted, changes, generation);
    }
  });
}

function askShared({ feature, entries }: Wanted): Shared {
  const names = new Set(entries.map((entry) => feature.elementsOf(entry).set));
  return {
    feature,
    chain: askChain(feature, feature.hook.name),
    sets: [...names].map((name) => ({ name, question: askSet(feature, name) })),
  };
}

/** `nft flush table` leaves a chain without rules. */
function isWhole({ feature, chain, sets }: Shared): boolean {
  const rules = feature.rules.length + 2 * sets.length;
  return (chain.answer?.use ?? 0) >= rules && sets.every(({ question }) => question.answer);
}

function addEntries(attachment: Attachment, { feature, entries }: Wanted): nft.Change[] {
  if (entries.length > maxEntries) {
    throw new Error(`Cannot keep ${entries.length} addresses of one family: ${maxEntries} at most`);
  }
  const exclusive = { exclusive: true };
  const userdata = nft.commentOf(ruleComment(attachment));
  const owner = ownerOf(attachment);
  const owned = entries.map((entry, i) => ({
    key: { value: ownerKey(owner, i) },
    data: { value: entry },
  }));
  return [
    ...entries.map((entry) => {
      const { set, keys } = feature.elementsOf(entry);
      const elements = keys.map((value) => ({ key: { value }, userdata }));
      return nft.addElements(feature, set, elements, exclusive);
    }),
    nft.addElements(feature, owners, owned, exclusive),
  ];
}
