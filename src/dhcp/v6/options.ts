/**
 * DHCPv6 options: RFC 8415 section 21, RFC 3646 (DNS).
 *
 * Options may stand more than once and hold others, so a field of them is read into a list.
 */
import { concat, readU16be, readU32be, u16be, u32be } from "../../addr/bytes.ts";
import type { Ip } from "../../addr/ip.ts";
import { readNames, writeNames } from "../domain-names.ts";
import { DhcpError } from "../errors.ts";
import { fromUtf8 } from "../text.ts";
import { u8, u16, u32, type Value } from "../values.ts";

export interface RawOption {
  readonly code: number;
  readonly bytes: Uint8Array;
}

export type Options6 = readonly RawOption[];

/** Seconds; 0xffffffff is for ever. */
export interface IaAddress {
  address: Ip;
  preferred: number;
  valid: number;
  options: Options6;
}

/** An identity association; `t1` and `t2` are 0 where the client may choose. */
export interface IaNa {
  iaid: number;
  t1: number;
  t2: number;
  options: Options6;
}

export interface Status {
  code: number;
  text: string;
}

export interface Option6<T> {
  readonly code: number;
  readonly name: string;
  readonly value: Value<T>;
}

/** RFC 8415 section 21.13. */
export const statusCodes = {
  success: 0,
  unspecFail: 1,
  noAddrsAvail: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
} as const;

const raw: Value<Uint8Array> = { read: (bytes) => bytes.slice(), write: (value) => value };

/** It says all by being there. */
const empty: Value<true> = {
  read(bytes) {
    if (bytes.length > 0) throw malformed(`expected no bytes, got ${bytes.length}`);
    return true;
  },
  write: () => new Uint8Array(0),
};

const u16s: Value<number[]> = {
  read(bytes) {
    const numbers: number[] = [];
    for (let at = 0; at < checkPieces(bytes, 2); at += 2) numbers.push(readU16be(bytes, at));
    return numbers;
  },
  write: (value) => concat(...value.map(u16be)),
};

const addresses: Value<Ip[]> = {
  read(bytes) {
    const ips: Ip[] = [];
    for (let at = 0; at < checkPieces(bytes, 16); at += 16) ips.push(bytes.slice(at, at + 16));
    return ips;
  },
  write: (value) => concat(...value),
};

const names: Value<string[]> = {
  read: (bytes) => readNames(bytes, false),
  write: (value) => writeNames(value, false),
};

const iaNa: Value<IaNa> = {
  read(bytes) {
    atLeast(bytes, 12);
    const options = readOptions6(bytes.subarray(12));
    return { iaid: readU32be(bytes, 0), t1: readU32be(bytes, 4), t2: readU32be(bytes, 8), options };
  },
  write: ({ iaid, t1, t2, options }) =>
    concat(u32be(iaid), u32be(t1), u32be(t2), writeOptions6(options)),
};

const iaAddress: Value<IaAddress> = {
  read(bytes) {
    atLeast(bytes, 24);
    const options = readOptions6(bytes.subarray(24));
    const [preferred, valid] = [readU32be(bytes, 16), readU32be(bytes, 20)];
    return { address: bytes.slice(0, 16), preferred, valid, options };
  },
  write: ({ address, preferred, valid, options }) =>
    concat(address, u32be(preferred), u32be(valid), writeOptions6(options)),
};

const status: Value<Status> = {
  read(bytes) {
    atLeast(bytes, 2);
    return { code: readU16be(bytes, 0), text: fromUtf8(bytes.subarray(2)) };
  },
  write: ({ code, text }) =>
    concat(
      u16be(code),
      Uint8Array.from(text, (char) => char.charCodeAt(0) & 0x7f),
    ),
};

function option<T>(code: number, name: string, value: Value<T>): Option6<T> {
  return { code, name, value };
}

export const option6 = {
  clientId: option(1, "CLIENTID", raw),
  serverId: option(2, "SERVERID", raw),
  iaNa: option(3, "IA_NA", iaNa),
  iaAddress: option(5, "IAADDR", iaAddress),
  request: option(6, "ORO", u16s),
  preference: option(7, "PREFERENCE", u8),
  /** Hundredths of a second. */
  elapsed: option(8, "ELAPSED_TIME", u16),
  status: option(13, "STATUS_CODE", status),
  rapidCommit: option(14, "RAPID_COMMIT", empty),
  nameServers: option(23, "DNS_SERVERS", addresses),
  search: option(24, "DOMAIN_LIST", names),
  solMaxRt: option(82, "SOL_MAX_RT", u32),
} as const;

/**
 * Reads a field of options. The values are copies.
 * @throws {DhcpError} malformed message: an option is cut off
 */
export function readOptions6(field: Uint8Array): Options6 {
  const options: RawOption[] = [];
  for (let at = 0; at < field.length; ) {
    const start = at + 4;
    const end = start > field.length ? start : start + readU16be(field, at + 2);
    if (end > field.length || start > field.length) {
      throw new DhcpError("malformed message", "Cannot read options: an option is cut off");
    }
    options.push({ code: readU16be(field, at), bytes: field.slice(start, end) });
    at = end;
  }
  return options;
}

export function writeOptions6(options: Options6): Uint8Array {
  return concat(...options.flatMap(({ code, bytes }) => [u16be(code), u16be(bytes.length), bytes]));
}

/** The option for a list of options. */
export function make<T>({ code, value }: Option6<T>, given: T): RawOption {
  return { code, bytes: value.write(given) };
}

/** The first option of a kind, undefined if there is none. Throws a DhcpError if it is malformed. */
export function get6<T>(options: Options6, option: Option6<T>): T | undefined {
  const found = options.find(({ code }) => code === option.code);
  return found && readValue(option, found.bytes);
}

/** All options of a kind. Throws a DhcpError if one is malformed. */
export function all6<T>(options: Options6, option: Option6<T>): T[] {
  return options
    .filter(({ code }) => code === option.code)
    .map(({ bytes }) => readValue(option, bytes));
}

function readValue<T>({ name, value }: Option6<T>, bytes: Uint8Array): T {
  try {
    return value.read(bytes);
  } catch (error) {
    if (!(error instanceof DhcpError)) throw error;
    throw new DhcpError(error.reason, `${name}: ${error.message}`);
  }
}

function checkPieces(bytes: Uint8Array, size: number): number {
  if (bytes.length > 0 && bytes.length % size === 0) return bytes.length;
  throw malformed(`expected a multiple of ${size} bytes, got ${bytes.length}`);
}

function atLeast(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) throw malformed(`expected ${length} bytes, got ${bytes.length}`);
}

function malformed(why: string): DhcpError {
  return new DhcpError("malformed option", `Cannot read option: ${why}`);
}
