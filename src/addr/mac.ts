/** Hardware addresses: a `Uint8Array` of 6, 8 (EUI-64) or 20 (InfiniBand) bytes. */
import { toHex } from "./bytes.ts";

/**
 * Reads what Go's `net.ParseMAC` reads: pairs of digits between `:` or between `-`, or groups of
 * four between dots, in either case. Throws Go's `address TEXT: invalid MAC address`.
 */
export function parseMac(text: string): Uint8Array {
  const form = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2})*$/i.test(text)
    ? /[:-]/
    : /^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i.test(text)
      ? /\./
      : undefined;
  const digits = form ? text.split(form).join("") : "";
  if (digits.length !== 12 && digits.length !== 16 && digits.length !== 40) {
    throw new Error(`address ${text}: invalid MAC address`);
  }
  const mac = new Uint8Array(digits.length / 2);
  for (let i = 0; i < mac.length; i++) mac[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return mac;
}

/** `0a:58:0a:01:02:03`: lower case, colons. */
export function formatMac(mac: Uint8Array): string {
  return toHex(mac, ":");
}
