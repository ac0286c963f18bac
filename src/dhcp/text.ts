/** Text on the wire. */

/** The text of UTF-8 bytes; a byte that starts no valid character becomes U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] as number;
    const length = lengthOf(first);
    const code = length === 1 ? first : readCode(bytes, at, length);
    text += String.fromCodePoint(code < 0 ? 0xfffd : code);
    at += code < 0 ? 1 : length;
  }
  return text;
}

function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/** The character at `at`, or -1 if it is cut, overlong, a surrogate or too high. */
function readCode(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0 || at + length > bytes.length) return -1;
  let code = (bytes[at] as number) & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number;
    if ((byte & 0xc0) !== 0x80) return -1;
    code = (code << 6) | (byte & 0x3f);
  }
  const isSurrogate = code >= 0xd800 && code < 0xe000;
  const isOverlong = code < (length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000);
  return isSurrogate || isOverlong || code > 0x10ffff ? -1 : code;
}

/** What a server says, fit for one line of a log. */
export function printable(text: string): string {
  let line = "";
  for (const char of text) line += char < " " || (char >= "\x7f" && char < "\xa0") ? "?" : char;
  return line;
}

/** `3 replies`, `1 reply` */
export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
