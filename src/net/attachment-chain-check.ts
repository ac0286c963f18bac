/** CHECK: whether the chains of an attachment are what `attachment-chain.ts` made of them. */
import type { Netns } from "../kernel/netns.ts";
import { askElement, Nft } from "../kernel/nft.ts";
import { label } from "../kernel/nft-changes.ts";
import type { Element } from "../netlink/nftables/element.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import { type Attachment, hashLength } from "./attachment.ts";
import { Seen } from "./attachment-chain-state.ts";
import {
  chainName,
  distinct,
  type Feature,
  type OwnChain,
  type Part,
  rulesIn,
} from "./chain-feature.ts";
import { isRule } from "./verify-rule.ts";

/** What is missing or otherwise than `parts` say; undefined if nothing is. */
export function findDamage(
  host: Netns,
  attachment: Attachment,
  parts: readonly Part[],
): string | undefined {
  for (const { feature, chains } of parts) {
    const seen = new Seen(feature);
    host.use(Nft).look(seen.questions);
    const place = label(feature.family, feature.table);
    if (!seen.exists()) return `there is no ${place}`;
    if (!seen.isFounded()) return `what all containers share in ${place} is damaged`;
    for (const chain of chains) {
      const damage = damageOf(host, feature, chainName(chain.prefix, attachment), chain);
      if (damage) return `${damage} of ${place}`;
    }
  }
  return undefined;
}

function damageOf(host: Netns, feature: Feature, name: string, chain: OwnChain) {
  const found = host.use(Nft).rules(feature, name);
  const rules = rulesIn(chain);
  if (found.length !== rules.length) {
    return `expected ${rules.length} rules, found ${found.length} in chain ${name}`;
  }
  const other = rules.findIndex((rule, i) => !isRule(rule, found[i] as Rule));
  if (other >= 0) return `rule ${other + 1} has changed in chain ${name}`;

  const keys = distinct(chain.keys);
  const shared = (chain.groups ?? []).flatMap((group) => group.keys);
  const questions = [...keys, ...shared].map(({ map, key }) => askElement(feature, map, key));
  host.use(Nft).look(questions);
  const lost = shared.find((_, i) => !questions[keys.length + i]?.answer);
  if (lost) return `an element is missing from ${lost.map}`;
  const astray = keys.find((_, i) => !leads(questions[i]?.answer, name));
  return astray && `${astray.map} does not lead to chain ${name}`;
}

/** Whether an element is of the chain: it leads there, or is marked as its owner's. */
function leads(element: Element | undefined, chain: string): boolean {
  const verdict = element?.data?.verdict;
  if (verdict) return verdict.chain === chain;
  return element?.userdata?.comment?.slice(0, hashLength) === chain.slice(-hashLength);
}
