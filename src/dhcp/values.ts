/** The shapes that values of options have. Each is read and written here and nowhere else. */
import { concat, readU16be, readU32be, u16be, u32be, utf8 } from "../addr/bytes.ts";
import { type Cidr, network } from "../addr/cidr.ts";
import type { Ip } from "../addr/ip.ts";
import { readNames, writeNames } from "./domain-names.ts";
import { DhcpError } from "./errors.ts";
import { fromUtf8 } from "./text.ts";

/** Reads and writes the value of an option, without its code and length. */
export interface Value<T> {
  /** @throws {DhcpError} malformed option */
  read(bytes: Uint8Array): T;
  write(value: T): Uint8Array;
}

/** A destination and the router towards it; router 0.0.0.0 means: on the link (RFC 3442). */
export interface ClasslessRoute {
  dst: Cidr;
  router: Ip;
}

export const bytes: Value<Uint8Array> = {
  read: (bytes) => bytes.slice(),
  write: (value) => value,
};

/** Servers may end text with NUL, which is no part of it: RFC 2132 section 2. */
export const text: Value<string> = {
  read(bytes) {
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    return fromUtf8(bytes.subarray(0, end));
  },
  write: utf8,
};

export const u8: Value<number> = {
  read: (bytes) => exactly(bytes, 1)[0] as number,
  write: (value) => Uint8Array.of(value),
};

export const u16: Value<number> = {
  read: (bytes) => readU16be(exactly(bytes, 2), 0),
  write: u16be,
};

export const u32: Value<number> = {
  read: (bytes) => readU32be(exactly(bytes, 4), 0),
  write: u32be,
};

export const i32: Value<number> = {
  read: (bytes) => u32.read(bytes) | 0,
  write: u32be,
};

export const ip: Value<Ip> = {
  read: (bytes) => exactly(bytes, 4).slice(),
  write: (value) => value,
};

/** At least one address. */
export const ips: Value<Ip[]> = {
  read: (bytes) => inPieces(bytes, 4),
  write: (value) => concat(...value),
};

/** Destination and router; the mask follows from the class. What is left over is ignored. */
export const ipPairs: Value<[destination: Ip, router: Ip][]> = {
  read(bytes) {
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 8));
    return inPieces(whole, 8).map((pair) => [pair.slice(0, 4), pair.slice(4)]);
  },
  write: (value) => concat(...value.flat()),
};

/**
 * RFC 3442: prefix length, the significant bytes of the destination, router. Bits beyond the prefix
 * are cleared, as that RFC demands of the client.
 */
export const classlessRoutes: Value<ClasslessRoute[]> = {
  read(bytes) {
    const routes: ClasslessRoute[] = [];
    for (let at = 0; at < bytes.length; ) {
      const prefixLength = bytes[at] as number;
      if (prefixLength > 32) throw malformed(`a prefix has ${prefixLength} bits`);
      const significant = (prefixLength + 7) >> 3;
      const end = at + 1 + significant + 4;
      if (end > bytes.length) throw malformed("a route is cut off");
      const ip = new Uint8Array(4);
      ip.set(bytes.subarray(at + 1, at + 1 + significant));
      routes.push({ dst: network({ ip, prefixLength }), router: bytes.slice(end - 4, end) });
      at = end;
    }
    return routes;
  },
  write: (value) =>
    concat(
      ...value.flatMap(({ dst, router }) => [
        Uint8Array.of(dst.prefixLength),
        dst.ip.subarray(0, (dst.prefixLength + 7) >> 3),
        router,
      ]),
    ),
};

/** RFC 3397. */
export const searchList: Value<string[]> = {
  read: (bytes) => readNames(bytes, true),
  write: (value) => writeNames(value, true),
};

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  throw malformed(`expected ${length} bytes, got ${bytes.length}`);
}

function inPieces(bytes: Uint8Array, size: number): Uint8Array[] {
  if (bytes.length === 0 || bytes.length % size !== 0) {
    throw malformed(`expected a multiple of ${size} bytes, got ${bytes.length}`);
  }
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
  return pieces;
}

function malformed(why: string): DhcpError {
  return new DhcpError("malformed option", `Cannot read option: ${why}`);
}
