/** What host-local does: one address from each set for an attachment, and back again. */

import { equal } from "../addr/bytes.ts";
import type { Cidr } from "../addr/cidr.ts";
import { formatIp, type Ip, parseIp } from "../addr/ip.ts";
import { tryAll } from "../cni/undo.ts";
import { candidates } from "./allocator.ts";
import type { Holder } from "./lease-index.ts";
import type { Holding, Leases } from "./leases.ts";
import { capacity, formatRangeSet, type Range, type RangeSet, rangeOf } from "./range.ts";
import type { Store } from "./store.ts";

export interface Request {
  /** Surrounding white space is dropped. */
  holder: Holder;
  sets: readonly RangeSet[];
  /** Addresses asked for; each set gives at most one of them. */
  requested: readonly Ip[];
  /** Give an attachment the address that it holds already, also within one boot. */
  reuse: boolean;
}

export interface Reserved {
  /** In the order of the sets. */
  addresses: { address: Cidr; gateway: Ip }[];
  /** Gives back what this reservation took; what the attachment held before, it keeps. */
  undo(): void;
}

/** How many leases are probed one by one before the whole directory is read. */
const probes = 4;

/**
 * Reserves one address of each set, all under one lock. A failure leaves no lease that was not there
 * before. Error texts are the reference's (plugins/ipam/host-local/main.go, backend/allocator).
 *
 * An attachment that holds an address of a set is refused another. Where it was given in an earlier
 * boot, no container can have it any more: then the attachment gets that same address again.
 */
export function reserve(store: Store, request: Request): Reserved {
  const holder = { ...request.holder, containerId: request.holder.containerId.trim() };
  return store.use((leases) => {
    const reservation = new Reservation(leases, { ...request, holder });
    try {
      const addresses = reservation.run();
      return { addresses, undo: () => takeBack(store, holder, reservation.taken) };
    } catch (error) {
      tryAll(
        () => {
          throw error;
        },
        () => leases.giveBack(reservation.taken),
      );
      throw error;
    }
  });
}

/**
 * Releases all addresses of an attachment. Leases that name only the container, as old versions of
 * the reference wrote, go if there are no others. Where nothing is held, nothing is done.
 */
export function release(store: Store, holder: Holder): void {
  store.useExisting((leases) => {
    const held = holdings(leases, holder);
    const [own, legacy] = held;
    if (own.leases.length > 0) leases.release(own);
    else if (legacy.leases.length > 0) leases.release(legacy);
  });
}

/** Whether the attachment holds any address. */
export function isHolding(store: Store, holder: Holder): boolean {
  const held = store.inspect((leases) => holdings(leases, holder));
  return held?.some(({ leases }) => leases.length > 0) ?? false;
}

/**
 * Releases what no valid attachment holds. A lease that names only a container stays if the
 * container has any valid attachment; what is no lease of a plugin stays.
 */
export function collect(store: Store, valid: readonly Holder[]): void {
  const attachments = new Set(valid.map(({ containerId, ifName }) => `${containerId}:${ifName}`));
  const containers = new Set(valid.map(({ containerId }) => containerId));
  const isValid = ({ containerId, ifName }: Holder) =>
    ifName === "" ? containers.has(containerId) : attachments.has(`${containerId}:${ifName}`);
  store.useExisting((leases) => {
    const lost = leases.holdings().filter(({ holder }) => !isValid(holder));
    tryAll(...lost.map((holding) => () => leases.release(holding)));
  });
}

/** Why the next ADD would find no address, or undefined if it would find one. */
export function exhausted(store: Store, sets: readonly RangeSet[]): string | undefined {
  const describe = (leases: Leases) => {
    const full = sets.find((set) => usedOf(set, leases) >= capacity(set));
    return full && describeFull(full, leases);
  };
  if (!store.inspect(describe)) return undefined;
  return store.useExisting((leases) => {
    leases.holdings(); // drops damaged leases, as that ADD would
    return describe(leases);
  });
}

class Reservation {
  /** The leases that this reservation has made. */
  readonly taken: string[] = [];
  readonly #leases: Leases;
  readonly #request: Request;
  readonly #own: Holding;
  readonly #legacy: Holding;
  readonly #mayReuse: boolean;
  #reused = false;

  constructor(leases: Leases, request: Request) {
    this.#leases = leases;
    this.#request = request;
    [this.#own, this.#legacy] = holdings(leases, request.holder);
    const { boot } = this.#own;
    this.#mayReuse = request.reuse || (boot !== "" && leases.boot !== "" && boot !== leases.boot);
  }

  run(): Reserved["addresses"] {
    const { sets, requested, holder } = this.#request;
    const left = [...requested];
    const addresses = sets.map((set, i) => {
      const wanted = left.findIndex((ip) => rangeOf(set, ip));
      const [ip] = wanted < 0 ? [] : left.splice(wanted, 1);
      try {
        return ip ? this.#takeRequested(i, set, ip) : this.#takeFree(i, set);
      } catch (error) {
        const why = error instanceof Error ? error.message : error;
        throw new Error(`failed to allocate for range ${i}: ${why}`);
      }
    });
    if (left.length > 0) {
      throw new Error(`failed to allocate all requested IPs: ${left.map(formatIp).join(" ")}`);
    }
    if (this.taken.length > 0 || this.#reused) {
      this.#leases.record(holder, [...this.#own.leases, ...this.taken]);
    }
    return addresses;
  }

  #takeRequested(i: number, set: RangeSet, ip: Ip) {
    const range = rangeOf(set, ip);
    if (!range) throw new Error(`${formatIp(ip)} not in range set ${formatRangeSet(set)}`);
    const lease = formatIp(ip);
    if (equal(ip, range.gateway)) throw new Error(`requested ip ${lease} is subnet's gateway`);
    if (this.#mayReuse && this.#own.leases.includes(lease)) return this.#again(ip, range);
    if (!this.#take(i, lease)) {
      throw new Error(
        `requested IP address ${lease} is not available in range set ${formatRangeSet(set)}`,
      );
    }
    return given(ip, range);
  }

  #takeFree(i: number, set: RangeSet) {
    const held = this.#heldIn(set);
    if (held && this.#mayReuse && this.#own.leases.includes(formatIp(held.ip))) {
      return this.#again(held.ip, held.range);
    }
    if (held) {
      throw new Error(
        `${formatIp(held.ip)} has been allocated to ${this.#request.holder.containerId}, ` +
          "duplicate allocation is not allowed",
      );
    }
    const leases = this.#leases;
    let used: Set<string> | undefined;
    let probed = 0;
    for (const { ip, range } of candidates(set, leases.lastReserved(i))) {
      const lease = formatIp(ip);
      if (!used && probed++ === probes) used = new Set(leases.names());
      const taken = used ? used.has(lease) : leases.has(lease);
      if (!taken && this.#take(i, lease)) return given(ip, range);
    }
    throw new Error(describeFull(set, leases));
  }

  #take(i: number, lease: string): boolean {
    if (!this.#leases.take(lease, this.#request.holder)) return false;
    this.taken.push(lease);
    this.#leases.setLastReserved(i, lease);
    return true;
  }

  #again(ip: Ip, range: Range) {
    this.#reused = true;
    return given(ip, range);
  }

  /** The first address of the set that the attachment has, whether or not this ADD gave it. */
  #heldIn(set: RangeSet): { ip: Ip; range: Range } | undefined {
    for (const lease of [...this.#own.leases, ...this.#legacy.leases]) {
      const ip = parseIp(lease);
      const range = ip && rangeOf(set, ip);
      if (range) return { ip, range };
    }
    return undefined;
  }
}

function given(ip: Ip, { subnet, gateway }: Range) {
  return { address: { ip, prefixLength: subnet.prefixLength }, gateway };
}

/** What the attachment holds by its own name, and by that of its container alone. */
function holdings(
  leases: Leases,
  { containerId, ifName }: Holder,
): [own: Holding, legacy: Holding] {
  const id = containerId.trim();
  return [
    leases.heldBy({ containerId: id, ifName }),
    leases.heldBy({ containerId: id, ifName: "" }),
  ];
}

function takeBack(store: Store, holder: Holder, taken: readonly string[]): void {
  if (taken.length === 0) return;
  store.useExisting((leases) => {
    const own = leases.heldBy(holder);
    const kept = own.leases.filter((lease) => !taken.includes(lease));
    leases.release({ ...own, leases: own.leases.filter((lease) => taken.includes(lease)) });
    if (kept.length > 0) leases.record(holder, kept);
  });
}

function usedOf(set: RangeSet, leases: Leases): number {
  return leases.names().filter((name) => {
    const ip = parseIp(name);
    const range = ip && rangeOf(set, ip);
    return range && !equal(ip, range.gateway);
  }).length;
}

function describeFull(set: RangeSet, leases: Leases): string {
  const used = usedOf(set, leases);
  return (
    `no IP addresses available in range set: ${formatRangeSet(set)}: ${used} of ${capacity(set)} ` +
    `are held by leases in ${leases.directory}; a GC call, or DEL for each container that is gone, ` +
    "gives back what no container uses"
  );
}
