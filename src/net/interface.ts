/** What every container interface gets: its addresses, its routes, and being up. */
import type { Cidr } from "../addr/cidr.ts";
import { isGlobalUnicast, isV4 } from "../addr/ip.ts";
import { CniError, explained } from "../cni/errors.ts";
import type { Dns, Result, Route } from "../cni/result.ts";
import type { AddressFlag } from "../kernel/addresses.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import type { RouteSpec } from "../kernel/routes.ts";

/** How long IPv6 duplicate address detection may take, in milliseconds. */
const settleTimeout = 5000;

/**
 * Gives the interface the result's addresses that are meant for it, brings it up, waits until its
 * IPv6 addresses may be used if a gateway is among them, and adds the routes.
 *
 * A route without a next hop goes through the first gateway of its family.
 *
 * Reference: pkg/ipam/ipam_linux.go (ConfigureIface). Differs on purpose: the `mtu` and `advmss` of
 * routes are applied.
 */
export function configure(container: Netns, link: Link, result: Result): void {
  bringUp(container, link, result);
  const gateways = ipsOf(link, result).flatMap((ip) => ip.gateway ?? []);
  if (gateways.some((gateway) => !isV4(gateway))) {
    explained(`failed to settle addresses for "${link.name}"`, () =>
      container.addresses.waitUntilSettled(link.index, settleTimeout),
    );
  }
  container.routes.addAll(routesOf(link, result));
}

/**
 * The first half of `configure`: addresses, and up.
 * @param flags of the addresses, e.g. `nodad`
 */
export function bringUp(
  container: Netns,
  link: Link,
  result: Result,
  flags?: readonly AddressFlag[],
): void {
  const ips = ipsOf(link, result);
  if (ips.some((ip) => !isV4(ip.address.ip))) enableIpv6(container, link.name);
  const added = ips.map((ip) => ({ address: ip.address, flags }));
  explained(`failed to add IP addr to "${link.name}"`, () =>
    container.addresses.addAll(link.index, added),
  );
  explained(`failed to set "${link.name}" UP`, () => {
    container.links.change(link.index, { up: true });
  });
}

/** The result's routes, with the next hops that `configure` gives them. */
export function routesOf(link: Link, result: Result): RouteSpec[] {
  const gateways = ipsOf(link, result).flatMap((ip) => ip.gateway ?? []);
  const gateway4 = gateways.find((gateway) => isV4(gateway));
  const gateway6 = gateways.find((gateway) => !isV4(gateway));
  return result.routes.map((route) => ({
    ...route,
    gateway: route.gw ?? (isV4(route.dst.ip) ? gateway4 : gateway6),
    oif: link.index,
  }));
}

function ipsOf(link: Link, result: Result): Result["ips"] {
  const { interfaces } = result;
  if (interfaces.length === 0) throw new CniError("Internal", "no interfaces to configure");
  return result.ips.filter(({ interface: index }) => {
    if (index === undefined) return false;
    if (interfaces[index]?.name === link.name) return true;
    throw new CniError(
      "Internal",
      `failed to add IP addr to "${link.name}": invalid interface index`,
      `index ${index} names ${interfaces[index]?.name ?? "no interface"}`,
    );
  });
}

/** A container's IPv6 may be off by the runtime's or the image's choice; an IPv6 address needs it. */
function enableIpv6(container: Netns, ifName: string): void {
  for (const name of ["lo", ifName]) {
    const path = ["net", "ipv6", "conf", name, "disable_ipv6"] as const;
    if (container.sysctl.readIfPresent(...path) === "1") container.sysctl.write("0", ...path);
  }
  container.sysctl.writeIfPresent("1", "net", "ipv6", "conf", ifName, "keep_addr_on_down");
}

/** Whether there is a default route of this family among the routes, with or without a next hop. */
export function hasDefaultRoute(routes: readonly Route[], family: 4 | 6): boolean {
  return routes.some(
    ({ dst }) =>
      dst.prefixLength === 0 && isV4(dst.ip) === (family === 4) && dst.ip.every((b) => b === 0),
  );
}

/** The config's DNS settings where it has any, else what the IPAM plugin said. */
export function chooseDns(config: Dns | undefined, ipam: Dns): Dns {
  const isSet = config && (config.nameservers || config.search || config.options || config.domain);
  return isSet ? config : ipam;
}

/** The addresses of an interface that packets beyond the link may carry; none if it is gone. */
export function globalAddresses(container: Netns, ifName: string): Cidr[] {
  const link = container.links.find(ifName);
  if (!link) return [];
  return container.addresses
    .list(link.index)
    .map(({ address }) => address)
    .filter(({ ip }) => isGlobalUnicast(ip));
}
