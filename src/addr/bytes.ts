/** Byte arrays: comparing, joining, hex, and integers of a stated byte order. */

/** True if both hold the same bytes. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compare(a, b) === 0;
}

/** Order by the first byte that differs, then by length: negative, 0 or positive. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** One array with the bytes of all parts, in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const hexDigits = "0123456789abcdef";

/** Two lower-case digits per byte, with `separator` between bytes. */
export function toHex(bytes: Uint8Array, separator = ""): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (i > 0) text += separator;
    text += hexDigits[byte >> 4];
    text += hexDigits[byte & 15];
  }
  return text;
}

/** The bytes that `toHex` wrote (without separators, either case). Undefined if it is not hex. */
export function parseHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** How many bytes a string takes as UTF-8; a lone surrogate counts as U+FFFD, three bytes. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if (!isPair(unit, text.charCodeAt(i + 1))) length += 2;
    else {
      length += 2; // four bytes for two units
      i++;
    }
  }
  return length;
}

/** The UTF-8 bytes of a string; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.codePointAt(i) as number;
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code > 0xffff) i++;
    else if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    const following = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[at++] = (0xff00 >> (following + 1)) | (code >> (6 * following));
    for (let shift = 6 * (following - 1); shift >= 0; shift -= 6) {
      bytes[at++] = 0x80 | ((code >> shift) & 0x3f);
    }
  }
  return bytes;
}

function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000;
}

/** 16 bits, the high byte first. */
export function u16be(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

/** 16 bits, the low byte first. */
export function u16le(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8);
}

/** 32 bits, the high byte first. */
export function u32be(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** 32 bits, the low byte first. */
export function u32le(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

/** Reads what `u16be` wrote. Throws a RangeError if it does not fit inside `bytes`. */
export function readU16be(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1);
}

/** Reads what `u16le` wrote. Throws a RangeError if it does not fit inside `bytes`. */
export function readU16le(bytes: Uint8Array, at: number): number {
  return byte(bytes, at) | (byte(bytes, at + 1) << 8);
}

/** Reads what `u32be` wrote. Throws a RangeError if it does not fit inside `bytes`. */
export function readU32be(bytes: Uint8Array, at: number): number {
  return readU16be(bytes, at) * 0x10000 + readU16be(bytes, at + 2);
}

/** Reads what `u32le` wrote. Throws a RangeError if it does not fit inside `bytes`. */
export function readU32le(bytes: Uint8Array, at: number): number {
  return readU16le(bytes, at) + readU16le(bytes, at + 2) * 0x10000;
}

function byte(bytes: Uint8Array, at: number): number {
  const value = bytes[at];
  if (value === undefined) {
    throw new RangeError(`Cannot read byte ${at}: there are ${bytes.length}`);
  }
  return value;
}
