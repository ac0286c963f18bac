/**
 * Virtual routers (VRF) of a container: links that others are part of, and whose packets are looked up
 * in a table of their own.
 *
 * A link that becomes part of one, or leaves it, goes down and up again in the kernel
 * (drivers/net/vrf.c, cycle_netdev), and loses its IPv6 addresses and its routes on the way.
 *
 * Reference: plugins/meta/vrf/vrf.go. Differs on purpose: a table is free only if nothing uses it; no
 * route is lost, whatever its scope and table; addresses need not be proven unique again; a failed ADD
 * takes a new VRF away; DEL does so too where the interface has gone before.
 */
import { equal } from "../addr/cidr.ts";
import { CniError } from "../cni/errors.ts";
import type { Undo } from "../cni/undo.ts";
import type { Address } from "../kernel/addresses.ts";
import { isKernelError } from "../kernel/errors.ts";
import { dataOf, type Link } from "../kernel/links.ts";
import { Netns } from "../kernel/netns.ts";
import { type Route, routeTables } from "../kernel/routes.ts";
import { freeTables, inOrder, leavesOnlyBy } from "./routing-tables.ts";

/** How long IPv6 duplicate address detection may take, in milliseconds. */
const settleTimeout = 5000;
/** Of addresses that the kernel gives each interface. */
const linkScope = 253;

/** Makes the interface part of the VRF, which is made if there is none. */
export function join(
  container: Netns,
  ifName: string,
  vrfName: string,
  table: number,
  undo: Undo,
): void {
  container.exclusively(() => {
    const link = container.links.find(ifName);
    if (!link) throw failed(`could not get link by name ${ifName}`);
    const vrf = findVrf(container, vrfName);
    if (vrf && table !== 0 && tableOf(vrf) !== table) {
      throw failed(`VRF ${vrfName} already exist with different routing table ${tableOf(vrf)}`);
    }
    if (vrf && link.master === vrf.index) return;
    if (link.master !== undefined) {
      const master = container.links.find(link.master)?.name ?? `link ${link.master}`;
      throw failed(`interface ${ifName} has already a master set: ${master}`);
    }
    enslave(container, link, vrf ?? addVrf(container, vrfName, table, undo), undo);
  });
}

/** The VRF of this name; undefined: there is no link called so. */
function findVrf(container: Netns, name: string): Link | undefined {
  const link = container.links.find(name);
  if (link && link.info?.kind !== "vrf") throw failed(`Netlink ${name} is not a VRF`);
  return link;
}

function tableOf(vrf: Link): number {
  return dataOf(vrf.info, "vrf")?.table ?? 0;
}

function addVrf(container: Netns, name: string, asked: number, undo: Undo): Link {
  const table = asked || freeTables(container, 1).next().value;
  const vrf = container.links.add({ name, up: true, info: { kind: "vrf", data: { table } } });
  undo.push(`delete VRF "${name}"`, () => container.exclusively(() => reap(container, vrf)));
  return vrf;
}

/** Deletes a VRF that nothing is part of. */
function reap(container: Netns, { index }: Link): void {
  if (container.links.dump({ master: index }).length === 0) container.links.remove(index);
}

// ── what a link keeps ─────────────────────────────────────────────────────────────────────────

function enslave(container: Netns, link: Link, vrf: Link, undo: Undo): void {
  const { index } = link;
  const addresses = container.addresses
    .list(index, 6)
    .filter(({ scope, flags }) => scope !== linkScope && !flags.includes("dadFailed"));
  const routes = container.routes
    .list({ table: "all" })
    .filter((route) => leavesOnlyBy(route, index) && isConfigured(route));
  undo.push(`take "${link.name}" out of "${vrf.name}"`, () => {
    container.links.change(index, { master: 0 });
    restore(container, index, addresses, routes);
  });
  container.links.change(index, { master: vrf.index });
  const table = tableOf(vrf);
  const isMain = (route: Route) => route.table === routeTables.main;
  const moved = routes.map((route) => (isMain(route) ? { ...route, table } : route));
  restore(container, index, addresses, moved);
}

/** Whether somebody has made it. What the kernel makes for each address it makes again. */
function isConfigured({ protocol, table }: Route): boolean {
  return protocol !== "kernel" && table !== routeTables.local;
}

/** Gives a link again what it has lost. */
function restore(
  container: Netns,
  index: number,
  addresses: readonly Address[],
  routes: readonly Route[],
): void {
  const isThere = (wanted: Address, present: readonly Address[]) =>
    present.some(({ address }) => equal(address, wanted.address));
  const kept = container.addresses.list(index, 6);
  const lost = addresses.filter((address) => !isThere(address, kept));
  // One that was nobody else's a moment ago still is.
  container.addresses.addAll(
    index,
    lost.map((address) => ({ ...address, nodad: !address.flags.includes("tentative") })),
  );
  // A route's source must be an address that may be used. The kernel may have kept some, and doubt them.
  const isDoubted = ({ flags }: Address) => flags.includes("tentative");
  if (kept.some((each) => isDoubted(each) && isThere(each, addresses))) {
    container.addresses.waitUntilSettled(index, settleTimeout);
  }
  const present = container.routes.list({ table: "all", oif: index });
  const missing = routes.filter((route) => !present.some((other) => isSame(other, route)));
  container.routes.addAll(inOrder(missing));
}

/** Whether two routes stand for the same: the kernel refuses to have it twice. */
function isSame(a: Route, b: Route): boolean {
  return a.table === b.table && equal(a.dst, b.dst) && a.priority === b.priority && a.tos === b.tos;
}

/** Whether the kernel has VRFs, which only making one tells: in a namespace of its own. */
export function isSupported(): boolean {
  const netns = Netns.create();
  try {
    netns.links.add({ name: "vrf", info: { kind: "vrf", data: { table: 1 } } });
    return true;
  } catch (error) {
    if (isKernelError(error, "EOPNOTSUPP")) return false;
    throw error;
  } finally {
    netns.close();
  }
}

// ── afterwards ────────────────────────────────────────────────────────────────────────────────

/** What is otherwise than `join` made it; undefined: nothing. */
export function findDamage(
  container: Netns,
  ifName: string,
  vrfName: string,
  table: number,
): string | undefined {
  const vrf = container.links.find(vrfName);
  if (vrf?.info?.kind !== "vrf") return `there is no VRF "${vrfName}"`;
  if (table !== 0 && tableOf(vrf) !== table) return `VRF "${vrfName}" has table ${tableOf(vrf)}`;
  const link = container.links.find(ifName);
  if (!link) return `there is no link "${ifName}"`;
  return link.master === vrf.index ? undefined : `"${ifName}" is not part of VRF "${vrfName}"`;
}

/** Takes the interface out of the VRF, if both are there, and deletes one that nothing is part of. */
export function leave(container: Netns, ifName: string, vrfName: string): void {
  container.exclusively(() => {
    const vrf = container.links.find(vrfName);
    if (vrf?.info?.kind !== "vrf") return;
    const link = container.links.find(ifName);
    if (link?.master === vrf.index) removeFrom(container, link);
    reap(container, vrf);
  });
}

function removeFrom(container: Netns, { index }: Link): void {
  try {
    container.links.change(index, { master: 0 });
  } catch (error) {
    if (!isKernelError(error, "ENODEV")) throw error; // gone meanwhile
  }
}

function failed(message: string): CniError {
  return new CniError("Internal", message);
}
