/**
 * IP masquerade of one attachment's addresses. Natively with nf_tables; the program `iptables` is run
 * only where the config asks for it, or the kernel has no nf_tables.
 */
import type { Cidr } from "../addr/cidr.ts";
import { tryAll } from "../cni/undo.ts";
import type { Netns } from "../kernel/netns.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, install, uninstall } from "./attachment-chain.ts";
import * as iptables from "./masquerade-iptables.ts";
import { features, parts } from "./masquerade-nft.ts";
import * as remains from "./masquerade-remains.ts";
import { whereSupported } from "./nft-remains.ts";

export type { Attachment, ValidAttachment } from "./attachment.ts";

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
    install(host, attachment, parts(addresses));
    return true;
  } catch (error) {
    if (!(error instanceof NftUnsupported) || backend !== undefined) throw error;
    if (!iptables.isAvailable(addresses)) throw error;
    return false;
  }
}

/**
 * Removes what `setup` made, and what the Go plugins made for the same attachment, by whichever
 * backend. What is not there is no error.
 *
 * @param addresses may be left out, or empty; only needed where two interfaces of a container are in
 *   one network and iptables made their rules, which share a chain then
 */
export function teardown(host: Netns, attachment: Attachment, addresses?: readonly Cidr[]): void {
  const known = addresses?.length ? addresses : undefined;
  tryAll(
    () => whereSupported(() => uninstall(host, features, attachment)),
    () => whereSupported(() => remains.remove(host, attachment, known)),
    () => iptables.teardownLegacy(attachment, known),
  );
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  tryAll(
    () => whereSupported(() => collect(host, features, network, valid)),
    () => whereSupported(() => remains.collect(host, network, valid)),
    () => iptables.collectLegacy(network, valid),
  );
}
