/**
 * IP addresses: a `Uint8Array` of 4 (IPv4) or 16 (IPv6) bytes, in network order.
 *
 * Text follows Go's `net` package, as users of the reference plugins know it: an IPv4-mapped IPv6
 * address is the IPv4 address, octets have no leading zeros, and there are no zones.
 */
import { compare as compareBytes } from "./bytes.ts";

/** 4 or 16 bytes. */
export type Ip = Uint8Array;

/** The bytes of an address, as Go's `net.ParseIP` reads it; undefined if the text is none. */
export function parseIp(text: string): Ip | undefined {
  return text.includes(":") ? canonical(parseIpv6(text)) : parseIpv4(text);
}

/** As `parseIp`, but throws Go's `invalid IP address: TEXT`. */
export function requireIp(text: string): Ip {
  const ip = parseIp(text);
  if (!ip) throw new Error(`invalid IP address: ${text}`);
  return ip;
}

function parseIpv4(text: string): Ip | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  const ip = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const octet = Number(octets[i]);
    if (!(octet >= 0 && octet <= 255) || `${octet}` !== octets[i]) return undefined;
    ip[i] = octet;
  }
  return ip;
}

/** All 16 bytes, also of a mapped address: its prefix length counts from the first of them. */
export function parseIpv6(text: string): Ip | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves as [string, string?];
  const first = readGroups(head, tail === undefined);
  const last = readGroups(tail ?? "", true);
  if (!first || !last) return undefined;
  const length = first.length + last.length;
  // A `::` stands for at least one group.
  if (tail === undefined ? length !== 16 : length > 14) return undefined;
  const ip = new Uint8Array(16);
  ip.set(first);
  ip.set(last, 16 - last.length);
  return ip;
}

/** The bytes of `a:b:c`, where the last part may be an IPv4 address if `mayEndInIpv4`. */
function readGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  const bytes: number[] = [];
  if (text === "") return bytes;
  const groups = text.split(":");
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] as string;
    if (mayEndInIpv4 && i === groups.length - 1 && group.includes(".")) {
      const ipv4 = parseIpv4(group);
      if (!ipv4) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function canonical(ip: Ip | undefined): Ip | undefined {
  return ip && isMapped(ip) ? ip.slice(12) : ip;
}

/** True for the 16 bytes of an IPv4-mapped address, `::ffff:a.b.c.d`. */
export function isMapped(ip: Ip): boolean {
  if (ip.length !== 16 || ip[10] !== 0xff || ip[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return true;
}

/** The text of an address: dotted, or RFC 5952. No address (0 bytes) is the empty string. */
export function formatIp(ip: Ip): string {
  if (ip.length === 4) return `${ip[0]}.${ip[1]}.${ip[2]}.${ip[3]}`;
  if (ip.length === 0) return "";
  if (isMapped(ip)) return formatIp(ip.subarray(12));
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((ip[i] as number) << 8) | (ip[i + 1] as number));
  const { start, length } = longestZeros(groups);
  if (length < 2) return joinGroups(groups);
  return `${joinGroups(groups.slice(0, start))}::${joinGroups(groups.slice(start + length))}`;
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    if (end > start) start = end;
  }
  return best;
}

function joinGroups(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

export function isV4(ip: Ip): boolean {
  return ip.length === 4;
}

/**
 * Order of two addresses of one family: negative, 0 or positive. Addresses of two families have no
 * order; here IPv4 comes first, so that sorting works.
 */
export function compare(a: Ip, b: Ip): number {
  return a.length - b.length || compareBytes(a, b);
}

/** The address after this one. The last one of the family is followed by the first. */
export function next(ip: Ip): Ip {
  return add(ip, 1);
}

/** The address before this one. The first one of the family is preceded by the last. */
export function prev(ip: Ip): Ip {
  return add(ip, -1);
}

/** The address `count` further (or nearer, if negative); wraps at the ends of the family. */
export function add(ip: Ip, count: number): Ip {
  const sum = new Uint8Array(ip);
  let carry = count;
  for (let i = sum.length - 1; i >= 0 && carry !== 0; i--) {
    const higher = Math.floor(carry / 256);
    const value = (sum[i] as number) + (carry - higher * 256);
    sum[i] = value;
    carry = higher + (value >> 8);
  }
  return sum;
}

/** 0.0.0.0 or :: */
export function isUnspecified(ip: Ip): boolean {
  return ip.every((byte) => byte === 0);
}

/** 127.0.0.0/8 or ::1 */
export function isLoopback(ip: Ip): boolean {
  if (isV4(ip)) return ip[0] === 127;
  return ip[15] === 1 && isUnspecified(ip.subarray(0, 15));
}

/** 224.0.0.0/4 or ff00::/8 */
export function isMulticast(ip: Ip): boolean {
  return isV4(ip) ? ((ip[0] as number) & 0xf0) === 0xe0 : ip[0] === 0xff;
}

/** 169.254.0.0/16 or fe80::/10 */
export function isLinkLocal(ip: Ip): boolean {
  if (isV4(ip)) return ip[0] === 169 && ip[1] === 254;
  return ip[0] === 0xfe && ((ip[1] as number) & 0xc0) === 0x80;
}

/**
 * As Go's `IsGlobalUnicast`: private addresses count; unspecified, loopback, link-local, multicast
 * and 255.255.255.255 do not.
 */
export function isGlobalUnicast(ip: Ip): boolean {
  return !(
    (isV4(ip) && ip.every((byte) => byte === 255)) ||
    isUnspecified(ip) ||
    isLoopback(ip) ||
    isMulticast(ip) ||
    isLinkLocal(ip)
  );
}
