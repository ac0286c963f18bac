/** CHECK and STATUS of port mappings. */
import { CniError } from "../cni/errors.ts";
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import type { Attachment } from "./attachment.ts";
import { findDamage } from "./attachment-set-check.ts";
import { mayStandIn, nativePlan, type PortMappings } from "./portmap.ts";
import * as guarded from "./portmap-guarded.ts";
import * as iptables from "./portmap-iptables.ts";
import { entriesOf, isConditional } from "./portmap-nft.ts";
import {
  byFamily,
  type FamilyMappings,
  type Plan,
  type PortmapConfig,
  requestedBackend,
} from "./portmap-plan.ts";
import * as remains from "./portmap-remains.ts";

/**
 * Throws what is missing or otherwise than `setup` made it. What the Go plugin made for the attachment
 * will do: a node may have changed from it to us.
 */
export function check(host: Netns, attachment: Attachment, asked: PortMappings): void {
  const families = byFamily(asked.addresses, asked.mappings);
  const plan = nativePlan(asked.config, families);
  const damage = plan
    ? nativeDamage(host, attachment, asked, plan)
    : iptablesDamage(attachment, asked, families);
  if (damage !== undefined) throw new CniError("Internal", `Port mappings are damaged: ${damage}`);
}

function nativeDamage(
  host: Netns,
  attachment: Attachment,
  asked: PortMappings,
  plan: Plan,
): string | undefined {
  try {
    const wanted = entriesOf(plan).filter(({ entries }) => entries.length > 0);
    const isGuarded = plan.targets.some(isConditional);
    const damage =
      findDamage(host, attachment, wanted) ??
      (isGuarded ? guarded.findDamage(host, attachment, plan) : undefined);
    return damage !== undefined && remains.isThere(host, attachment) ? undefined : damage;
  } catch (error) {
    const families = byFamily(asked.addresses, asked.mappings);
    if (!(error instanceof NftUnsupported) || !mayStandIn(asked.config, families)) throw error;
    return iptablesDamage(attachment, asked, families);
  }
}

function iptablesDamage(
  attachment: Attachment,
  { config, mappings }: PortMappings,
  families: readonly FamilyMappings[],
): string | undefined {
  for (const family of families) {
    const damage = iptables.findDamage(config, attachment, family, mappings);
    if (damage !== undefined) return damage;
  }
  return undefined;
}

/** Why ports cannot be mapped on this host; undefined if they can. */
export function findObstacle(host: Netns, config: PortmapConfig): string | undefined {
  const backend = requestedBackend(config);
  if (backend !== "iptables" && host.use(Nft).isSupported()) return undefined;
  if (backend !== "nftables" && iptables.isAvailable(["ip"])) return undefined;
  const missing = {
    nftables: "the kernel lacks CONFIG_NF_TABLES",
    iptables: "iptables is not in PATH",
  };
  return backend ? missing[backend] : `${missing.nftables}, and ${missing.iptables}`;
}
