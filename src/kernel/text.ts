/** Names are bytes to the kernel; netlink codecs carry a byte as a char, people read UTF-8. */
import { sys } from "../sys/sys.ts";

const ascii = /^[\x20-\x7e]*$/;

/** The UTF-8 bytes of a text, a char each. */
export function toWire(text: string): string {
  return ascii.test(text) ? text : String.fromCharCode(...sys.encodeUtf8(text));
}

/** The text whose UTF-8 bytes are given, a char each. */
export function fromWire(chars: string): string {
  if (ascii.test(chars)) return chars;
  const bytes = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; i++) bytes[i] = chars.charCodeAt(i);
  return sys.decodeUtf8(bytes);
}
