/** The kernel's switches that make a host a router, and what a router must not listen to. */
import type { Netns } from "../kernel/netns.ts";

const paths = {
  4: ["net", "ipv4", "ip_forward"],
  6: ["net", "ipv6", "conf", "all", "forwarding"],
} as const;

/**
 * Turns forwarding on for a family, and writes nothing where it is on: a write to the IPv6 switch
 * walks all interfaces, and fails where /proc/sys is read-only.
 *
 * It stays on when the attachment goes: others on the node need it.
 */
export function enableForwarding(host: Netns, family: 4 | 6): void {
  const path = paths[family];
  if (host.sysctl.read(...path) !== "1") host.sysctl.write("1", ...path);
}

/** Router advertisements never reach this interface's configuration. No IPv6, no harm. */
export function ignoreRouterAdvertisements(host: Netns, ifName: string): void {
  host.sysctl.writeIfPresent("0", "net", "ipv6", "conf", ifName, "accept_ra");
}
