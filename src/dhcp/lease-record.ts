/** Leases as text, for the files that outlive the daemon. */
import { parseHex, toHex } from "../addr/bytes.ts";
import { formatIp, isV4, requireIp } from "../addr/ip.ts";
import { formatMac, parseMac } from "../addr/mac.ts";
import { attempt, DhcpError } from "./errors.ts";
import type { Lease } from "./lease.ts";
import { readOptions } from "./options.ts";

/** A lease as JSON can hold it: `null` is a time that never comes. */
export interface LeaseRecord {
  address: string;
  serverId: string;
  serverMac?: string;
  start: number;
  renewAt: number | null;
  rebindAt: number | null;
  expiry: number | null;
  /** The field of options, in hex. */
  options: string;
}

export function toRecord(lease: Lease): LeaseRecord {
  return {
    address: formatIp(lease.address),
    serverId: formatIp(lease.serverId),
    ...(lease.serverMac ? { serverMac: formatMac(lease.serverMac) } : {}),
    start: lease.start,
    renewAt: finite(lease.renewAt),
    rebindAt: finite(lease.rebindAt),
    expiry: finite(lease.expiry),
    options: toHex(lease.options),
  };
}

function finite(time: number): number | null {
  return time === Infinity ? null : time;
}

/**
 * The lease in what a file held, which may be damaged.
 * @throws {DhcpError} no usable lease
 */
export function fromRecord(record: unknown): Lease {
  const { address, serverId, serverMac, start, renewAt, rebindAt, expiry, options } = (
    typeof record === "object" && record !== null ? record : {}
  ) as Record<string, unknown>;
  const times = [start, renewAt, rebindAt, expiry].map(readTime) as [
    number,
    number,
    number,
    number,
  ];
  const field = typeof options === "string" ? parseHex(options) : undefined;
  if (!field || !attempt(() => readOptions(field))) throw damaged("its options are no options");
  if (times.some((time, i) => i > 0 && time < (times[i - 1] as number)) || times[0] === Infinity) {
    throw damaged("its times are out of order");
  }
  return {
    address: readIp(address),
    serverId: readIp(serverId),
    ...(serverMac === undefined ? {} : { serverMac: readMac(serverMac) }),
    start: times[0],
    renewAt: times[1],
    rebindAt: times[2],
    expiry: times[3],
    options: field,
  };
}

function readTime(value: unknown): number {
  if (value === null) return Infinity;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw damaged("a time is no number");
}

function readIp(value: unknown) {
  const ip = typeof value === "string" ? quietly(() => requireIp(value)) : undefined;
  if (!ip || !isV4(ip)) throw damaged("an address is no IPv4 address");
  return ip;
}

function readMac(value: unknown) {
  const mac = typeof value === "string" ? quietly(() => parseMac(value)) : undefined;
  if (!mac) throw damaged("a hardware address is none");
  return mac;
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function damaged(why: string): DhcpError {
  return new DhcpError("no usable lease", `Cannot read stored lease: ${why}`);
}
