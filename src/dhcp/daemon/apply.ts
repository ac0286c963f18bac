/**
 * Brings a change of a lease to its link. What a lease gives at first is the interface plugin's to
 * apply; what the server changes later, nobody but the daemon hears of.
 */
import { type Cidr, equal } from "../../addr/cidr.ts";
import { isUnspecified } from "../../addr/ip.ts";
import { isKernelError } from "../../kernel/errors.ts";
import type { RouteSpec } from "../../kernel/routes.ts";
import type { LeaseRoute } from "../lease-config.ts";
import { type LinkId, type OpenLink, withLink } from "./link.ts";

/** What a lease gives to a link. */
export interface Given {
  readonly addresses: readonly Cidr[];
  readonly routes: readonly LeaseRoute[];
}

export const nothing: Given = { addresses: [], routes: [] };

/**
 * Takes away what only `before` has, and adds what only `after` has. Each is tried whatever became of
 * the others.
 * @returns what went wrong
 * @throws {LinkGone}
 */
export function applyChange(id: LinkId, before: Given, after: Given): string[] {
  return withLink(id, (open) => change(open, before, after));
}

function change({ netns, link }: OpenLink, before: Given, after: Given): string[] {
  const failures: string[] = [];
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      if (!isKernelError(error)) throw error;
      if (error.code !== "EEXIST") failures.push(error.message);
    }
  };
  const lost = before.addresses.filter(
    (one) => !after.addresses.some((other) => equal(one, other)),
  );
  const fresh = after.addresses.filter((one) => !before.addresses.some((o) => equal(one, o)));
  const isOther = lost.length + fresh.length > 0;
  const stays = (route: LeaseRoute, routes: readonly LeaseRoute[]) =>
    !isOther && routes.some((other) => textOf(other) === textOf(route));

  for (const route of before.routes) {
    if (!stays(route, after.routes)) attempt(() => netns.routes.remove(specOf(route, link.index)));
  }
  // In this order: with an address the kernel may take away those after it in the same subnet.
  for (const address of lost) attempt(() => netns.addresses.remove(link.index, address));
  for (const address of fresh) attempt(() => netns.addresses.add(link.index, { address }));
  for (const route of after.routes) {
    if (!stays(route, before.routes)) attempt(() => netns.routes.add(specOf(route, link.index)));
  }
  return failures;
}

function textOf({ dst, gw, priority, scope }: LeaseRoute): string {
  return [dst.ip, dst.prefixLength, gw, priority, scope].join();
}

function specOf({ dst, gw, priority, scope }: LeaseRoute, oif: number): RouteSpec {
  const isOnLink = !gw || isUnspecified(gw);
  return {
    dst,
    oif,
    ...(isOnLink ? { scope: 253 } : { gateway: gw }),
    ...(scope !== undefined && { scope }),
    ...(priority !== undefined && { priority }),
  };
}
