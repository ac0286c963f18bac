/**
 * Results: what ADD returns and `prevResult` holds.
 *
 * Everything works with the model of spec 1.1.0, `Result`. The older shapes are here only to be read
 * (`result-read.ts`) and printed; `convert.ts` leads from one to another.
 */
import type { Cidr } from "../addr/cidr.ts";
import type { Ip } from "../addr/ip.ts";

export { createResult, createResultFromItself, parsePrevResult } from "./result-read.ts";

/** The result model of spec 1.0.0 and 1.1.0. */
export interface Result {
  readonly family?: "1.1.0";
  /** The version that it was read as; without one it is 1.1.0. Printing sets its own. */
  cniVersion?: string;
  interfaces: Interface[];
  ips: IpConfig[];
  routes: Route[];
  dns: Dns;
}

export interface Interface {
  name: string;
  /** As text, lower case with colons. */
  mac?: string;
  mtu?: number;
  /** The path of the namespace that it is in; none for an interface of the host. */
  sandbox?: string;
  socketPath?: string;
  pciID?: string;
}

export interface IpConfig {
  /** The address with its host bits, and the prefix length of its subnet. */
  address: Cidr;
  gateway?: Ip;
  /** Index into `interfaces`; as it came in, so perhaps out of range. */
  interface?: number;
}

export interface Route {
  dst: Cidr;
  gw?: Ip;
  mtu?: number;
  advmss?: number;
  priority?: number;
  table?: number;
  /** 0 global, 253 link, 254 host. */
  scope?: number;
}

export interface Dns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}

/** The shape of 0.3.0, 0.3.1 and 0.4.0: addresses have a label of their family. */
export interface Result040 {
  readonly family: "0.4.0";
  cniVersion?: string;
  interfaces: Interface[];
  ips: IpConfig040[];
  routes: Route[];
  dns: Dns;
}

export interface IpConfig040 extends IpConfig {
  /** `4` or `6`, as the plugin labelled it. */
  version: string;
}

/** The shape of 0.1.0 and 0.2.0: one address of each family, which has its routes. */
export interface Result020 {
  readonly family: "0.2.0";
  cniVersion?: string;
  ip4?: IpConfig020;
  ip6?: IpConfig020;
  dns: Dns;
}

export interface IpConfig020 {
  ip: Cidr;
  gateway?: Ip;
  routes: Route[];
}

export type AnyResult = Result | Result040 | Result020;

/** A result without anything in it, of the current model. */
export function emptyResult(): Result {
  return { interfaces: [], ips: [], routes: [], dns: {} };
}

/** True if the record would be printed as `{}`. */
export function isEmptyDns(dns: Dns): boolean {
  return !dns.domain && !dns.nameservers?.length && !dns.search?.length && !dns.options?.length;
}
