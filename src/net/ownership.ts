/**
 * Whose a host interface is.
 *
 * Its name is derived from the attachment, so DEL finds it without a namespace, a cache or a dump;
 * its alias says in words whose it is, so GC can tell which of ours nobody owns any more, and an
 * operator who reads `ip link` can too.
 */
import { sha512Hex } from "../kernel/digest.ts";
import type { Netns } from "../kernel/netns.ts";
import { type Attachment, hashOf, instanceHash, type ValidAttachment } from "./attachment.ts";

/** The attachment that a call is about, with the network that it is in. */
export function attachmentOf(call: {
  network: string;
  attachment: Omit<Attachment, "network">;
}): Attachment {
  const { containerId, ifName } = call.attachment;
  return { network: call.network, containerId, ifName };
}

/** IFALIASZ of include/uapi/linux/if.h, less the NUL. */
const maxAlias = 255;

/** `veth` and 8 hex digits, as the reference names its host ends (there the digits are random). */
export function hostVethName({ network, containerId, ifName }: Attachment): string {
  return `veth${sha512Hex(`${network}/${containerId}/${ifName}`, 8)}`;
}

/** The name that a container's interface may have until it gets its own: see `Links.add`. */
export function interimName({ network, containerId, ifName }: Attachment): string {
  return `cni${sha512Hex(`${network}/${containerId}/${ifName}`, 8)}`;
}

/**
 * The alias of a host interface: `cni:<network>/<containerID>/<ifname>`, or hashes of the parts
 * where that is too long for the kernel. None of the parts can hold a slash.
 */
export function alias(attachment: Attachment): string {
  const { network, containerId, ifName } = attachment;
  const plain = `${plainPrefix(network)}${containerId}/${ifName}`;
  return plain.length <= maxAlias ? plain : `cni#${instanceHash(attachment)}`;
}

/** Whose an alias says that an interface is; undefined where it does not say, or only by hashes. */
export function ownerOf(text: string): Attachment | undefined {
  const [, network, containerId, ifName] = /^cni:([^/]+)\/([^/]+)\/([^/]+)$/.exec(text) ?? [];
  return network && containerId && ifName ? { network, containerId, ifName } : undefined;
}

/**
 * Removes the host interfaces of a network whose attachment is not valid any more. Their other end
 * goes with them.
 * @param kind left out: of any
 * @returns the names of those removed
 */
export function collectLinks(
  host: Netns,
  network: string,
  valid: readonly ValidAttachment[],
  kind?: string,
): string[] {
  const kept = new Set(valid.map((attachment) => alias({ network, ...attachment })));
  const prefixes = [plainPrefix(network), hashedPrefix(network)];
  const removed: string[] = [];
  for (const link of host.links.dump(kind === undefined ? {} : { kind })) {
    const owner = link.alias ?? "";
    if (kept.has(owner) || !prefixes.some((prefix) => owner.startsWith(prefix))) continue;
    if (host.links.remove(link.index)) removed.push(link.name);
  }
  return removed;
}

/** Removes the attachment's host interface if it is still there and ours. */
export function removeHostVeth(host: Netns, attachment: Attachment): boolean {
  const link = host.links.find(hostVethName(attachment));
  return link !== undefined && link.alias === alias(attachment) && host.links.remove(link.index);
}

function plainPrefix(network: string): string {
  return `cni:${network}/`;
}

function hashedPrefix(network: string): string {
  return `cni#${hashOf(network)}-`;
}
