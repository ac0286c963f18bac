/**
 * How fast a container may send and receive: what the config says, and the token buckets that keep it
 * to that. Configs count bits, the kernel bytes.
 */
import { CniError } from "../cni/errors.ts";
import type { Bucket } from "../kernel/traffic.ts";

/** The four keys, of the config itself and of the capability `bandwidth`. Bits. */
export interface BandwidthEntry {
  ingressRate?: number | undefined;
  ingressBurst?: number | undefined;
  egressRate?: number | undefined;
  egressBurst?: number | undefined;
}

export interface BandwidthConfig extends BandwidthEntry {
  /** Milliseconds. */
  latency: number;
  runtimeConfig?: { bandwidth?: BandwidthEntry | undefined } | undefined;
}

/** Of one direction, as the container sees it. */
export interface Limit {
  /** Bytes a second. */
  rate: number;
  /** Bytes that may go at once. */
  burst: number;
  /** How long a packet may wait, in milliseconds. */
  latency: number;
}

export interface Limits {
  ingress?: Limit;
  egress?: Limit;
}

const max32 = 0xffffffff;
/** PSCHED_SHIFT of include/net/pkt_sched.h: the kernel counts time in units of 64 ns. */
const ticksPerMicrosecond = 1000 / 64;
/** An Ethernet header with a VLAN tag, which the bucket counts. */
const headerLength = 18;

/**
 * The limits of a config. Any of the four keys in the config itself, be it 0, and what the runtime
 * says does not count.
 *
 * @throws {CniError} InvalidNetworkConfig; the first three texts are those of the reference
 */
export function readLimits(config: BandwidthConfig): Limits {
  const { ingressRate, ingressBurst, egressRate, egressBurst } = config;
  const isStatic = [ingressRate, ingressBurst, egressRate, egressBurst].some(
    (x) => x !== undefined,
  );
  const entry = isStatic ? config : config.runtimeConfig?.bandwidth;
  const limits: Limits = {};
  for (const direction of ["ingress", "egress"] as const) {
    const limit = readLimit(direction, config.latency, entry);
    if (limit) limits[direction] = limit;
  }
  return limits;
}

function readLimit(
  direction: "ingress" | "egress",
  latency: number,
  entry: BandwidthEntry = {},
): Limit | undefined {
  const rate = entry[`${direction}Rate`] ?? 0;
  const burst = entry[`${direction}Burst`] ?? 0;
  if (rate === 0 && burst === 0) return undefined;
  const invalid = (message: string) =>
    new CniError(
      "InvalidNetworkConfig",
      message,
      `${direction}Rate is ${rate}, ${direction}Burst ${burst}`,
    );
  if (burst === 0) throw invalid("if rate is set, burst must also be set");
  if (rate === 0) throw invalid("if burst is set, rate must also be set");
  if (burst >= max32 * 8) throw invalid("burst cannot be more than 4GB");
  if (rate < 8 || burst < 8) throw invalid("rate and burst must be at least 8 bits, a byte");
  return { rate: Math.floor(rate / 8), burst: Math.floor(burst / 8), latency };
}

/**
 * The bucket of a link.
 *
 * As the reference has it, its size is a time in whole microseconds, which Go's CHECK compares. Where
 * that has more than 32 bits, or rounding it leaves no room for one packet though the burst has it, the
 * kernel gets the exact size in bytes.
 * @param mtu of the link
 */
export function bucketOf(limit: Limit, mtu: number): Bucket {
  const { rate, burst } = limit;
  const ticks = Math.floor(Math.floor((burst * 1e6) / rate) * ticksPerMicrosecond);
  const size = Math.floor((ticks * rate) / ticksPerMicrosecond / 1e6);
  const packet = mtu + headerLength;
  const isExact = ticks <= max32 && (size >= packet || burst < packet);
  return {
    rate,
    limit: Math.min(waiting(limit) + burst, max32),
    buffer: Math.min(ticks, max32),
    burst: isExact ? undefined : burst,
  };
}

/** How many bytes go in the time that a packet may wait. */
function waiting({ rate, latency }: Limit): number {
  return Math.floor((rate * latency * 1000) / 1e6);
}

/** The smallest burst, in bits, that lets whole packets of a link through. */
export function smallestBurst(mtu: number): number {
  return (mtu + headerLength) * 8;
}

/**
 * In what a bucket is not the one for a limit; undefined: it is. What the Go plugin makes will do,
 * which keeps only the lower 32 bits of what has more.
 */
export function differenceOf(found: Bucket, limit: Limit): string | undefined {
  const { rate, burst } = limit;
  if (found.rate !== rate) return `rate ${found.rate} is not ${rate} bytes a second`;
  const wanted = waiting(limit) + burst;
  const limits = [Math.min(wanted, max32), ((waiting(limit) >>> 0) + burst) % 2 ** 32];
  if (!limits.includes(found.limit)) return `limit ${found.limit} is not ${limits[0]} bytes`;
  const time = (burst * 1e6) / rate;
  const buffers = [time, Math.floor(time) >>> 0].map((us) => us * ticksPerMicrosecond);
  // The kernel works out the time of so many bytes with an accuracy of 32 bits.
  const tolerance = 2 * ticksPerMicrosecond + time * 1e-6;
  const isNear = (ticks: number) => {
    const distance = Math.abs(found.buffer - (ticks % 2 ** 32));
    return Math.min(distance, 2 ** 32 - distance) <= tolerance;
  };
  if (buffers.some(isNear)) return undefined;
  return `burst of ${found.buffer} ticks is not ${Math.floor(buffers[0] as number)}`;
}
