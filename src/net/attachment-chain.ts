/**
 * Rules of nf_tables that belong to one attachment, at a cost that does not grow with the node.
 *
 * A feature (port mappings with conditions, isolation) has a table of its own in each family; what needs
 * no rules of its own is better off in `attachment-set.ts`:
 *
 *     table ip cnibox_portmap_guarded {
 *       map ports { type inet_proto . inet_service : verdict
 *         elements = { tcp . 8080 : jump guarded-<hash> } }
 *       chain prerouting { type nat hook prerouting ...; ... vmap @ports }
 *       chain guarded-<hash> { tcp dport 8080 ... comment "<hash>, net: .., if: .., id: .." }
 *     }
 *
 * - The kernel finds an attachment's chain by its key in a map: one look-up for each packet.
 * - We find it by its name, which the attachment gives. Its rules say which keys lead to it, so that
 *   DEL needs no address, no result and no cache; a comment would do for people, not for us.
 * - A key may also say all by being there, where one rule can do for all; its comment says whose it is,
 *   and a chain that nothing leads to says which keys an attachment has.
 * - The name starts with the hash of the network, so that GC can tell whose chains it may judge.
 * - The families ip and ip6 have tables of their own, as not every kernel has the family inet.
 * - A table of its own for each feature lets the kernel say whether an attachment is left (it counts
 *   the chains), so that the last one to leave takes the table away.
 *
 * Many processes do this at once, and none has a lock. Whoever makes the table makes the base chains
 * and empties and fills them in the same transaction, so their rules stand once whoever is first.
 * Whoever deletes a key or a table read first, and the kernel refuses if anything changed since; then
 * it is read again.
 */
import type { Netns } from "../kernel/netns.ts";
import { askChain, Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import {
  type Attachment,
  hashLength,
  hashOf,
  instanceHash,
  ruleComment,
  type ValidAttachment,
} from "./attachment.ts";
import { Joined, Seen } from "./attachment-chain-state.ts";
import {
  chainName,
  distinct,
  type Feature,
  type MapKey,
  type Part,
  rulesIn,
} from "./chain-feature.ts";

/**
 * Makes the attachment's chains what `parts` say, in one transaction. Safe to repeat. A key that led
 * elsewhere leads here from then on: its owner is gone, or its address would not be free.
 *
 * @param parts one without chains takes away what the attachment had before of its feature
 * @returns the keys that the attachment, or one that it takes over from, had before
 */
export function install(host: Netns, attachment: Attachment, parts: readonly Part[]): LostKey[] {
  return host.use(Nft).retry(() => {
    const seen = parts.map((part) => new Seen(part.feature, attachment, part.chains));
    const generation = host.use(Nft).look(seen.flatMap((each) => each.questions));
    Seen.readOwnKeys(host, seen);
    const changes = parts.flatMap((part, i) =>
      installPart(host, part, attachment, seen[i] as Seen),
    );
    const before = seen.flatMap((each) => keysOf(each.feature, each.oldKeys()));
    // Where nothing is deleted by key, the kernel notices each race by itself.
    host.use(Nft).commit(changes, seen.some(hasOld) ? generation : undefined);
    return before;
  });
}

function hasOld(seen: Seen): boolean {
  return seen.own.length > 0 || seen.oldKeys().length > 0;
}

function installPart(
  host: Netns,
  { feature, chains }: Part,
  attachment: Attachment,
  seen: Seen,
): nft.Change[] {
  if (chains.length === 0) {
    return removeAll(host, seen, seen.own, seen.oldKeys(), seen.emptiedGroups);
  }
  const comment = ruleComment(attachment);
  const changes = seen.isFounded() ? [] : found(feature);
  for (const { group, isThere } of seen.wantedGroups) {
    const { name, rule, keys } = group;
    if (!isThere) changes.push(nft.addChain(feature, name, { exclusive: true }));
    if (!isThere) changes.push(nft.addRule(feature, name, rule));
    for (const { map, key } of keys) {
      changes.push(nft.addElements(feature, map, [{ key: { value: key } }]));
    }
  }
  changes.push(...removeKeys(feature, seen.oldKeys()));
  for (const chain of chains) {
    const name = chainName(chain.prefix, attachment);
    if (seen.own.includes(name)) changes.push(nft.flushChain(feature, name));
    else changes.push(nft.addChain(feature, name, { exclusive: true }));
    for (const rule of rulesIn(chain)) changes.push(nft.addRule(feature, name, rule, comment));
    for (const key of distinct(chain.keys)) changes.push(addKey(feature, key, name, comment));
  }
  const kept = chains.map(({ prefix }) => chainName(prefix, attachment));
  const dropped = seen.own.filter((name) => !kept.includes(name));
  changes.push(...dropped.map((name) => nft.removeChain(feature, name)));
  return [...changes, ...removeGroups(host, feature, seen.emptiedGroups)];
}

/** Removes groups that nobody is in any more, with their keys. */
function removeGroups(host: Netns, feature: Feature, names: readonly string[]): nft.Change[] {
  return names.flatMap((name) => {
    const keys = host.use(Nft).rules(feature, name).flatMap(feature.keysOf);
    return [nft.removeChain(feature, name), ...removeKeys(feature, keys)];
  });
}

function addKey(
  feature: Feature,
  { map, key }: MapKey,
  chain: string,
  comment: string,
): nft.Change {
  const value = { key: { value: key } };
  const isSet = feature.maps.find(({ name }) => name === map)?.isSet;
  const element = isSet
    ? { ...value, userdata: nft.commentOf(comment) }
    : { ...value, data: { verdict: { code: "jump" as const, chain } } };
  return nft.addElements(feature, map, [element]);
}

/**
 * Removes all that the attachment has of these features, in one transaction.
 * @returns the keys that led to it
 */
export function uninstall(
  host: Netns,
  features: readonly Feature[],
  attachment: Attachment,
): LostKey[] {
  return host.use(Nft).retry(() => {
    const seen = features.map((feature) => new Seen(feature, attachment, []));
    const generation = host.use(Nft).look(seen.flatMap((each) => each.questions));
    Seen.readOwnKeys(host, seen);
    const changes = seen.flatMap((each) =>
      removeAll(host, each, each.own, each.oldKeys(), each.emptiedGroups),
    );
    host.use(Nft).commit(changes, generation);
    return seen.flatMap((each) => keysOf(each.feature, each.oldKeys()));
  });
}

/** A key that leads nowhere any more, and the feature that it was of. */
export interface LostKey extends MapKey {
  feature: Feature;
}

function keysOf(feature: Feature, keys: readonly MapKey[]): LostKey[] {
  return keys.map((key) => ({ feature, ...key }));
}

/**
 * Removes what attachments of `network` have that are not among `valid`, in one transaction.
 * @returns the keys that led to them
 */
export function collect(
  host: Netns,
  features: readonly Feature[],
  network: string,
  valid: readonly ValidAttachment[],
): LostKey[] {
  const kept = new Set(valid.map((each) => instanceHash({ network, ...each })));
  return host.use(Nft).retry(() => {
    const seen = features.map((feature) => new Seen(feature));
    const generation = host.use(Nft).look(seen.flatMap((each) => each.questions));
    const going = seen.map((each) => {
      const { feature } = each;
      const stale = each.exists() ? staleChains(host, feature, network, kept) : [];
      return { each, stale, keys: keysLeadingTo(host, feature, stale) };
    });
    const changes = going.flatMap(({ each, stale, keys }) =>
      removeAll(host, each, stale, keys, groupsEmptied(host, each.feature, stale)),
    );
    host.use(Nft).commit(changes, generation);
    return going.flatMap(({ each, keys }) => keysOf(each.feature, keys));
  });
}

function groupsEmptied(host: Netns, feature: Feature, chains: readonly string[]): string[] {
  if (!feature.hasGroups) return [];
  const joined = new Joined(
    feature,
    chains.flatMap((name) => host.use(Nft).rules(feature, name)),
  );
  host.use(Nft).look(joined.questions);
  return joined.emptied;
}

function staleChains(host: Netns, feature: Feature, network: string, kept: Set<string>): string[] {
  const starts = feature.prefixes.map((prefix) => `${prefix}-`);
  const names = host
    .use(Nft)
    .chains(feature)
    .map(({ name }) => name ?? "");
  return names.filter((name) => {
    const start = starts.find((each) => name.startsWith(`${each}${hashOf(network)}-`));
    return start !== undefined && !kept.has(name.slice(start.length));
  });
}

function keysLeadingTo(host: Netns, feature: Feature, chains: readonly string[]): MapKey[] {
  if (chains.length === 0) return [];
  const wanted = new Set(chains);
  const owners = new Set(chains.map((name) => name.slice(-hashLength)));
  return feature.maps.flatMap(({ name }) =>
    host
      .use(Nft)
      .elements(feature, name)
      .filter(
        ({ data, userdata }) =>
          wanted.has(data?.verdict?.chain ?? "") ||
          owners.has(userdata?.comment?.slice(0, hashLength) ?? ""),
      )
      .map((element) => ({ map: name, key: element.key?.value as Uint8Array })),
  );
}

/** The rules of an attachment's chain; undefined if it has none. */
export function rulesOf(
  host: Netns,
  feature: Feature,
  prefix: string,
  attachment: Attachment,
): Rule[] | undefined {
  const name = chainName(prefix, attachment);
  const chain = askChain(feature, name);
  host.use(Nft).look([chain]);
  return chain.answer && host.use(Nft).rules(feature, name);
}

// ── changes ───────────────────────────────────────────────────────────────────────────────────

/** The table, and in it what all attachments share; also where some of it is there already. */
function found(feature: Feature): nft.Change[] {
  const changes = [nft.addTable(feature, feature.comment)];
  for (const { name, key, isSet } of feature.maps) {
    if (isSet) changes.push(nft.addSet(feature, name, key));
    else changes.push(nft.addVerdictMap(feature, name, key));
  }
  for (const { name, base, rules } of feature.hooks) {
    changes.push(nft.addChain(feature, name, { base }));
    changes.push(nft.flushChain(feature, name));
    for (const rule of rules) changes.push(nft.addRule(feature, name, rule));
  }
  return changes;
}

/** Removes chains and what leads to them, and the table with the last chain. */
function removeAll(
  host: Netns,
  seen: Seen,
  chains: readonly string[],
  keys: readonly MapKey[],
  groups: readonly string[],
): nft.Change[] {
  const { feature } = seen;
  const changes = removeKeys(feature, keys);
  changes.push(...chains.map((name) => nft.removeChain(feature, name)));
  changes.push(...removeGroups(host, feature, groups));
  if (!seen.isLeftWith(chains.length + groups.length)) return changes;
  for (const name of seen.hooks) changes.push(nft.removeChain(feature, name));
  for (const { name } of feature.maps) changes.push(nft.removeSet(feature, name));
  return [...changes, nft.removeTable(feature, true)];
}

/** In one message for each map, and more where there are many: an attribute ends at 64 KiB. */
function removeKeys(feature: Feature, keys: readonly MapKey[]): nft.Change[] {
  const atOnce = 256;
  const changes: nft.Change[] = [];
  for (const { name } of feature.maps) {
    const mine = keys.filter(({ map }) => map === name).map(({ key }) => key);
    for (let at = 0; at < mine.length; at += atOnce) {
      changes.push(nft.removeElements(feature, name, mine.slice(at, at + atOnce)));
    }
  }
  return changes;
}
