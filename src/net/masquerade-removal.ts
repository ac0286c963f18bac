/** Removing IP masquerade, whoever set it up: we by either backend, or the Go plugins. */
import type { Cidr } from "../addr/cidr.ts";
import { tryAll } from "../cni/undo.ts";
import type { Netns } from "../kernel/netns.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, remove } from "./attachment-set-removal.ts";
import { legacyFamilies } from "./iptables-legacy.ts";
import * as iptables from "./masquerade-iptables.ts";
import { features } from "./masquerade-nft.ts";
import * as remains from "./masquerade-remains.ts";
import { whereSupported } from "./nft-remains.ts";

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
    () => whereSupported(() => remove(host, features, attachment)),
    () => whereSupported(() => remains.remove(host, attachment, known)),
    () => hasLegacy() && iptables.teardownLegacy(attachment, known),
  );
}

/** Else what runs the program need not be loaded. */
function hasLegacy(): boolean {
  return legacyFamilies("nat").length > 0;
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  tryAll(
    () => whereSupported(() => collect(host, features, network, valid)),
    () => whereSupported(() => remains.collect(host, network, valid)),
    () => hasLegacy() && iptables.collectLegacy(network, valid),
  );
}
