/** CHECK: whether the sets hold of an attachment what `attachment-set.ts` put into them. */
import { equal } from "../addr/bytes.ts";
import type { Netns } from "../kernel/netns.ts";
import { askElement, askTable, Nft } from "../kernel/nft.ts";
import { label } from "../kernel/nft-changes.ts";
import type { Element } from "../netlink/nftables/element.ts";
import type { Attachment } from "./attachment.ts";
import { askShared, isWhole } from "./attachment-set-shared.ts";
import { type Entry, ownerKey, ownerLength, ownerOf, owners, type Wanted } from "./set-feature.ts";
import { isRule } from "./verify-rule.ts";

/** What is missing or otherwise than `wanted` says; undefined if nothing is. */
export function findDamage(
  host: Netns,
  attachment: Attachment,
  wanted: readonly Wanted[],
): string | undefined {
  for (const each of wanted) {
    const damage = damageOf(host, attachment, each);
    if (damage !== undefined) return damage;
  }
  return undefined;
}

function damageOf(host: Netns, attachment: Attachment, wanted: Wanted): string | undefined {
  const { feature, entries } = wanted;
  const place = label(feature.family, feature.table);
  const table = askTable(feature);
  const shared = askShared(wanted);
  host.use(Nft).look([table, ...shared.hooks.map(({ question }) => question)]);
  if (!table.answer) return `there is no ${place}`;
  if (!isWhole(shared) || !hasRules(host, wanted, shared.sets)) {
    return `what all containers share in ${place} is damaged`;
  }

  const owner = ownerOf(attachment);
  const expected = entries.flatMap((entry, i) => [
    ...feature.elementsOf(entry.value).map(({ set, key }) => ({
      set,
      question: askElement(feature, set, key),
      isRight: (found: Element) => isOwned(found, owner, entry),
    })),
    {
      set: owners,
      question: askElement(feature, owners, ownerKey(owner, i)),
      isRight: ({ data }: Element) => !!data?.value && equal(data.value, entry.value),
    },
  ]);
  host.use(Nft).look(expected.map(({ question }) => question));
  const lost = expected.find(({ question: { answer }, isRight }) => !answer || !isRight(answer));
  return lost && `${lost.set} of ${place} does not hold what is the container's`;
}

/** Whether the rules about these sets, and those of their hooks, are there: any others may be, too. */
function hasRules(host: Netns, { feature }: Wanted, sets: readonly string[]): boolean {
  const about = sets.flatMap((set) => feature.describe(set)?.rules ?? []);
  return feature.hooks.every(({ name, rules, isAlways }) => {
    const mine = about.filter(({ hook }) => hook === name);
    if (mine.length === 0 && !isAlways) return true;
    const found = host.use(Nft).rules(feature, name);
    const makers = [...rules, ...mine.map(({ make }) => make)];
    return makers.every((make) => {
      const expected = make();
      return found.some((rule) => isRule(expected, rule));
    });
  });
}

function isOwned({ userdata, data }: Element, owner: string, entry: Entry): boolean {
  if (userdata?.comment?.slice(0, ownerLength) !== owner) return false;
  return !entry.data || (!!data?.value && equal(data.value, entry.data));
}
