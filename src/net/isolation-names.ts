/** By what to see that an attachment has a policy, without the code of `isolation.ts`: hardly any has. */
import { askChain, type Question } from "../kernel/nft.ts";
import type { Chain } from "../netlink/nftables/chain.ts";
import type { Attachment } from "./attachment.ts";
import { chainName } from "./chain-feature.ts";

/** Of the tables, and how the names of attachments' chains start. */
export const isolationNames = { table: "cnibox_isolation", prefix: "policy" } as const;

/** The chains that it has, if it has any. */
export function askIsolation(attachment: Attachment): Question<Chain>[] {
  const { table, prefix } = isolationNames;
  const name = chainName(prefix, attachment);
  return (["ip", "ip6", "bridge"] as const).map((family) => askChain({ family, table }, name));
}
