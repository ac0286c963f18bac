/** Whose rules there are: what attachments have in nf_tables names them in a comment. */
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import type { TableName } from "../kernel/nft-changes.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import type { Attachment } from "../net/attachment.ts";

/** The tables of all features, each in one family or several; a test compares them with `net/`. */
const tables = [
  "cnibox_firewall",
  "cnibox_ipmasq",
  "cnibox_isolation",
  "cnibox_macspoofchk",
  "cnibox_portmap",
  "cnibox_portmap_guarded",
];
const families = ["ip", "ip6", "bridge"] as const;

/** An attachment that has something in a table. */
export interface Owner extends Attachment {
  /** As `ip cnibox_portmap`. */
  table: string;
}

/** Each attachment once for each table. Reads all that our tables hold. */
export function ownersOfRules(host: Netns): Owner[] {
  try {
    return tables.flatMap((table) =>
      families.flatMap((family) => ownersIn(host, { family, table })),
    );
  } catch (error) {
    if (error instanceof NftUnsupported) return [];
    throw error;
  }
}

function ownersIn(host: Netns, { family, table }: TableName): Owner[] {
  const nft = host.use(Nft);
  const owners = new Map<string, Owner>();
  for (const { name } of nft.sets({ family, table })) {
    for (const { userdata } of nft.elements({ family, table }, name ?? "")) {
      const comment = userdata?.comment ?? "";
      const [, network, ifName, containerId] =
        /, net: (.*), if: (.*), id: (.*)$/.exec(comment) ?? [];
      if (!network || !ifName || !containerId) continue;
      owners.set(comment, { network, ifName, containerId, table: `${family} ${table}` });
    }
  }
  return [...owners.values()];
}
