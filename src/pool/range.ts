/**
 * Ranges of addresses to hand out, and sets of them: one address is given per set.
 *
 * Reference: plugins/ipam/host-local/backend/allocator/range.go and range_set.go, whose checks and
 * error texts these are.
 */
import {
  type Cidr,
  formatCidr,
  contains as inSubnet,
  lastAddress,
  network,
  parseCidr,
} from "../addr/cidr.ts";
import { compare, formatIp, type Ip, next, requireIp } from "../addr/ip.ts";

/** A range as configs declare it. An empty string counts as absent, except for `subnet`. */
export interface RangeConfig {
  readonly subnet?: string | undefined;
  readonly rangeStart?: string | undefined;
  readonly rangeEnd?: string | undefined;
  readonly gateway?: string | undefined;
}

/** The addresses from `start` to `end`, both included, less the gateway. All are of one family. */
export interface Range {
  subnet: Cidr;
  start: Ip;
  end: Ip;
  /** Not checked against the subnet, as in the reference. */
  gateway: Ip;
}

/** At least one range, all of one family, none overlapping. */
export type RangeSet = readonly Range[];

/** Validates a range and fills in what it leaves out. */
export function readRange(config: RangeConfig): Range {
  const { subnet: text } = config;
  if (text === undefined) throw new Error("IP <nil> not v4 nor v6");
  const subnet = parseCidr(text);
  const given = {
    start: readIp(config.rangeStart),
    end: readIp(config.rangeEnd),
    gateway: readIp(config.gateway),
  };
  if (subnet.prefixLength > subnet.ip.length * 8 - 2) {
    throw new Error(`Network ${formatCidr(subnet)} too small to allocate from`);
  }
  // `::ffff:10.0.0.0/104` is an IPv4 address with an IPv6 mask.
  if (text.includes(":") && subnet.ip.length === 4) {
    throw new Error("IPNet IP and Mask version mismatch");
  }
  const first = network(subnet).ip;
  if (compare(first, subnet.ip) !== 0) {
    throw new Error(
      `Network has host bits set. For a subnet mask of length ${subnet.prefixLength} ` +
        `the network address is ${formatIp(first)}`,
    );
  }
  const { start = next(first), end = lastAddress(subnet), gateway = next(first) } = given;
  if (given.start && (!inSubnet(subnet, start) || (given.end && !ordered(start, end)))) {
    throw new Error(`RangeStart ${formatIp(start)} not in network ${formatCidr(subnet)}`);
  }
  if (given.end && (!inSubnet(subnet, end) || !ordered(start, end))) {
    throw new Error(`RangeEnd ${formatIp(end)} not in network ${formatCidr(subnet)}`);
  }
  return { subnet, start, end, gateway };
}

/** Validates a set of ranges. */
export function readRangeSet(configs: readonly RangeConfig[]): RangeSet {
  if (configs.length === 0) throw new Error("empty range set");
  const set: Range[] = [];
  for (const config of configs) {
    const range = readRange(config);
    if (set[0] && set[0].start.length !== range.start.length) {
      throw new Error("mixed address families");
    }
    set.push(range);
  }
  for (const [i, a] of set.entries()) {
    for (const b of set.slice(i + 1)) {
      if (overlap(a, b)) throw new Error(`subnets ${formatRange(a)} and ${formatRange(b)} overlap`);
    }
  }
  return set;
}

/**
 * Validates all sets of a config: at least one, none overlapping another.
 * @param onePerFamily the CNI version if its result has room for one address of a family only
 */
export function readRangeSets(
  configs: readonly (readonly RangeConfig[])[],
  onePerFamily?: string,
): RangeSet[] {
  if (configs.length === 0) throw new Error("no IP ranges specified");
  const sets = configs.map((config, i) => {
    try {
      return readRangeSet(config);
    } catch (error) {
      throw new Error(`invalid range set ${i}: ${error instanceof Error ? error.message : error}`);
    }
  });
  const families = new Set(sets.map((set) => set[0]?.start.length));
  if (onePerFamily !== undefined && families.size < sets.length) {
    throw new Error(`CNI version ${onePerFamily} does not support more than 1 address per family`);
  }
  for (const [i, a] of sets.entries()) {
    for (const [j, b] of sets.entries()) {
      if (i < j && a.some((range) => b.some((other) => overlap(range, other)))) {
        throw new Error(`range set ${i} overlaps with ${j}`);
      }
    }
  }
  return sets;
}

/** The range of the set that has the address, if any. */
export function rangeOf(set: RangeSet, ip: Ip): Range | undefined {
  return set.find((range) => contains(range, ip));
}

/** Whether the address lies between start and end; the gateway does too. */
export function contains(range: Range, ip: Ip): boolean {
  return ip.length === range.start.length && ordered(range.start, ip) && ordered(ip, range.end);
}

/** How many addresses of the set can be given away; above 2^53 the nearest double. */
export function capacity(set: RangeSet): number {
  let sum = 0;
  for (const range of set) {
    let size = 0;
    for (const [i, byte] of range.end.entries()) size = size * 256 + byte - (range.start[i] ?? 0);
    sum += size + 1 - (contains(range, range.gateway) ? 1 : 0);
  }
  return sum;
}

/** `start-end` */
export function formatRange(range: Range): string {
  return `${formatIp(range.start)}-${formatIp(range.end)}`;
}

/** `start-end,start-end` */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(",");
}

function readIp(text: string | undefined): Ip | undefined {
  return text ? requireIp(text) : undefined;
}

function ordered(a: Ip, b: Ip): boolean {
  return compare(a, b) <= 0;
}

/** Only starts and ends count: disjoint slices of one subnet are fine. */
function overlap(a: Range, b: Range): boolean {
  return (
    a.start.length === b.start.length &&
    (contains(a, b.start) || contains(a, b.end) || contains(b, a.start) || contains(b, a.end))
  );
}
