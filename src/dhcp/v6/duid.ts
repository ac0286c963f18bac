/** DHCP unique identifiers: RFC 8415 section 11, RFC 6355. */
import { concat, u16be } from "../../addr/bytes.ts";

/** DUID-LL: from the hardware address. For links that have one of their own. */
export function linkLayerDuid(hardwareType: number, mac: Uint8Array): Uint8Array {
  return concat(u16be(3), u16be(hardwareType), mac);
}

/** DUID-UUID, from 16 bytes. */
export function uuidDuid(uuid: Uint8Array): Uint8Array {
  return concat(u16be(4), uuid);
}

/**
 * A UUID from the first 16 bytes of a digest (RFC 9562, version 8: made by a rule of our own). One
 * of the attachment's name is always the same: containers have no place to keep a UUID, and may share
 * a MAC.
 */
export function digestUuid(digest: Uint8Array): Uint8Array {
  const uuid = digest.slice(0, 16);
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return uuid;
}
