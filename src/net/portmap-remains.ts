/**
 * What the Go plugin, or our iptables backend, leaves in nf_tables: chains of `iptables-nft`, and a
 * table of its own with the container's id as the comment of each rule (portmap_nftables.go).
 */
import type { Netns } from "../kernel/netns.ts";
import { askChain, askTable, Nft } from "../kernel/nft.ts";
import * as nft from "../kernel/nft-changes.ts";
import { target } from "../netlink/nftables/build.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { commentOf, removeChains } from "./nft-remains.ts";
import { chainOf, dnatChain, isStale, natTable, oldSnatChain } from "./portmap-iptables-names.ts";

const families = ["ip", "ip6"] as const;
const ownChains = ["hostports", "hostip_hostports", "masquerading"] as const;

/**
 * Removes what is left of one container. The rules of the Go plugin's own table do not name the
 * network, so they go for all networks of the container, as they do there.
 * @returns whether there was anything
 */
export function remove(host: Netns, attachment: Attachment): boolean {
  const candidates = families.flatMap((family) => [
    { chain: chainOf("DN", attachment), from: dnatChain, table: { family, table: natTable } },
    { chain: chainOf("SN", attachment), from: oldSnatChain, table: { family, table: natTable } },
  ]);
  const chains = candidates.map((each) => ({ ...each, asked: askChain(each.table, each.chain) }));
  const tables = ownTables();
  host.use(Nft).look([...chains, ...tables].map(({ asked }) => asked));

  const found = chains.filter(({ asked }) => asked.answer);
  for (const { table, chain, from } of found) removeChains(host, table, [chain], from);
  const owned = tables.filter(({ asked }) => asked.answer);
  const removed = owned.map(({ table }) => removeRules(host, table, attachment.containerId));
  return found.length > 0 || removed.includes(true);
}

/** Whether there is anything of the container that `remove` would remove. */
export function isThere(host: Netns, attachment: Attachment): boolean {
  const chain = chainOf("DN", attachment);
  const chains = families.map((family) => askChain({ family, table: natTable }, chain));
  const tables = ownTables();
  host.use(Nft).look([...chains, ...tables.map(({ asked }) => asked)]);
  if (chains.some(({ answer }) => answer)) return true;
  return tables.some(({ table, asked }) => {
    if (!asked.answer) return false;
    const rules = host.use(Nft).rules(table, "hostports");
    return rules.some((rule) => commentOf(rule) === attachment.containerId);
  });
}

function ownTables() {
  return families.map((family) => {
    const table = { family, table: "cni_hostport" };
    return { table, asked: askTable(table) };
  });
}

function removeRules(host: Netns, table: nft.TableName, containerId: string): boolean {
  return host.use(Nft).retry(() => {
    const generation = host.use(Nft).look([]);
    const changes = ownChains.flatMap((chain) => {
      const rules = host.use(Nft).rules(table, chain);
      const mine = rules.filter((rule) => commentOf(rule) === containerId);
      return mine.map(({ handle }) => nft.removeRule(table, chain, handle as number));
    });
    host.use(Nft).commit(changes, generation);
    return changes.length > 0;
  });
}

/**
 * Removes the chains of `iptables-nft` of containers of `network` that have no valid attachment in it.
 * The Go plugin's own table says nothing of networks, so it is left to DEL.
 */
export function collect(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  const tables = families.map((family) => {
    const table = { family, table: natTable };
    return { table, asked: askChain(table, dnatChain) };
  });
  host.use(Nft).look(tables.map(({ asked }) => asked));
  for (const { table, asked } of tables) {
    if (!asked.answer) continue;
    const jumps = host
      .use(Nft)
      .rules(table, dnatChain)
      .map((rule) => ({ chain: target(rule.expressions), comment: commentOf(rule) }));
    const stale = jumps.filter((jump) => isStale(jump, network, valid));
    for (const chain of new Set(stale.map((jump) => jump.chain as string))) {
      removeChains(host, table, [chain], dnatChain);
    }
  }
}
