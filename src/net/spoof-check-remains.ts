/** What the Go bridge leaves in nf_tables for its MAC spoof check: pkg/link/spoofcheck.go. */
import type { Netns } from "../kernel/netns.ts";
import type { Attachment } from "./attachment.ts";
import { removeChains } from "./nft-remains.ts";

const table = { family: "bridge", table: "nat" } as const;

/** Removes the attachment's two chains, and the rule that leads to them. */
export function remove(host: Netns, { containerId, ifName }: Attachment): void {
  const chain = `cni-br-iface-${containerId}-${ifName}`;
  removeChains(host, table, [chain, `${chain}-mac`], "PREROUTING");
}
