/**
 * Go's gob encoding, as far as records of strings, bytes, integers and lists need it.
 *
 * A stream is a row of messages, each a byte count and then either the definition of a type or a
 * value of a type defined before. Reference: the documentation of Go's package encoding/gob.
 */
import { concat, utf8 } from "../addr/bytes.ts";

/** A value as it comes out of a stream: records by name of field, lists as arrays. */
export type GobValue = string | number | boolean | Uint8Array | GobValue[] | GobRecord;
export interface GobRecord {
  [field: string]: GobValue;
}

/** What a stream has wrong. */
export class GobError extends Error {
  override name = "GobError";
}

/** Ids of the types that need no definition. */
export const gobIds = { bool: 1, int: 2, uint: 3, float: 4, bytes: 5, string: 6 } as const;

/** Ids below this one are Go's own. */
export const firstGobId = 64;

/** Below 128 one byte; else the count of bytes, complemented, and the bytes, highest first. */
export function gobUint(value: number): Uint8Array {
  if (value < 128) return Uint8Array.of(value);
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(-bytes.length, ...bytes);
}

/** A bit for the sign, lowest; below zero, the complement of the value beside it. */
export function gobInt(value: number): Uint8Array {
  return gobUint(value < 0 ? -(value + 1) * 2 + 1 : value * 2);
}

export function gobBytes(bytes: Uint8Array): Uint8Array {
  return concat(gobUint(bytes.length), bytes);
}

export function gobString(text: string): Uint8Array {
  return gobBytes(utf8(text));
}

/** Reads the parts of one message. Every method throws a GobError at the end of it. */
export class GobReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new GobError("Cannot read gob: the message is cut off");
    this.#at++;
    return byte;
  }

  /** Above 2^53 the nearest double, which no count or id may be. */
  uint(): number {
    const first = this.byte();
    if (first < 128) return first;
    const length = 256 - first;
    if (length > 8) throw new GobError(`Cannot read gob: an integer has ${length} bytes`);
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + this.byte();
    return value;
  }

  int(): number {
    const value = this.uint();
    const half = Math.floor(value / 2);
    return value % 2 === 0 ? half : -half - 1;
  }

  bytes(): Uint8Array {
    const length = this.uint();
    if (length > this.left) throw new GobError("Cannot read gob: the message is cut off");
    const start = this.#at;
    this.#at += length;
    return this.#bytes.slice(start, this.#at);
  }
}

/**
 * Cuts a stream into messages, whatever pieces it comes in.
 * @param maximum the longest message that is taken, in bytes
 */
export class GobFramer {
  readonly #maximum: number;
  #pending: Uint8Array = new Uint8Array(0);

  constructor(maximum = 1 << 20) {
    this.#maximum = maximum;
  }

  /**
   * The messages that are whole now, without their counts.
   * @throws {GobError} a message is too long, or its count is none
   */
  push(bytes: Uint8Array): Uint8Array[] {
    let rest = concat(this.#pending, bytes);
    const messages: Uint8Array[] = [];
    for (;;) {
      const size = countSize(rest);
      if (size === 0 || rest.length < size) break;
      const length = new GobReader(rest).uint();
      if (length > this.#maximum) {
        const why = `a message has ${length} bytes, and ${this.#maximum} are allowed`;
        throw new GobError(`Cannot read gob: ${why}`);
      }
      if (rest.length < size + length) break;
      messages.push(rest.subarray(size, size + length));
      rest = rest.subarray(size + length);
    }
    this.#pending = rest.slice();
    return messages;
  }
}

/** How many bytes the count takes that begins here; 0 if there is none yet. */
function countSize(bytes: Uint8Array): number {
  const first = bytes[0];
  if (first === undefined) return 0;
  return first < 128 ? 1 : 257 - first;
}
