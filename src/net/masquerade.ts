/**
 * IP masquerade of one attachment's addresses. Natively with nf_tables; the program `iptables` is run
 * only where the config asks for it, or the kernel has no nf_tables.
 */
import type { Cidr } from "../addr/cidr.ts";
import type { Netns } from "../kernel/netns.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import type { Attachment } from "./attachment.ts";
import { install } from "./attachment-set.ts";
import * as iptables from "./masquerade-iptables.ts";
import { entriesOf } from "./masquerade-nft.ts";

/** Throws, in the words of the reference, if there is no such backend. */
export function checkBackend(backend: string | undefined): void {
  if (backend !== undefined && backend !== "nftables" && backend !== "iptables") {
    throw new Error(`unknown ipmasq backend "${backend}"`);
  }
}

/**
 * Lets packets from `addresses` leave their subnets under an address of the host.
 *
 * Safe to repeat: what the attachment had before is replaced. An address that another attachment left
 * behind is taken over.
 *
 * @param addresses the attachment's addresses with the prefix length of their subnet, host bits kept
 * @param backend `nftables` or `iptables`; default: nftables, iptables on a kernel without nf_tables
 * @throws KernelError; NftUnsupported, which names the kernel options, if there is no way
 */
export function setup(
  host: Netns,
  attachment: Attachment,
  addresses: readonly Cidr[],
  backend?: string,
): void {
  checkBackend(backend);
  if (backend === "iptables" || !setupNatively(host, attachment, addresses, backend)) {
    iptables.setup(attachment, addresses);
  }
}

/** @returns false if the kernel cannot, and iptables may stand in */
function setupNatively(
  host: Netns,
  attachment: Attachment,
  addresses: readonly Cidr[],
  backend: string | undefined,
): boolean {
  try {
    install(host, attachment, entriesOf(addresses));
    return true;
  } catch (error) {
    if (!(error instanceof NftUnsupported) || backend !== undefined) throw error;
    if (!iptables.isAvailable(addresses)) throw error;
    return false;
  }
}
