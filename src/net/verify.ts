/**
 * What CHECK compares: the result that the runtime kept against what is there.
 *
 * Reference: pkg/ip/utils_linux.go (ValidateExpectedInterfaceIPs, ValidateExpectedRoute) and the
 * plugins' own checks, with their texts; `details` adds what was found instead.
 */

import { equal as equalBytes } from "../addr/bytes.ts";
import { type Cidr, equal as equalCidr, formatCidr, network } from "../addr/cidr.ts";
import { formatIp } from "../addr/ip.ts";
import type { CheckCall } from "../cni/applet.ts";
import { CniError } from "../cni/errors.ts";
import type { Interface, Result, Route } from "../cni/result.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import { routeTables } from "../kernel/routes.ts";

/** The result of the ADD, which CHECK cannot do without. */
export function requirePrevResult(call: CheckCall<unknown>): Result {
  if (call.prevResult) return call.prevResult;
  throw new CniError("InvalidNetworkConfig", "Required prevResult missing");
}

/** The result's entry for the container's interface. */
export function containerEntry(call: CheckCall<unknown>, result: Result): Interface {
  const { ifName, netns } = call.attachment;
  const entries = result.interfaces.filter(({ name }) => name === ifName);
  const entry = entries.filter(({ sandbox }) => sandbox === netns).pop();
  if (entry) return entry;
  const sandbox = entries.pop()?.sandbox ?? "";
  throw failed(`Sandbox in prevResult ${sandbox} doesn't match configured netns: ${netns}`);
}

/**
 * The link that an entry of the result names, of this kind and with the MAC that the entry has.
 * @param kind left out: it may be of any
 */
export function expectLink(netns: Netns, entry: Interface, kind?: string): Link {
  const link = netns.links.find(entry.name);
  if (!link) throw failed(`Cannot find interface "${entry.name}" of prevResult`);
  if (kind !== undefined && link.info?.kind !== kind) {
    throw failed(
      `Interface "${entry.name}" is not of kind ${kind}`,
      `found ${link.info?.kind ?? "a device without a kind"}`,
    );
  }
  if (entry.mac && link.mac.toLowerCase() !== entry.mac.toLowerCase()) {
    throw failed(
      `Interface "${entry.name}" has another MAC than prevResult`,
      `expected ${entry.mac}, found ${link.mac}`,
    );
  }
  return link;
}

/**
 * The container's interface is as the result says: its kind, MAC, addresses and routes. For an
 * attachment that is this one interface.
 * @param inspect looks at what else the applet knows of the link, before the addresses
 * @throws {CniError} what differs first
 */
export function expectConfigured(
  call: CheckCall<unknown>,
  kind: string,
  inspect: (link: Link) => void,
): void {
  const { container } = call;
  const result = requirePrevResult(call);
  const link = expectLink(container, containerEntry(call, result), kind);
  inspect(link);
  expectAddresses(container, link, result);
  expectRoutes(container, result.routes);
}

/** Two values of an interface, configured and found, are the same. */
export function expectEqual(what: string, configured: unknown, found: unknown): void {
  if (configured === found) return;
  throw failed(`${what} ${found} does not match expected value: ${configured}`);
}

/**
 * Every address of the result is on the interface, and its subnet is reached.
 *
 * Differs on purpose: a single-address subnet (/32, /128) needs no route, since the kernel makes
 * none in the main table.
 */
export function expectAddresses(container: Netns, link: Link, result: Result): void {
  const present = container.addresses.list(link.index);
  for (const { address, gateway } of result.ips) {
    if (!present.some((p) => equalCidr(p.address, address))) {
      throw failed(
        `Failed to match addr ${formatCidr(address)} on interface ${link.name}`,
        `found ${present.map((p) => formatCidr(p.address)).join(", ") || "no address"}`,
      );
    }
    if (address.prefixLength === address.ip.length * 8) continue;
    if (routesTo(container, network(address)).length === 0) {
      const via = gateway ? formatIp(gateway) : "<nil>";
      throw failed(`Failed to find Gateway ${via} for interface ${link.name}`);
    }
  }
}

/**
 * Every route of the result is in its table.
 *
 * Differs on purpose: a route is looked for in the table that it names, or wherever a plugin behind
 * ours has moved it, and among the next hops of a multipath route.
 */
export function expectRoutes(container: Netns, routes: readonly Route[]): void {
  for (const route of routes) {
    const { dst, gw, table } = route;
    const subnet = network(dst);
    const isDefault = dst.prefixLength === 0;
    const found =
      table === undefined
        ? routesTo(container, subnet)
        : container.routes.list({ dst: subnet, table });
    const matches = found.some(
      ({ gateway, nextHops = [] }) =>
        isDefault ||
        !gw ||
        (gateway && equalBytes(gateway, gw)) ||
        nextHops.some((hop) => hop.gateway && equalBytes(hop.gateway, gw)),
    );
    if (!matches) {
      throw failed(`Expected Route ${describe(route)} not found in routing table`);
    }
  }
}

/** Those of the main table, or where plugins behind ours (sbr, vrf) have moved them. */
function routesTo(container: Netns, dst: Cidr) {
  const main = container.routes.list({ dst });
  if (main.length > 0) return main;
  const all = container.routes.list({ dst, table: "all" });
  return all.filter(({ table }) => table !== routeTables.local);
}

function describe({ dst, gw, table }: Route): string {
  const via = gw ? ` via ${formatIp(gw)}` : "";
  return `${formatCidr(dst)}${via}${table === undefined ? "" : ` table ${table}`}`;
}

/** A difference between what ADD made and what is there now. */
export function failed(message: string, details?: string): CniError {
  return new CniError("Internal", message, details);
}
