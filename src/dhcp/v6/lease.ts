/** A DHCPv6 lease: the addresses of one identity association, and what the server said beside. */
import { type Cidr, host } from "../../addr/cidr.ts";
import { formatIp, type Ip } from "../../addr/ip.ts";
import { attempt, DhcpError } from "../errors.ts";
import { all6, get6, type IaNa, type Options6, option6, statusCodes } from "./options.ts";

/** Times are seconds on the clock of whoever steps the client; `Infinity` is never. */
export interface LeasedAddress {
  readonly address: Ip;
  /** From then on it is not for new connections. */
  readonly preferredUntil: number;
  readonly validUntil: number;
}

export interface Lease6 {
  /** The DUID of the server. */
  readonly serverId: Uint8Array;
  /** At least one. */
  readonly addresses: readonly LeasedAddress[];
  readonly start: number;
  /** T1 and T2, and the end of the last address. */
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly expiry: number;
  readonly nameServers: readonly Ip[];
  readonly search: readonly string[];
}

const infinite = 0xffffffff;

/** Why an identity association cannot be used; the status is the server's, if it gave one. */
export class IaError extends DhcpError {
  constructor(
    readonly status: number | undefined,
    why: string,
  ) {
    const reason = status === undefined ? "no usable lease" : "status not success";
    super(reason, `Cannot use lease: ${why}`);
  }
}

/**
 * The lease in the options of an ADVERTISE or a REPLY. Addresses that are malformed or at their end
 * are left out, options that are malformed count as absent.
 * @param start when the message was sent that they answer
 * @throws {IaError} there is no lease, or the server says so
 */
export function readLease6(options: Options6, iaid: number, serverId: Uint8Array, start: number) {
  checkStatus(options);
  const ia = all6(options, option6.iaNa).find((one) => one.iaid === iaid);
  if (!ia) throw new IaError(undefined, "it has no address association of ours");
  checkStatus(ia.options);
  if (ia.t1 > ia.t2 && ia.t2 > 0) throw new IaError(undefined, "T1 is after T2");
  const addresses = readAddresses(ia, start);
  if (addresses.length === 0) throw new IaError(undefined, "it has no address");
  const nameServers = attempt(() => get6(options, option6.nameServers)) ?? [];
  const search = attempt(() => get6(options, option6.search)) ?? [];
  const times = readTimes(ia, addresses, start);
  return { serverId, addresses, start, ...times, nameServers, search } satisfies Lease6;
}

function checkStatus(options: Options6): void {
  const status = get6(options, option6.status);
  if (!status || status.code === statusCodes.success) return;
  throw new IaError(status.code, `the server says ${status.code} ${status.text}`);
}

function readAddresses(ia: IaNa, start: number): LeasedAddress[] {
  const addresses: LeasedAddress[] = [];
  for (const { address, preferred, valid, options } of all6(ia.options, option6.iaAddress)) {
    const status = attempt(() => get6(options, option6.status));
    if (valid === 0 || preferred > valid || (status && status.code !== 0)) continue;
    const preferredUntil = after(start, preferred);
    addresses.push({ address, preferredUntil, validUntil: after(start, valid) });
  }
  return addresses;
}

function after(start: number, seconds: number): number {
  return seconds === infinite ? Infinity : start + seconds;
}

/** Where the server leaves T1 and T2 to us, they are 0.5 and 0.8 of the shortest life: section 21.4. */
function readTimes({ t1, t2 }: IaNa, addresses: readonly LeasedAddress[], start: number) {
  const expiry = Math.max(...addresses.map(({ validUntil }) => validUntil));
  const preferred = addresses.map(({ preferredUntil }) => preferredUntil).filter((t) => t > start);
  const shortest = Math.min(expiry, ...preferred) - start;
  const rebindAt = Math.min(expiry, t2 > 0 ? after(start, t2) : start + shortest * 0.8);
  const renewAt = Math.min(rebindAt, t1 > 0 ? after(start, t1) : start + shortest * 0.5);
  return { renewAt, rebindAt, expiry };
}

/** Whether two leases give the same; times and servers may differ. */
export function givesSame6(a: Lease6, b: Lease6): boolean {
  const text = ({ addresses, nameServers, search }: Lease6) =>
    [addresses.map(({ address }) => formatIp(address)), nameServers.map(formatIp), search].join(
      ";",
    );
  return text(a) === text(b);
}

export interface LeaseConfig6 {
  /** Single addresses: what is on the link, and by which router one leaves it, only routers tell. */
  addresses: { address: Cidr; preferredUntil: number; validUntil: number }[];
  dns: { nameservers: string[]; search: string[] };
}

/** What the lease gives a link: the pieces of a CNI result. */
export function configOf6({ addresses, nameServers, search }: Lease6): LeaseConfig6 {
  return {
    addresses: addresses.map(({ address, ...until }) => ({ address: host(address), ...until })),
    dns: { nameservers: nameServers.map(formatIp), search: [...search] },
  };
}
