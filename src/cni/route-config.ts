/** Routes in IPAM configs: as `schema-common.ts` declares them, and as results hold them. */
import { parseCidr } from "../addr/cidr.ts";
import { requireIp } from "../addr/ip.ts";
import type { Route } from "./result.ts";

/** A route of a validated config. */
export interface RouteConfig extends Omit<Route, "dst" | "gw"> {
  dst: string;
  gw?: string;
}

/** @throws {Error} in Go's words, if the destination is no CIDR or the gateway no address */
export function readRoute({ dst, gw, ...rest }: RouteConfig): Route {
  return { dst: parseCidr(dst), ...(gw !== undefined && { gw: requireIp(gw) }), ...rest };
}
