/** Addresses of the interfaces of one namespace: `ip address`. */
import { equal } from "../addr/bytes.ts";
import { broadcast, type Cidr, formatCidr } from "../addr/cidr.ts";
import { formatIp, type Ip } from "../addr/ip.ts";
import { messageFlags } from "../netlink/message.ts";
import {
  type AddressMessage,
  type AddressRequest,
  type addressFlags,
  addressMessage,
} from "../netlink/route/address.ts";
import { routeGroups, routeTypes } from "../netlink/route/types.ts";
import { constants } from "../sys/sys.ts";
import { isKernelError, KernelError } from "./errors.ts";
import { type Family, familyNamed, familyNumber, familyOf } from "./family.ts";
import type { Netns } from "./netns.ts";
import { type Request, request } from "./socket.ts";
import { fromWire, toWire } from "./text.ts";
import { untilDeadline } from "./wait.ts";

/** A flag of an address, as `permanent` (IFA_F_PERMANENT). */
export type AddressFlag = keyof typeof addressFlags;

/** An address on an interface. */
export interface Address {
  /** Of the interface. */
  index: number;
  family: Family;
  /** The address and the length of its prefix. */
  address: Cidr;
  /** The other end's address, where it differs (`ip address add A peer B`). */
  peer?: Ip;
  broadcast?: Ip;
  scope: number;
  label?: string;
  flags: readonly (AddressFlag | number)[];
  /** Seconds; absent: for ever. */
  validSeconds?: number;
  preferredSeconds?: number;
}

/** An address to add; what `list` returns is one. */
export interface AddressSpec {
  address: Cidr;
  peer?: Ip | undefined;
  /** Default: of an IPv4 prefix shorter than 31 bits its last address; else none. */
  broadcast?: Ip | undefined;
  /** 0 global (default), 253 link, 254 host. IPv6 derives it from the address. */
  scope?: number | undefined;
  label?: string | undefined;
  /** Usable at once, without duplicate address detection (IPv6). */
  nodad?: boolean | undefined;
  /** Those that only the kernel sets (`permanent`, `tentative`, ...) are left out. */
  flags?: readonly (AddressFlag | number)[] | undefined;
  validSeconds?: number | undefined;
  preferredSeconds?: number | undefined;
}

/** IFA_F_*, those that a request may set. */
const settable: readonly unknown[] = [
  "nodad",
  "homeAddress",
  "manageTempAddress",
  "noPrefixRoute",
  "multicastAutoJoin",
] satisfies AddressFlag[];

const forever = 0xffffffff;

/** The addresses of one namespace: `netns.addresses`. */
export class Addresses {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** `ip address show dev X`, of one family or both, in the kernel's order. */
  list(index: number, family?: Family): Address[] {
    const what = `list addresses of link ${this.#netns.links.nameOf(index)}`;
    const asked = { family: familyNumber(family), index };
    return this.#netns.socket
      .dump(request(routeTypes.getAddress, 0, addressMessage, asked, what), addressMessage)
      .flatMap((message) => addressOf(message) ?? [])
      .filter((found) => found.index === index && (!family || found.family === family));
  }

  /** `ip address add A dev X`. A KernelError with code EEXIST: it is there already. */
  add(index: number, spec: AddressSpec): void {
    this.addAll(index, [spec]);
  }

  /** As `add`, all in one write. */
  addAll(index: number, specs: readonly AddressSpec[]): void {
    const flags = messageFlags.create | messageFlags.exclusive;
    this.#netns.socket.transact(
      specs.map((spec): Request => {
        const what = `add address ${formatCidr(spec.address)} to link ${this.#netns.links.nameOf(index)}`;
        const message = { ...addressRequest(index, spec), ...details(spec) };
        return request(routeTypes.newAddress, flags, addressMessage, message, what);
      }),
    );
  }

  /**
   * `ip address delete A dev X`
   * @returns false if it was not there
   */
  remove(index: number, address: Cidr): boolean {
    const what = `delete address ${formatCidr(address)} of link ${this.#netns.links.nameOf(index)}`;
    const message = addressRequest(index, { address });
    try {
      this.#netns.socket.transact([
        request(routeTypes.deleteAddress, 0, addressMessage, message, what),
      ]);
      return true;
    } catch (error) {
      if (isKernelError(error, "EADDRNOTAVAIL")) return false;
      throw error;
    }
  }

  /**
   * Waits until no IPv6 address of the link is tentative any more, hearing of it from the kernel.
   *
   * Throws if another host has one of them, and if one is still tentative at the end while the link
   * works; on a link that does not, duplicate address detection has not even begun, and that is fine.
   * Reference: pkg/ip/addr_linux.go (SettleAddresses).
   * @param timeout milliseconds
   */
  waitUntilSettled(index: number, timeout: number): void {
    if (this.#settled(index)) return;
    const monitor = this.#netns.openSocket(constants.NETLINK_ROUTE, routeGroups.ipv6Address);
    try {
      let changed = true; // it may have settled before the monitor listened
      const settled = untilDeadline(timeout, (left) => {
        if (changed && this.#settled(index)) return true;
        changed = false;
        const heard = monitor.listen(left, (_header, payload) => {
          if (addressMessage.read(payload).index === index) changed = true;
        });
        changed ||= heard === "lost";
        return false;
      });
      if (settled || this.#settled(index)) return;
    } finally {
      monitor.close();
    }
    const { name, operState } = this.#netns.links.get(index);
    if (operState !== "up") return;
    throw new KernelError(
      `link ${name} still has tentative addresses after ${timeout / 1000} seconds`,
      "ETIMEDOUT",
    );
  }

  #settled(index: number): boolean {
    let tentative = false;
    for (const { address, flags } of this.list(index, 6)) {
      if (flags.includes("dadFailed")) {
        const { name } = this.#netns.links.get(index);
        const text = `link ${name} has address ${formatIp(address.ip)} in DADFAILED state`;
        throw new KernelError(text, "EADDRINUSE");
      }
      tentative ||= flags.includes("tentative");
    }
    return !tentative;
  }
}

/** What names an address on a link. */
function addressRequest(index: number, { address, peer }: AddressSpec): AddressRequest {
  const { ip, prefixLength } = address;
  return { family: familyOf(ip), prefixLength, index, local: ip, address: peer ?? ip };
}

function details(spec: AddressSpec): AddressRequest {
  const { address, scope, label, nodad, validSeconds, preferredSeconds } = spec;
  const message: AddressRequest = {};
  if (scope !== undefined) message.scope = scope;
  const { ip, prefixLength } = address;
  const last = spec.broadcast ?? (ip.length === 4 && prefixLength < 31 && broadcast(address));
  if (last) message.broadcast = last;
  if (label !== undefined) message.label = toWire(label);
  const flags = (spec.flags ?? []).filter((flag) => settable.includes(flag));
  if (nodad && !flags.includes("nodad")) flags.push("nodad");
  if (flags.length > 0) message.flags = flags;
  if (validSeconds !== undefined || preferredSeconds !== undefined) {
    message.cacheInfo = { valid: validSeconds ?? forever, preferred: preferredSeconds ?? forever };
  }
  return message;
}

function addressOf(message: AddressMessage): Address | undefined {
  const { index, prefixLength, scope, local, label, cacheInfo } = message;
  const family = familyNamed(message.family);
  const ip = local ?? message.address; // IPv6 without a peer has IFA_ADDRESS alone
  if (!family || !ip) return undefined;
  const flags = message.flags ?? message.shortFlags;
  const found: Address = { index, family, address: { ip, prefixLength }, scope, flags };
  if (message.address && !equal(message.address, ip)) found.peer = message.address;
  if (message.broadcast) found.broadcast = message.broadcast;
  if (label !== undefined) found.label = fromWire(label);
  if (cacheInfo && cacheInfo.valid !== forever) found.validSeconds = cacheInfo.valid;
  if (cacheInfo && cacheInfo.preferred !== forever) found.preferredSeconds = cacheInfo.preferred;
  return found;
}
