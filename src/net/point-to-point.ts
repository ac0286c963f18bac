/**
 * A container at the other end of a cable: the host routes each address to it, and is its gateway.
 *
 * Reference: plugins/main/ptp/ptp.go. Differs on purpose: the subnet is not made a connected one
 * first, so a single-address subnet and two addresses of one subnet work; and a gateway that several
 * addresses share is taken once.
 */
import { contains, equal, formatCidr, host as hostOf, network } from "../addr/cidr.ts";
import { formatIp, isV4 } from "../addr/ip.ts";
import type { CheckCall } from "../cni/applet.ts";
import { CniError } from "../cni/errors.ts";
import type { IpConfig, Result } from "../cni/result.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import type { RouteSpec } from "../kernel/routes.ts";
import * as iface from "./interface.ts";
import * as verify from "./verify.ts";

type RoutedIp = IpConfig & Required<Pick<IpConfig, "gateway">>;

/** The result's addresses, each of which must come with a gateway: there is no other way out. */
export function routedIps(result: Result): RoutedIp[] {
  return result.ips.map((ip) => {
    if (ip.gateway) return ip as RoutedIp;
    const address = formatCidr(ip.address);
    throw new CniError(
      "Internal",
      `Cannot reach ${address}: the IPAM plugin gave it no gateway`,
      "a point-to-point link needs the gateway's address for the host's end",
    );
  });
}

/**
 * The container's end: addresses, and the way to the gateway and through it to all else.
 *
 * The link has two ends, and both are ours: so nobody else can have an address, and IPv6 addresses
 * are usable at once (`nodad`).
 */
export function configureInside(container: Netns, link: Link, result: Result): void {
  const ips = routedIps(result);
  iface.bringUp(container, link, result, ["nodad", "noPrefixRoute"]);
  const routes = distinct([
    ...ips.map((ip) => toGateway(link, ip)),
    ...ips.filter(isInSubnet).map((ip) => toSubnet(link, ip)),
  ]);
  const onward = iface.routesOf(link, result).map((route) => reachable(route, ips));
  container.routes.addAll([...routes, ...onward]);
}

function toGateway(link: Link, { address, gateway }: RoutedIp): RouteSpec {
  return { dst: hostOf(gateway), oif: link.index, scope: "link", source: address.ip };
}

function toSubnet(link: Link, { address, gateway }: RoutedIp): RouteSpec {
  return { dst: network(address), oif: link.index, gateway, source: address.ip };
}

/** A subnet of one address is that address itself: nothing is left to be reached in it. */
function isInSubnet({ address }: RoutedIp): boolean {
  return address.prefixLength < address.ip.length * 8;
}

/** A next hop in the subnet that is no gateway is asked for on the link, as the reference has it. */
function reachable(route: RouteSpec, ips: readonly RoutedIp[]): RouteSpec {
  const hop = route.gateway;
  if (!hop || ips.some(({ gateway }) => equal(hostOf(gateway), hostOf(hop)))) return route;
  return ips.some(({ address }) => contains(address, hop))
    ? { ...route, flags: ["onlink"] }
    : route;
}

/** The host's end: it has the gateways' addresses, and routes the container's addresses to it. */
export function configureHostEnd(host: Netns, link: Link, result: Result): void {
  const ips = routedIps(result);
  const gateways = distinct(ips.map(({ gateway }) => ({ dst: hostOf(gateway) })));
  host.addresses.addAll(
    link.index,
    gateways.map(({ dst }) => ({ address: dst, nodad: true })),
  );
  host.routes.addAll(
    ips.map(({ address }) => ({ dst: hostOf(address.ip), oif: link.index, scope: "host" })),
  );
}

/**
 * CHECK of the host's end: the result names it, and it is still the way to the container's addresses
 * and their gateway.
 */
export function expectHostEnd({ host }: CheckCall<unknown>, result: Result, inside: Link): void {
  const entry = result.interfaces.find(
    ({ name, sandbox }) => !sandbox && host.links.find(name)?.index === inside.parent,
  );
  if (!entry) throw verify.failed(`Cannot find the host's end of "${inside.name}" in prevResult`);
  const { index, name } = verify.expectLink(host, entry, "veth");
  const present = host.addresses.list(index);
  for (const ip of result.ips) {
    if (ip.interface === undefined || result.interfaces[ip.interface]?.name !== inside.name)
      continue;
    const { address, gateway } = ip;
    if (gateway && !present.some((p) => equal(p.address, hostOf(gateway)))) {
      throw verify.failed(`Failed to match gateway ${formatIp(gateway)} on interface ${name}`);
    }
    if (host.routes.list({ dst: hostOf(address.ip), oif: index }).length === 0) {
      throw verify.failed(`Cannot find the host's route to ${formatIp(address.ip)} by ${name}`);
    }
  }
}

/** The families of the addresses. */
export function familiesOf(result: Result): (4 | 6)[] {
  const has = (family: 4 | 6) =>
    result.ips.some(({ address }) => isV4(address.ip) === (family === 4));
  return ([4, 6] as const).filter(has);
}

/** The first of those that have the same destination. */
function distinct<T extends Pick<RouteSpec, "dst">>(specs: readonly T[]): T[] {
  return specs.filter((spec, i) => specs.findIndex(({ dst }) => equal(dst, spec.dst)) === i);
}
