/** Base64 (RFC 4648, section 4), as Go's encoding/json writes byte arrays. */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** With padding, on one line. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const group = (a << 16) | (b << 8) | c;
    for (const shift of [18, 12, 6, 0]) text += alphabet[(group >> shift) & 63];
  }
  const missing = (3 - (bytes.length % 3)) % 3;
  return text.slice(0, text.length - missing) + "=".repeat(missing);
}

/** The bytes; line breaks are ignored, as Go does. Undefined if the text is no Base64. */
export function parseBase64(text: string): Uint8Array | undefined {
  const joined = text.replace(/[\r\n]/g, "");
  if (joined.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(joined)) return undefined;
  const digits = joined.replace(/=/g, "");
  const bytes = new Uint8Array((digits.length * 6) >> 3);
  let group = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits.length; i++) {
    group = ((group << 6) | alphabet.indexOf(digits[i] as string)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (group >> bits) & 0xff;
  }
  return bytes;
}
