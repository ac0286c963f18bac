/** The interface that a container's interface sits on: its parent, in configs its `master`. */
import type { Call } from "../cni/applet.ts";
import { CniError } from "../cni/errors.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";

/** The config keys that say which, for an applet's schema. */
export const parentKeys = {
  master: {
    type: "string",
    emptyIsAbsent: true,
    description: "The interface to sit on; default: that of the default route, IPv4 before IPv6",
  },
  linkInContainer: {
    type: "boolean",
    default: false,
    description: "The master is in the container, not on the host",
  },
} as const;

/** A call of an applet with these keys; ADD and CHECK have a container. */
export type ParentCall = Pick<
  Call<{ master?: string | undefined; linkInContainer: boolean }>,
  "config" | "host"
> & { container: Netns };

/** The namespace that the parent is in. */
export function parentHome({ config, host, container }: ParentCall): Netns {
  return config.linkInContainer ? container : host;
}

/** The configured parent, or the interface that the default route leaves by. */
export function findParent(call: ParentCall): Link {
  const { master } = call.config;
  return master === undefined ? holderOfDefaultRoute(parentHome(call)) : getParent(call, master);
}

/** The link of this name where the parent is. */
export function getParent(call: ParentCall, name: string): Link {
  const link = parentHome(call).links.find(name);
  if (link) return link;
  const where = call.config.linkInContainer ? "not in the container" : "not on the host";
  throw new CniError(
    "InvalidNetworkConfig",
    `failed to lookup master "${name}": Link not found`,
    where,
  );
}

function holderOfDefaultRoute({ links, routes }: Netns): Link {
  const route = routes.defaultRoute();
  const index = route?.oif ?? route?.nextHops?.[0]?.oif;
  if (index !== undefined) return links.get(index);
  throw new CniError(
    "InvalidNetworkConfig",
    "no default route interface found",
    '"master" is not configured',
  );
}

/**
 * The MTU to make the interface with: undefined leaves it to the kernel, which takes the parent's.
 * @throws {CniError} in the words of the reference, for what the parent cannot carry
 */
export function mtuWithin(parent: Link, mtu: number): number | undefined {
  if (mtu >= 0 && mtu <= parent.mtu) return mtu || undefined;
  throw new CniError(
    "InvalidNetworkConfig",
    `invalid MTU ${mtu}, must be [0, master MTU(${parent.mtu})]`,
    `the master is "${parent.name}"`,
  );
}
