/** What the Go bridge leaves in nf_tables for its MAC spoof check (pkg/link/spoofcheck.go). */
import type { Netns } from "../kernel/netns.ts";
import { askChain, Nft } from "../kernel/nft.ts";
import type { Attachment } from "./attachment.ts";
import { removeChains } from "./nft-remains.ts";

const table = { family: "bridge", table: "nat" } as const;

/** Removes what is left of one attachment. Its names say nothing of networks: GC cannot judge it. */
export function remove(host: Netns, { containerId, ifName }: Attachment): void {
  const chain = `cni-br-iface-${containerId}-${ifName}`;
  const question = askChain(table, chain);
  host.use(Nft).look([question]);
  if (question.answer) removeChains(host, table, [chain, `${chain}-mac`], "PREROUTING");
}
