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

function latin1Bytes(text: string): Uint8Array {
  const { length } = text;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new WireError(`cannot encode ${JSON.stringify(text)}: not Latin-1`);
    bytes[i] = code;
  }
  return bytes;
}

/** A growing buffer. All lengths are bytes. */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  /** Where the next byte goes. */
  length = 0;
  /** Set by whoever wants to know where the attributes lie. */
  marks?: Mark[];

  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Makes room for `count` zero bytes and returns where they start. */
  reserve(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.length = end;
    return start;
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
   * Names in the kernel's interfaces are ASCII by convention and bytes by law: one char, one byte.
   */
  latin1(text: string): void {
    let data = known.get(text);
    if (!data) {
      data = latin1Bytes(text);
      if (known.size >= maxKnown) known.clear();
      known.set(text, data);
    }
    this.bytes(data);
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
