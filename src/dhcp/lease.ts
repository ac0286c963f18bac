/** A DHCPv4 lease: what the server has granted, and until when. */
import { equal } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { isUnspecified } from "../addr/ip.ts";
import { attempt, DhcpError } from "./errors.ts";
import type { Message } from "./message.ts";
import { get, type Options, option4, readOptions, writeOptions } from "./options.ts";

/** Times are seconds on the clock of whoever steps the client; `Infinity` is never. */
export interface Lease {
  readonly address: Ip;
  readonly serverId: Ip;
  /** Who sent the acknowledgement: the server, or the relay on the way to it. */
  readonly serverMac?: Uint8Array;
  /** When the request was sent that the server granted: all times count from there. */
  readonly start: number;
  /** From then on the server is asked to renew. */
  readonly renewAt: number;
  /** From then on any server is asked. */
  readonly rebindAt: number;
  readonly expiry: number;
  /** The options that say how to use the address, as a field of options: small to keep. */
  readonly options: Uint8Array;
}

/** About the exchange and not about the address. The times of a lease stand beside its options. */
const notKept = [
  option4.leaseTime,
  option4.messageType,
  option4.serverId,
  option4.message,
  option4.renewalTime,
  option4.rebindingTime,
  option4.clientId,
  option4.relayAgent,
].map(({ code }) => code);

/** The lease time for ever: RFC 2131 section 3.3. */
const infinite = 0xffffffff;

/** What the reference takes for an acknowledgement that names no time. */
const defaultSeconds = 3600;

/**
 * The lease that an acknowledgement grants.
 * @param sentAt when the request was sent that it answers (RFC 2131 section 4.4.1)
 * @param previous the lease that is being renewed: its mask stands if the server sends none now
 * @throws {DhcpError} no address, no server identifier, no lease time, no subnet mask
 */
export function readLease(
  ack: Message,
  sentAt: number,
  previous?: Lease,
  serverMac?: Uint8Array,
): Lease {
  const { options, yiaddr } = ack;
  if (isUnspecified(yiaddr)) throw unusable("no address", "it has no address");
  const serverId = attempt(() => get(options, option4.serverId)) ?? previous?.serverId;
  if (!serverId) throw unusable("no server identifier", "it does not say which server it is");
  const kept = new Map([...options].filter(([code]) => !notKept.includes(code)));
  const mask = kept.get(option4.subnetMask.code) ?? maskOf(previous);
  if (mask) kept.set(option4.subnetMask.code, mask);
  if (!mask || prefixLengthOf(mask) < 0) throw unusable("no subnet mask", "it has no valid mask");
  return {
    address: yiaddr,
    serverId,
    ...(serverMac ? { serverMac } : {}),
    start: sentAt,
    ...readTimes(options, sentAt),
    options: writeOptions(kept),
  };
}

/**
 * The times of a lease. T1 and T2 are one half and seven eighths of it (RFC 2131 section 4.4.5)
 * unless the server names others that are in order.
 */
function readTimes(options: Options, start: number) {
  const seconds = attempt(() => get(options, option4.leaseTime)) ?? defaultSeconds;
  if (seconds === 0) throw unusable("no lease time", "it ends at once");
  if (seconds === infinite) return { renewAt: Infinity, rebindAt: Infinity, expiry: Infinity };
  const given = {
    t1: attempt(() => get(options, option4.renewalTime)) ?? seconds / 2,
    t2: attempt(() => get(options, option4.rebindingTime)) ?? (seconds * 7) / 8,
  };
  const isOrdered = 0 < given.t1 && given.t1 < given.t2 && given.t2 < seconds;
  const { t1, t2 } = isOrdered ? given : { t1: seconds / 2, t2: (seconds * 7) / 8 };
  return { renewAt: start + t1, rebindAt: start + t2, expiry: start + seconds };
}

function unusable(reason: DhcpError["reason"], why: string): DhcpError {
  return new DhcpError(reason, `Cannot use lease: ${why}`);
}

function maskOf(lease: Lease | undefined): Uint8Array | undefined {
  return lease && optionsOf(lease).get(option4.subnetMask.code);
}

/** The options of a lease by code. */
export function optionsOf(lease: Lease): Options {
  return readOptions(lease.options);
}

/** The length of a prefix from its mask of 4 bytes; -1 if it is no mask. */
export function prefixLengthOf(mask: Uint8Array): number {
  if (mask.length !== 4) return -1;
  let length = 0;
  while (length < 32 && (mask[length >> 3] as number) & (0x80 >> (length & 7))) length++;
  for (let bit = length; bit < 32; bit++) {
    if ((mask[bit >> 3] as number) & (0x80 >> (bit & 7))) return -1;
  }
  return length;
}

/** Whether two leases give the same; times and servers may differ. */
export function givesSame(a: Lease, b: Lease): boolean {
  return equal(a.address, b.address) && equal(a.options, b.options);
}
