/** Which routes the tables get, and which the main table keeps: what `source-routing.ts` then does. */
import { equal as equalBytes } from "../addr/bytes.ts";
import { contains, equal, network } from "../addr/cidr.ts";
import { type Ip, isLinkLocal } from "../addr/ip.ts";
import type { IpConfig } from "../cni/result.ts";
import { type Route, type RouteSpec, routeScopes } from "../kernel/routes.ts";
import { inOrder } from "./routing-tables.ts";

export interface SourceRouting {
  ifName: string;
  /** The addresses that it is about. */
  ips: readonly IpConfig[];
  /** Somebody else's table, which stays as it is. */
  table?: number | undefined;
  /** One per family at most; each wins over that of the addresses. */
  gateways: readonly Ip[];
  /** Keep the subnets in the main table, with the address as source. */
  sourceHints: boolean;
}

/** What the table of an address holds: the interface's routes that are for it, and a default route. */
export function routesFor(
  ip: IpConfig,
  { ips, gateways }: SourceRouting,
  index: number,
  movable: readonly Route[],
): RouteSpec[] {
  const { length } = ip.address.ip;
  const gateway = gatewayOf(ip, gateways);
  const isFixed = gateway !== undefined && gateways.includes(gateway);
  const routes: RouteSpec[] = inOrder(
    movable.filter((route) => {
      const { dst } = route;
      if (dst.ip.length !== length || (isFixed && dst.prefixLength === 0)) return false;
      return isFor(ip, route) || !ips.some((other) => isFor(other, route));
    }),
  );
  if (gateway && !routes.some(({ dst }) => dst.prefixLength === 0)) {
    const dst = { ip: new Uint8Array(gateway.length), prefixLength: 0 };
    routes.push({ dst, gateway, oif: index });
  }
  return routes;
}

/** The next hop of an address's default route. */
export function gatewayOf({ address, gateway }: IpConfig, gateways: readonly Ip[]): Ip | undefined {
  const { length } = address.ip;
  const own = gateway?.length === length ? gateway : undefined;
  return gateways.find((each) => each.length === length) ?? own;
}

/** Whether a route goes with an address: its source or its next hop is in the address's subnet. */
function isFor({ address }: IpConfig, { dst, source, gateway, nextHops }: Route): boolean {
  if (dst.ip.length !== address.ip.length) return false;
  const hop = gateway ?? nextHops?.find((each) => each.gateway)?.gateway;
  if (!source && !hop) return true;
  return (
    (source !== undefined && contains(address, source)) ||
    (hop !== undefined && (contains(address, hop) || isLinkLocal(hop)))
  );
}

/** IPv6 has no scopes. */
export function isOnLink({ family, scope, gateway, nextHops }: Route): boolean {
  return family === 4 ? scope >= routeScopes.link : !gateway && !nextHops;
}

/** A route to a subnet with an address as source, and what it replaces. */
export interface SourceHint {
  before?: Route;
  route: RouteSpec;
}

/** The source hints that the main table lacks: one for each subnet, as a route has one source. */
export function hintsFor(
  { ips, sourceHints }: SourceRouting,
  index: number,
  movable: readonly Route[],
): SourceHint[] {
  const subnets = ips.map(({ address }) => network(address));
  const firsts = ips.filter((_, i) => {
    const subnet = subnets[i];
    return sourceHints && subnet && subnets.findIndex((other) => equal(other, subnet)) === i;
  });
  return firsts.flatMap(({ address: { ip }, address }) => {
    const dst = network(address);
    const before = movable.find((route) => equal(route.dst, dst) && isOnLink(route));
    if (before?.source && equalBytes(before.source, ip)) return [];
    const scope = ip.length === 4 ? routeScopes.link : routeScopes.universe;
    const route: RouteSpec = { ...(before ?? { dst, oif: index, scope }), source: ip };
    return [{ ...(before && { before }), route }];
  });
}
