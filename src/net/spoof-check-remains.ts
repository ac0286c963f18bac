/** What the Go bridge leaves in nf_tables for its MAC spoof check (pkg/link/spoofcheck.go), and we before. */
import type { Netns } from "../kernel/netns.ts";
import { askChain, askTable, Nft } from "../kernel/nft.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect as collectChains, uninstall } from "./attachment-chain.ts";
import { spoofCheck as former } from "./former-chains.ts";
import { removeChains } from "./nft-remains.ts";

const table = { family: "bridge", table: "nat" } as const;

/** Removes what is left of one attachment. */
export function remove(host: Netns, attachment: Attachment): void {
  const { containerId, ifName } = attachment;
  const chain = `cni-br-iface-${containerId}-${ifName}`;
  const theirs = askChain(table, chain);
  const ours = former.map(askTable);
  host.use(Nft).look([theirs, ...ours]);
  if (theirs.answer) removeChains(host, table, [chain, `${chain}-mac`], "PREROUTING");
  if (ours.some(({ answer }) => answer)) uninstall(host, former, attachment);
}

/** Removes what is left of attachments of `network` that are not among `valid`. */
export function collect(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  collectChains(host, former, network, valid);
}
