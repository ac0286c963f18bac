/** Bytes in the kernel's order: where codecs write to and read from. */

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** What a message from the kernel, or a value meant for it, has wrong. */
export class WireError extends Error {
  override name = "WireError";
}

/** Where an attribute was written: to name the one that the kernel points at by its offset. */
export interface Mark {
  start: number;
  end: number;
  kernelName: string;
  /** The kernel's name of an attribute inside this one. */
  nameOf: ((type: number) => string | undefined) | undefined;
}

/** The texts of one call are few, and stand in many messages: names of tables, sets, links. */
const known = new Map<string, Uint8Array>();
const maxKnown = 256;

function cstringBytes(text: string): Uint8Array {
  const { length } = text;
  const bytes = new Uint8Array(length + 1);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new WireError(`cannot encode ${JSON.stringify(text)}: not Latin-1`);
    bytes[i] = code;
  }
  return bytes;
}

/** The bytes of a number turned around. */
function swapped(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

/** A number as the word that lies in memory in the machine's order. */
export const hostWord = (value: number): number => value;
/** A number as the word that lies in memory in network order. */
export const networkWord = littleEndian ? swapped : hostWord;

/** Two 16-bit numbers that lie one after another, as a word. */
function pairOf(first: number, second: number): number {
  return littleEndian ? first | (second << 16) : (first << 16) | second;
}

/** A growing buffer. All lengths are bytes. */
export class Writer {
  #bytes: Uint8Array;
  #words: Uint32Array;
  #view: DataView;
  #capacity: number;
  /** Where the next byte goes. */
  length = 0;
  /** Set by whoever wants to know where the attributes lie. */
  marks?: Mark[];

  /** @param capacity a multiple of 4 */
  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#view = new DataView(this.#bytes.buffer);
    this.#capacity = capacity;
  }

  /** Makes room for `count` zero bytes and returns where they start. */
  reserve(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.#capacity) this.#grow(end);
    this.length = end;
    return start;
  }

  #grow(least: number): void {
    const grown = new Writer(Math.max((least + 3) & ~3, this.#capacity * 2));
    grown.#bytes.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown.#bytes;
    this.#words = grown.#words;
    this.#view = grown.#view;
    this.#capacity = grown.#capacity;
  }

  /** Zero bytes up to the next multiple of 4, as netlink aligns everything. */
  align(): void {
    this.reserve(-this.length & 3);
  }

  /** These bytes. */
  bytes(data: Uint8Array): void {
    const start = this.reserve(data.length); // first: it may replace the buffer
    this.#bytes.set(data, start);
  }

  /**
   * A text and a NUL. Names in the kernel's interfaces are ASCII by convention and bytes by law: one
   * char, one byte.
   */
  cstring(text: string): void {
    let data = known.get(text);
    if (!data) {
      data = cstringBytes(text);
      if (known.size >= maxKnown) known.clear();
      known.set(text, data);
    }
    this.bytes(data);
  }

  /** Overwrites the word at this multiple of 4, in the machine's order. */
  wordAt(at: number, word: number): void {
    this.#words[at >> 2] = word;
  }

  /** Overwrites the word at this multiple of 4 with two numbers of 16 bits. */
  pairAt(at: number, first: number, second: number): void {
    this.#words[at >> 2] = pairOf(first, second);
  }

  /** An attribute of one word. What was written before ends at a multiple of 4. */
  wordAttribute(type: number, word: number): void {
    const start = this.length;
    this.length = start + 8;
    if (start + 8 > this.#capacity) this.#grow(start + 8);
    const at = start >> 2;
    this.#words[at] = littleEndian ? 8 | (type << 16) : (8 << 16) | type;
    this.#words[at + 1] = word;
  }

  /**
   * Writes the header of an attribute that started at `start`, with room for it, and goes on to the
   * next multiple of 4.
   * @returns its length, which must be at most 0xffff
   */
  closeAttribute(start: number, type: number): number {
    const length = this.length - start;
    const end = (this.length + 3) & ~3;
    this.length = end;
    if (end > this.#capacity) this.#grow(end);
    this.#words[start >> 2] = littleEndian ? length | (type << 16) : (length << 16) | type;
    return length;
  }

  /** One byte. */
  u8(value: number): void {
    const start = this.reserve(1);
    this.#bytes[start] = value;
  }

  /** In the byte order of the machine, unless told. */
  u16(value: number, at = this.reserve(2), little = littleEndian): void {
    this.#view.setUint16(at, value, little);
  }

  /** In the byte order of the machine, unless told. */
  u32(value: number, at = this.reserve(4), little = littleEndian): void {
    this.#view.setUint32(at, value, little);
  }

  /** Signed, in the byte order of the machine. */
  i32(value: number): void {
    this.u32(value);
  }

  /** `value` is a whole number below 2^53. */
  u64(value: number, little = littleEndian): void {
    const start = this.reserve(8);
    const high = Math.floor(value / 0x100000000);
    this.#view.setUint32(start + (little ? 4 : 0), high, little);
    this.#view.setUint32(start + (little ? 0 : 4), value >>> 0, little);
  }

  /** What was written, without a copy: valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}

/** A window on received bytes; reading moves its start, and who reads a part narrows its end. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Offset of the next byte, and of the end. */
  at: number;
  end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length, view?: DataView) {
    this.#bytes = bytes;
    this.#view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = at;
    this.end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** A window on the next `length` bytes, which are skipped here. */
  window(length: number): Reader {
    const start = this.#advance(length);
    return new Reader(this.#bytes, start, start + length, this.#view);
  }

  /** The byte at this distance from here, which is not moved; undefined past the end. */
  peek(distance: number): number | undefined {
    const at = this.at + distance;
    return at < this.end ? this.#view.getUint8(at) : undefined;
  }

  /**
   * Two 16-bit numbers at once, the first in the low bits. Not moved; whoever calls has seen that 4
   * bytes are left.
   */
  pair(at: number): number {
    const both = this.#view.getUint32(at, littleEndian);
    return littleEndian ? both : ((both << 16) | (both >>> 16)) >>> 0;
  }

  /** Skips to the next multiple of 4, or to the end: the kernel leaves out the last padding. */
  align(): void {
    this.at = Math.min((this.at + 3) & ~3, this.end);
  }

  /** A copy of the next `length` bytes: the datagram can then be let go. */
  bytes(length = this.left): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.slice(start, start + length);
  }

  /** What is left up to a NUL, a char for each byte; all that is left is skipped. */
  latin1(): string {
    const bytes = this.#bytes;
    let text = "";
    for (let at = this.at; at < this.end; at++) {
      const code = bytes[at] as number;
      if (code === 0) break;
      text += String.fromCharCode(code);
    }
    this.at = this.end;
    return text;
  }

  /** One byte. */
  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** In the byte order of the machine, unless told. */
  u16(little = littleEndian): number {
    return this.#view.getUint16(this.#advance(2), little);
  }

  /** In the byte order of the machine, unless told. */
  u32(little = littleEndian): number {
    return this.#view.getUint32(this.#advance(4), little);
  }

  /** Signed, in the byte order of the machine. */
  i32(): number {
    return this.#view.getInt32(this.#advance(4), littleEndian);
  }

  /** Exact below 2^53; the nearest double above. */
  u64(little = littleEndian): number {
    const start = this.#advance(8);
    const high = this.#view.getUint32(start + (little ? 4 : 0), little);
    return high * 0x100000000 + this.#view.getUint32(start + (little ? 0 : 4), little);
  }

  #advance(count: number): number {
    const start = this.at;
    if (count > this.end - start) {
      throw new WireError(`cut off: expected ${count} bytes more, got ${this.end - start}`);
    }
    this.at = start + count;
    return start;
  }
}
