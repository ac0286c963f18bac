/** What several routing tables of a container need: which are free, and routes from one to another. */
import { isLinkLocal } from "../addr/ip.ts";
import { dataOf } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import { type Route, routeTables } from "../kernel/routes.ts";
import { Rules } from "../kernel/rules.ts";

/** Those that are there without anybody's doing, and the number that stands for none. */
const reserved: readonly number[] = [
  routeTables.compatible,
  routeTables.default,
  routeTables.main,
  routeTables.local,
];

export function isReserved(table: number): boolean {
  return table === 0 || reserved.includes(table);
}

/**
 * The numbers of tables that are free, from `first` on: no rule leads there, no route is in them, and
 * no vrf has them.
 * @param routes of all tables
 */
export function* freeTables(
  container: Netns,
  first: number,
  routes = container.routes.list({ table: "all" }),
): Generator<number, never> {
  const used = new Set([
    ...container
      .use(Rules)
      .list()
      .map(({ table }) => table),
    ...routes.map(({ table }) => table),
    ...container.links.dump({ kind: "vrf" }).map(({ info }) => dataOf(info, "vrf")?.table),
  ]);
  for (let table = first; ; table++) if (!isReserved(table) && !used.has(table)) yield table;
}

/** Whether a route leaves by this interface alone. */
export function leavesOnlyBy({ oif, nextHops }: Route, index: number): boolean {
  return nextHops ? nextHops.every((hop) => hop.oif === index) : oif === index;
}

/** Whether it leads to the interface's own neighbours, whatever table the packets are looked up in. */
export function isLinkLocalRoute({ dst }: Route): boolean {
  return dst.ip.length === 16 && dst.prefixLength >= 10 && isLinkLocal(dst.ip);
}

/**
 * Routes, as they were listed, in the order in which they can be added "beside" what is there: first
 * those that the next hops of others are reached by. The kernel puts each before those like it.
 */
export function inOrder(routes: readonly Route[]): Route[] {
  const isVia = ({ gateway, nextHops }: Route) => gateway !== undefined || nextHops !== undefined;
  const reversed = [...routes].reverse();
  return [...reversed.filter((route) => !isVia(route)), ...reversed.filter(isVia)];
}
