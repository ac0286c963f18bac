/**
 * Routing by source: packets from an interface's addresses leave by that interface. Each address has
 * a table with the interface's routes, and a rule that leads there.
 *
 * Reference: plugins/meta/sbr/main.go. Differs on purpose: a table is free only if nothing uses it; a
 * table gets the routes of its own family; the way to link-local addresses stays in the main table,
 * and no route is lost that belongs to no address; a configured gateway is not overridden; a repeated
 * ADD changes nothing; DEL takes away the very rules, with or without the interface.
 */
import { equal, formatCidr, host as single } from "../addr/cidr.ts";
import { formatIp, type Ip } from "../addr/ip.ts";
import { CniError } from "../cni/errors.ts";
import type { IpConfig } from "../cni/result.ts";
import { tryAll, type Undo } from "../cni/undo.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import { type Route, type RouteSpec, routeTables } from "../kernel/routes.ts";
import { type Rule, type RuleSpec, Rules } from "../kernel/rules.ts";
import {
  freeTables,
  inOrder,
  isLinkLocalRoute,
  isReserved,
  leavesOnlyBy,
} from "./routing-tables.ts";
import {
  gatewayOf,
  hintsFor,
  isOnLink,
  routesFor,
  type SourceHint,
  type SourceRouting,
} from "./source-tables.ts";

export type { SourceRouting } from "./source-tables.ts";

/** Where the reference begins to look for a free table. */
const firstTable = 100;
/** Milliseconds. */
const settleTimeout = 5000;

/** Sets it up; what is there already stays. */
export function setup(container: Netns, asked: SourceRouting, undo: Undo): void {
  container.exclusively(() => {
    const link = container.links.find(asked.ifName);
    if (!link) {
      throw new CniError(
        "Internal",
        `Cannot find network interface ${asked.ifName}: Link not found`,
      );
    }
    const present = container.use(Rules).list();
    const { table } = asked;
    if (table === undefined) fillTables(container, link, asked, present, undo);
    else
      addRules(
        container,
        asked.ips.map((ip) => ruleFor(ip, table)),
        present,
        undo,
      );
  });
}

function ruleFor({ address }: IpConfig, table: number): RuleSpec {
  return { from: single(address.ip), table };
}

function addRules(
  container: Netns,
  wanted: readonly RuleSpec[],
  present: readonly Rule[],
  undo: Undo,
): void {
  const rules = container.use(Rules);
  const missing = wanted.filter((rule) => !present.some((other) => isRule(other, rule)));
  if (missing.length === 0) return;
  // Of several in one write, those that can be are made.
  undo.push("delete the rules", () => {
    for (const rule of missing) rules.remove(rule);
  });
  rules.addAll(missing);
}

/** Whether `rule` is one from that address to that table, or to any, and nothing else. */
function isRule(rule: Rule, { from, table }: RuleSpec): boolean {
  const { to, iif, oif, mark, action, invert } = rule;
  const isPlain = to === undefined && iif === undefined && oif === undefined && !invert;
  if (!isPlain || mark !== undefined || action !== "table") return false;
  if (!rule.from || !from || !equal(rule.from, from)) return false;
  return table === undefined ? !isReserved(rule.table) : rule.table === table;
}

// ── tables of our own ─────────────────────────────────────────────────────────────────────────

interface Table {
  number: number;
  ip: IpConfig;
  routes: RouteSpec[];
}

function fillTables(
  container: Netns,
  link: Link,
  asked: SourceRouting,
  present: readonly Rule[],
  undo: Undo,
): void {
  const all = container.routes.list({ table: "all" });
  const mine = all.filter((route) => leavesOnlyBy(route, link.index));
  const movable = mine.filter(({ table }) => table === routeTables.main);
  const free = freeTables(container, firstTable, all);
  const hints = hintsFor(asked, link.index, movable);
  if (hints.length > 0) awaitAddresses(container, link, asked.ips);
  const copied = movable.map((route) => {
    const hint = hints.find(({ before }) => before === route);
    return hint ? { ...route, source: hint.route.source as Ip } : route;
  });
  const tables = asked.ips.map((ip): Table => {
    const former = present.find((rule) => isRule(rule, { from: single(ip.address.ip) }))?.table;
    const isOurs = all.every((route) => route.table !== former || mine.includes(route));
    const number = former !== undefined && isOurs ? former : free.next().value;
    const routes = routesFor(ip, asked, link.index, copied);
    return { number, ip, routes: routes.map((route) => ({ ...route, table: number })) };
  });

  for (const { number, routes } of tables) {
    const before = all.filter(({ table }) => table === number);
    undo.push(`empty table ${number}`, () => {
      for (const route of routes) container.routes.remove(route);
      container.routes.addAll(inOrder(before), "replace");
    });
    container.routes.addAll(routes, before.length > 0 ? "replace" : "beside");
  }
  addRules(
    container,
    tables.map(({ ip, number }) => ruleFor(ip, number)),
    present,
    undo,
  );
  emptyMain(container, asked, movable, undo);
  for (const hint of hints) hintSource(container, hint, undo);
}

/** Only an address that is known to be nobody else's can be a source. */
function awaitAddresses(container: Netns, { index }: Link, ips: readonly IpConfig[]): void {
  const isPending = container.addresses
    .list(index, 6)
    .some(
      ({ address, flags }) =>
        flags.includes("tentative") && ips.some((ip) => equal(ip.address, address)),
    );
  if (isPending) container.addresses.waitUntilSettled(index, settleTimeout);
}

/** Takes the interface's routes out of the main table, but for those to its neighbours. */
function emptyMain(
  container: Netns,
  { ips, sourceHints }: SourceRouting,
  movable: readonly Route[],
  undo: Undo,
): void {
  const hasTable = ({ dst }: Route) =>
    ips.some(({ address }) => address.ip.length === dst.ip.length);
  const leaving = movable.filter(
    (route) => hasTable(route) && !isLinkLocalRoute(route) && !(sourceHints && isOnLink(route)),
  );
  // The kernel wants next hops to be reachable when their routes come back.
  for (const route of inOrder(leaving).reverse()) {
    if (container.routes.remove(route)) {
      undo.push("put a route back", () => container.routes.add(route));
    }
  }
}

/** `ip route replace SUBNET dev X src ADDRESS scope link` */
function hintSource(container: Netns, { before, route }: SourceHint, undo: Undo): void {
  container.routes.add(route, "replace");
  undo.push("take the source hint back", () => {
    if (before) container.routes.add(before, "replace");
    else container.routes.remove(route);
  });
}

// ── afterwards ────────────────────────────────────────────────────────────────────────────────

/** What of it is missing; undefined: nothing. */
export function findDamage(container: Netns, asked: SourceRouting): string | undefined {
  const present = container.use(Rules).list();
  const index = container.links.get(asked.ifName).index;
  for (const ip of asked.ips) {
    const wanted = { from: single(ip.address.ip), table: asked.table };
    const rule = present.find((each) => isRule(each, wanted));
    if (!rule) return `no rule from ${formatCidr(wanted.from)}`;
    if (asked.table !== undefined) continue;
    const gateway = gatewayOf(ip, asked.gateways);
    const routes = container.routes.list({ table: rule.table, oif: index });
    const hasDefault = routes.some(({ dst }) => dst.prefixLength === 0);
    if (gateway && !hasDefault) {
      return `no default route via ${formatIp(gateway)} in table ${rule.table}`;
    }
  }
  return undefined;
}

/**
 * Removes the rules of the interface's addresses and the routes in their tables. The main table stays
 * as it is: the interface is about to go.
 * @param ips addresses that it had, besides those that it has
 */
export function teardown(
  container: Netns,
  ifName: string,
  ips: readonly IpConfig[],
  table: number | undefined,
): void {
  container.exclusively(() => {
    const rules = container.use(Rules);
    const link = container.links.find(ifName);
    const addresses = link ? container.addresses.list(link.index) : [];
    const sources = [...ips, ...addresses].map(({ address }) => single(address.ip));
    const doomed = rules
      .list()
      .filter((rule) => sources.some((from) => isRule(rule, { from, table })));
    const tables = table === undefined && link ? new Set(doomed.map((rule) => rule.table)) : [];
    tryAll(
      ...doomed.map((rule) => () => void rules.remove(rule)),
      ...[...tables].map((number) => () => emptyTable(container, number, link as Link)),
    );
  });
}

function emptyTable(container: Netns, table: number, { index }: Link): void {
  for (const route of container.routes.list({ table, oif: index })) container.routes.remove(route);
}
