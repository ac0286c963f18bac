/** Routes of one namespace: `ip route`. */
import { equal as equalBytes } from "../addr/bytes.ts";
import { type Cidr, equal, formatCidr } from "../addr/cidr.ts";
import { formatIp, type Ip } from "../addr/ip.ts";
import { messageFlags } from "../netlink/message.ts";
import {
  type RouteMessage,
  type RouteProtocol,
  type RouteRequest,
  type RouteType,
  routeMessage,
  routeScopes,
  routeTables,
} from "../netlink/route/route.ts";
import { routeTypes } from "../netlink/route/types.ts";
import { isKernelError } from "./errors.ts";
import { type Family, familyNamed, familyNumber, familyOf, unspecified } from "./family.ts";
import type { Netns } from "./netns.ts";
import { type Request, request } from "./socket.ts";

export { routeScopes, routeTables } from "../netlink/route/route.ts";

/** One way of a route that has several. */
export interface NextHop {
  oif: number;
  gateway?: Ip;
  /** 1 to 256. */
  weight: number;
}

/** What a route may have besides, as the kernel has it. */
export type RouteExtras = Pick<
  RouteMessage,
  "metrics" | "preference" | "flow" | "encapType" | "encap" | "ttlPropagate"
>;

/** A route, as the kernel has it. */
export interface Route {
  family: Family;
  /** The default route is 0.0.0.0/0 or ::/0. */
  dst: Cidr;
  table: number;
  /** 0 universe, 253 link, 254 host. IPv6 has 0 always. */
  scope: number;
  type: RouteType;
  protocol: RouteProtocol;
  tos: number;
  flags: RouteMessage["flags"];
  /** Index of the interface that it leaves by; absent with `nextHops` and for `unreachable` etc. */
  oif?: number;
  gateway?: Ip;
  /** Of packets that are sent without one of their own (`src`). */
  source?: Ip;
  /** The lower, the sooner it is used (`metric`). */
  priority?: number;
  mtu?: number;
  advmss?: number;
  /** Of a route with several ways (`nexthop via ...`). */
  nextHops?: NextHop[];
  extras?: RouteExtras;
}

/** A route to add; what `list` returns is one. */
export interface RouteSpec {
  dst: Cidr;
  oif?: number | undefined;
  gateway?: Ip | undefined;
  source?: Ip | undefined;
  /** Default: main (254). */
  table?: number | undefined;
  /** Default: universe (0). */
  scope?: number | keyof typeof routeScopes | undefined;
  /** 0 is the kernel's default, as absent. */
  priority?: number | undefined;
  mtu?: number | undefined;
  advmss?: number | undefined;
  /** Default: unicast. */
  type?: RouteType | undefined;
  /** Default: boot, as `ip route` has it. */
  protocol?: RouteProtocol | undefined;
  tos?: number | undefined;
  /** Only `onlink` is taken from here: the gateway need not be in a connected subnet. */
  flags?: RouteMessage["flags"] | undefined;
  nextHops?: readonly NextHop[] | undefined;
  extras?: RouteExtras | undefined;
}

/** What a new route does about one to the same destination. */
export type RouteMode = "beside" | "exclusive" | "replace";

const modes = {
  /** The reference's "ECMP add": another way to a known destination is fine, the same is EEXIST. */
  beside: messageFlags.create,
  exclusive: messageFlags.create | messageFlags.exclusive,
  replace: messageFlags.create | messageFlags.replace,
} as const satisfies Record<RouteMode, number>;

/** Which routes to list. */
export interface RouteFilter {
  family?: Family | undefined;
  dst?: Cidr | undefined;
  /** Default: main (254). */
  table?: number | "all" | undefined;
  oif?: number | undefined;
}

/** The routes of one namespace: `netns.routes`. */
export class Routes {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /**
   * `ip route show [table T] [dev X] [exact DST]`, IPv4 before IPv6; without the kernel's notes about
   * single destinations (cloned routes).
   */
  list(filter: RouteFilter = {}): Route[] {
    const { dst } = filter;
    const family = filter.family ?? (dst && (dst.ip.length === 4 ? 4 : 6));
    if (family) return this.#list(family, filter);
    return [...this.#list(4, filter), ...this.#list(6, filter)];
  }

  #list(family: Family, filter: RouteFilter): Route[] {
    const { dst, oif, table = routeTables.main } = filter;
    const asked: RouteRequest = { family: familyNumber(family), type: "unspecified" };
    if (table !== "all") Object.assign(asked, tableOf(table));
    if (oif !== undefined) asked.oif = oif;
    const routes: Route[] = [];
    const messages = this.#netns.socket.dump(
      // A table that nobody has put a route in does not exist.
      request(routeTypes.getRoute, 0, routeMessage, asked, "list routes", ["ENOENT"]),
      routeMessage,
      // rtmsg begins with the family and the length of the destination.
      (row) => row.peek(0) === asked.family && (!dst || row.peek(1) === dst.prefixLength),
    );
    for (const message of messages) {
      const route = routeOf(message);
      if (!route || route.flags.includes("cloned")) continue;
      if (table !== "all" && route.table !== table) continue;
      if (dst && !equal(route.dst, dst)) continue;
      if (oif !== undefined && !leavesBy(route, oif)) continue;
      routes.push(route);
    }
    return routes;
  }

  /**
   * The default route of the main table that the kernel lists first, IPv4 before IPv6; one that
   * leads nowhere (`unreachable default`) does not count.
   */
  defaultRoute(): Route | undefined {
    for (const family of [4, 6] as const) {
      const routes = this.list({ dst: { ip: unspecified(family), prefixLength: 0 } });
      const found = routes.find(({ type }) => type === "unicast");
      if (found) return found;
    }
    return undefined;
  }

  /**
   * `ip route get ADDRESS`: the way that a packet to it takes, or what becomes of it (`type`).
   * @returns undefined if there is none
   */
  lookUp(ip: Ip): Route | undefined {
    const asked: RouteRequest = {
      family: familyOf(ip),
      dstLength: ip.length * 8,
      type: "unspecified",
      dst: ip,
    };
    const none = ["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL"];
    const what = `look up the route to ${formatIp(ip)}`;
    const answer = this.#netns.socket.ask(
      request(routeTypes.getRoute, 0, routeMessage, asked, what, none),
      routeMessage,
    );
    return answer && routeOf(answer);
  }

  /** `ip route prepend|add|replace DST ...`; a KernelError with code EEXIST: it is there already. */
  add(spec: RouteSpec, mode: RouteMode = "beside"): void {
    this.addAll([spec], mode);
  }

  /** As `add`, all in one write, in this order. */
  addAll(specs: readonly RouteSpec[], mode: RouteMode = "beside"): void {
    this.#netns.socket.transact(
      specs.map((spec): Request => {
        const message = routeRequest(spec);
        const verb = mode === "replace" ? "replace" : "add";
        const what = `${verb} route ${this.#describe(spec)}`;
        return request(routeTypes.newRoute, modes[mode], routeMessage, message, what);
      }),
    );
  }

  /**
   * `ip route delete DST ...`: the first route that agrees in all that is said.
   * @returns false if there was none
   */
  remove(spec: RouteSpec): boolean {
    const { scope = "nowhere", type = "unspecified", protocol = "unspecified" } = spec;
    const message = routeRequest({ ...spec, scope, type, protocol });
    const what = `delete route ${this.#describe(spec)}`;
    try {
      this.#netns.socket.transact([
        request(routeTypes.deleteRoute, 0, routeMessage, message, what),
      ]);
      return true;
    } catch (error) {
      if (isKernelError(error, "ESRCH")) return false;
      throw error;
    }
  }

  #describe({ dst, gateway, oif, priority, table }: RouteSpec): string {
    let text = formatCidr(dst);
    if (gateway) text += ` via ${formatIp(gateway)}`;
    if (oif !== undefined) text += ` dev ${this.#netns.links.nameOf(oif)}`;
    if (priority) text += ` metric ${priority}`;
    if (table !== undefined && table !== routeTables.main) text += ` table ${table}`;
    return text;
  }
}

/** Whether packets may leave by this interface. */
function leavesBy(route: Route, oif: number): boolean {
  return route.oif === oif || (route.nextHops ?? []).some((hop) => hop.oif === oif);
}

function tableOf(table: number): RouteRequest {
  return table < 256 ? { shortTable: table } : { shortTable: routeTables.compatible, table };
}

function routeRequest(spec: RouteSpec): RouteRequest {
  const { dst, oif, gateway, source, priority, mtu, advmss, nextHops, tos, extras } = spec;
  const { table = routeTables.main, scope = "universe" } = spec;
  const { type = "unicast", protocol = "boot" } = spec;
  const message: RouteRequest = {
    family: familyOf(dst.ip),
    dstLength: dst.prefixLength,
    scope: typeof scope === "number" ? scope : routeScopes[scope],
    type,
    protocol,
    ...tableOf(table),
    ...extras,
  };
  if (tos !== undefined) message.tos = tos;
  if (spec.flags?.includes("onlink")) message.flags = ["onlink"];
  if (dst.prefixLength > 0) message.dst = dst.ip;
  if (oif !== undefined) message.oif = oif;
  if (gateway) Object.assign(message, nextHopOf(gateway, dst.ip));
  if (source) message.preferredSource = source;
  if (priority) message.priority = priority;
  if (mtu || advmss) {
    message.metrics = { ...extras?.metrics, ...(mtu && { mtu }), ...(advmss && { advmss }) };
  }
  if (nextHops) {
    message.multipath = nextHops.map((hop) => ({
      oif: hop.oif,
      hops: hop.weight - 1,
      ...(hop.gateway && nextHopOf(hop.gateway, dst.ip)),
    }));
  }
  return message;
}

function routeOf(message: RouteMessage): Route | undefined {
  const { scope, type, protocol, tos, flags, oif, priority, metrics } = message;
  const family = familyNamed(message.family);
  if (!family) return undefined;
  const route: Route = {
    family,
    dst: { ip: message.dst ?? unspecified(family), prefixLength: message.dstLength },
    table: message.table ?? message.shortTable,
    scope,
    type,
    protocol,
    tos,
    flags,
  };
  const gateway = message.gateway ?? viaOf(message.via);
  if (oif !== undefined) route.oif = oif;
  if (gateway) route.gateway = gateway;
  if (message.preferredSource) route.source = message.preferredSource;
  if (priority !== undefined) route.priority = priority;
  if (metrics?.mtu !== undefined) route.mtu = metrics.mtu;
  if (metrics?.advmss !== undefined) route.advmss = metrics.advmss;
  const extras = extrasOf(message);
  if (extras) route.extras = extras;
  if (message.multipath) {
    route.nextHops = message.multipath.map((hop) => {
      const via = hop.gateway ?? viaOf(hop.via);
      return { oif: hop.oif, weight: hop.hops + 1, ...(via && { gateway: via }) };
    });
  }
  return route;
}

function extrasOf(message: RouteMessage): RouteExtras | undefined {
  const { metrics, flow, encapType, encap, ttlPropagate } = message;
  const preference = message.preference === "medium" ? undefined : message.preference;
  const all = { metrics, preference, flow, encapType, encap, ttlPropagate };
  const present = Object.entries(all).filter(([, value]) => value !== undefined);
  return present.length > 0 ? Object.fromEntries(present) : undefined;
}

/** RTA_GATEWAY, or RTA_VIA for an IPv4 route by IPv6. */
function nextHopOf(gateway: Ip, dst: Ip): Pick<RouteRequest, "gateway" | "via"> {
  if (gateway.length === dst.length) return { gateway };
  const via = new Uint8Array(2 + gateway.length);
  new Uint16Array(via.buffer, 0, 1)[0] = familyOf(gateway);
  via.set(gateway, 2);
  return { via };
}

/** `struct rtvia`, the gateway of an IPv4 route by IPv6: the family in two bytes, then the address. */
function viaOf(via: Uint8Array | undefined): Ip | undefined {
  return via?.subarray(2);
}

/** Whether two gateways are the same, or both absent. */
export function sameGateway(a: Ip | undefined, b: Ip | undefined): boolean {
  return a && b ? equalBytes(a, b) : a === b;
}
