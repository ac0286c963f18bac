/** DHCPv6 leases as text, for the files that outlive the daemon. */
import { parseHex, toHex } from "../../addr/bytes.ts";
import { formatIp, type Ip, parseIpv6 } from "../../addr/ip.ts";
import { isDomainName } from "../domain-names.ts";
import { DhcpError } from "../errors.ts";
import type { Lease6 } from "./lease.ts";

/** A lease as JSON can hold it: `null` is a time that never comes. */
export interface LeaseRecord6 {
  serverId: string;
  addresses: { address: string; preferredUntil: number | null; validUntil: number | null }[];
  start: number;
  renewAt: number | null;
  rebindAt: number | null;
  nameServers: string[];
  search: string[];
}

export function toRecord6(lease: Lease6): LeaseRecord6 {
  return {
    serverId: toHex(lease.serverId),
    addresses: lease.addresses.map(({ address, preferredUntil, validUntil }) => ({
      address: formatIp(address),
      preferredUntil: finite(preferredUntil),
      validUntil: finite(validUntil),
    })),
    start: lease.start,
    renewAt: finite(lease.renewAt),
    rebindAt: finite(lease.rebindAt),
    nameServers: lease.nameServers.map(formatIp),
    search: [...lease.search],
  };
}

function finite(time: number): number | null {
  return time === Infinity ? null : time;
}

/**
 * The lease in what a file held, which may be damaged.
 * @throws {DhcpError} no usable lease
 */
export function fromRecord6(record: unknown): Lease6 {
  const { serverId, addresses, start, renewAt, rebindAt, nameServers, search } = objectOf(record);
  const duid = typeof serverId === "string" ? parseHex(serverId) : undefined;
  if (!duid || duid.length === 0) throw damaged("the server is no DUID");
  const leased = listOf(addresses).map((element) => {
    const { address, preferredUntil, validUntil } = objectOf(element);
    return {
      address: readIp(address),
      preferredUntil: readTime(preferredUntil),
      validUntil: readTime(validUntil),
    };
  });
  if (leased.length === 0) throw damaged("it has no address");
  const expiry = Math.max(...leased.map(({ validUntil }) => validUntil));
  const times = {
    start: readTime(start),
    renewAt: readTime(renewAt),
    rebindAt: readTime(rebindAt),
  };
  const isOrdered = times.start <= times.renewAt && times.renewAt <= times.rebindAt;
  if (!isOrdered || times.rebindAt > expiry || times.start === Infinity) {
    throw damaged("its times are out of order");
  }
  return {
    serverId: duid,
    addresses: leased,
    ...times,
    expiry,
    nameServers: listOf(nameServers).map(readIp),
    search: listOf(search).map((name) => {
      if (typeof name !== "string" || !isDomainName(name)) throw damaged("a name is no domain");
      return name;
    }),
  };
}

function readTime(value: unknown): number {
  if (value === null) return Infinity;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw damaged("a time is no number");
}

function readIp(value: unknown): Ip {
  const ip = typeof value === "string" ? parseIpv6(value) : undefined;
  if (!ip) throw damaged("an address is no IPv6 address");
  return ip;
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw damaged("a list is none");
  return value;
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw damaged("a record is none");
  return value as Record<string, unknown>;
}

function damaged(why: string): DhcpError {
  return new DhcpError("no usable lease", `Cannot read stored lease: ${why}`);
}
