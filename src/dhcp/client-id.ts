/**
 * How a client calls itself: option 61.
 *
 * By the same identifier a server gives the same lease, so leases can be taken over from the
 * reference, and links that share a MAC (ipvlan) can be told apart.
 */
import { concat, u32be, utf8 } from "../addr/bytes.ts";

/** What a lease belongs to. */
export interface Attachment {
  containerId: string;
  network: string;
  ifName: string;
}

const maximum = 254;

/** `CID/NETWORK/IF`: the reference's key of a lease, and what people read in logs. */
export function attachmentName({ containerId, network, ifName }: Attachment): string {
  return `${containerId}/${network}/${ifName}`;
}

/**
 * The reference's identifier: type 0 (no hardware address) and the name of the attachment, of which
 * the first 254 bytes count. Reference: plugins/ipam/dhcp/daemon.go, generateClientID.
 */
export function referenceClientId(attachment: Attachment): Uint8Array {
  const name = utf8(attachmentName(attachment));
  return concat(Uint8Array.of(0), name.subarray(0, maximum));
}

/**
 * The identifier of RFC 4361 section 6.1: type 255, IAID, DUID. DHCPv6 uses the same two, so that
 * one server sees one client in both.
 */
export function rfc4361ClientId(iaid: number, duid: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(255), u32be(iaid), duid);
}

/** The number of an identity association, from the name of its attachment: FNV-1a, 32 bits. */
export function iaidOf(attachment: Attachment): number {
  let hash = 0x811c9dc5;
  for (const byte of utf8(attachmentName(attachment))) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
