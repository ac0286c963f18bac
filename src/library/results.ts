/** Results as they stand in JSON, and their conversion between the versions of the specification. */
import { convertResult as convert, toJson } from "../cni/convert.ts";
import { createResultFromItself } from "../cni/result-read.ts";
import { all, current } from "../cni/versions.ts";
import { parse } from "../json/parse.ts";
import type { JsonValue } from "../json/types.ts";

/** A version of the CNI specification. */
export type Version = (typeof all)[number];

/** The versions of the CNI specification, oldest first. */
export const versions: readonly Version[] = all;

/** The newest version of the CNI specification, in which the library works. */
export const currentVersion: "1.1.0" = current;

/** What ADD returns, since version 1.0.0. */
export interface Result {
  cniVersion: string;
  /** The interfaces that were made, on the host and in the container. */
  interfaces?: Interface[];
  ips?: IpConfig[];
  routes?: Route[];
  dns?: Dns;
}

/** An interface. */
export interface Interface {
  name: string;
  /** `02:00:00:00:00:01` */
  mac?: string;
  mtu?: number;
  /** The path of the namespace that it is in; absent for an interface of the host. */
  sandbox?: string;
  /** The path of a socket, e.g. vhost-user's. */
  socketPath?: string;
  /** The PCI device, e.g. `0000:00:1f.6`. */
  pciID?: string;
}

/** An address of the container. */
export interface IpConfig {
  /** With the length of its subnet's prefix: `10.1.2.3/24`. */
  address: string;
  gateway?: string;
  /** Index into `interfaces`. */
  interface?: number;
}

/** A route of the container. */
export interface Route {
  /** `10.0.0.0/8` */
  dst: string;
  /** The next hop; absent: the gateway of the address. */
  gw?: string;
  mtu?: number;
  advmss?: number;
  priority?: number;
  /** Number of the routing table; absent: the main one. */
  table?: number;
  /** 0 global, 253 link, 254 host. */
  scope?: number;
}

/** DNS settings of the container. */
export interface Dns {
  nameservers?: string[];
  /** The local domain, for short names. */
  domain?: string;
  /** Domains that short names are looked up in. */
  search?: string[];
  /** As in resolv.conf. */
  options?: string[];
}

/** What ADD returned in versions 0.3.0 to 0.4.0: an address has a label. */
export interface Result040 {
  cniVersion: string;
  interfaces?: Interface[];
  ips?: IpConfig040[];
  routes?: Route[];
  dns?: Dns;
}

/** An address, in versions 0.3.0 to 0.4.0. */
export interface IpConfig040 extends IpConfig {
  /** `4` or `6` */
  version: string;
}

/** What ADD returned in versions 0.1.0 and 0.2.0: at most one address of each family. */
export interface Result020 {
  cniVersion: string;
  ip4?: IpConfig020;
  ip6?: IpConfig020;
  dns?: Dns;
}

/** An address with its routes, in versions 0.1.0 and 0.2.0. */
export interface IpConfig020 {
  /** `10.1.2.3/24` */
  ip: string;
  gateway?: string;
  routes?: Route[];
}

/** A result of any version. */
export type AnyResult = Result | Result040 | Result020;

/** The result type of a version. */
export type ResultOf<V extends Version> = V extends "0.1.0" | "0.2.0"
  ? Result020
  : V extends "0.3.0" | "0.3.1" | "0.4.0"
    ? Result040
    : Result;

/**
 * Converts a result to another version.
 *
 * Upwards nothing is lost. Downwards it may be: 0.2.0 has one address of each family and no
 * interfaces.
 *
 * @param result a result of any version, or its text; it says its version itself (absent: 0.1.0).
 *   It is not changed
 * @throws Error for what is no result, for an unknown version, and for a conversion to 0.1.0 or
 *   0.2.0 without any address
 * @example
 * const old = convertResult({ cniVersion: "1.0.0", ips: [{ address: "10.1.2.3/24" }] }, "0.2.0");
 * old.ip4?.ip; // "10.1.2.3/24"
 */
export function convertResult<V extends Version>(
  result: AnyResult | string,
  version: V,
): ResultOf<V> {
  const json = typeof result === "string" ? parse(result) : (result as unknown as JsonValue);
  return plain(toJson(convert(createResultFromItself(json), version)));
}

/** A value as JSON.parse makes it: with prototypes, and without members that are undefined. */
export function plain<T>(value: unknown): T {
  return JSON.parse(JSON.stringify(value));
}
