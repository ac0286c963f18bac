/** The container's interface, where the kernel makes it there as a whole. */
import type { AddCall, DelCall } from "../cni/applet.ts";
import { CniError, explained } from "../cni/errors.ts";
import * as ipam from "../cni/ipam.ts";
import type { Interface, Result } from "../cni/result.ts";
import { tryAll } from "../cni/undo.ts";
import { isKernelError } from "../kernel/errors.ts";
import type { Link, LinkSpec } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import { attachmentOf, interimName } from "./ownership.ts";

/**
 * Makes the container's interface, in the container and under its final name, and pushes the undo.
 * It is down and has no addresses.
 *
 * The reference makes it under another name and renames it; so do we on a kernel that minds an
 * interface of that name on the host (see `Links.add`).
 * @param home where its parent is; a kind without one: the container
 */
export function addContainerLink(
  call: AddCall<unknown>,
  home: Netns,
  spec: Omit<LinkSpec, "name" | "netns">,
): Link {
  const { attachment, container, undo } = call;
  const elsewhere = { netns: container, interim: interimName(attachmentOf(call)) };
  const link = explained(`failed to create ${spec.info.kind}`, () =>
    home.links.add({ ...spec, name: attachment.ifName, ...(home !== container && elsewhere) }),
  );
  undo.push(`delete the ${spec.info.kind} link`, () => container.links.remove(link.index));
  return link;
}

/** The result's entry for the container's interface. */
export function containerInterface({ attachment }: AddCall<unknown>, link: Link): Interface {
  return { name: link.name, mac: link.mac, sandbox: attachment.netns };
}

/** Refuses a config without the IPAM plugin that the applet cannot do without. */
export function requireIpam(
  { ipam }: ipam.WithIpam,
  message = "no plugin name provided",
  details = '"ipam" has no "type"',
): void {
  if (!ipam?.type) throw new CniError("InvalidNetworkConfig", message, details);
}

/** The mode that a config names, one of those that the kind has. */
export function modeFrom<M extends string>(kind: string, modes: readonly M[], text: string): M {
  const mode = modes.find((each) => each === text);
  if (mode) return mode;
  throw new CniError(
    "InvalidNetworkConfig",
    `unknown ${kind} mode: ${JSON.stringify(text)}`,
    `it must be one of ${modes.join(", ")}`,
  );
}

/**
 * Asks the IPAM plugin for addresses, all of them for the one interface of the result.
 * @throws {CniError} also if it gives none
 */
export function leaseAddresses(call: AddCall<ipam.WithIpam>, only: Interface): Result {
  const leased = ipam.add(call);
  if (leased.ips.length === 0) {
    throw new CniError("Internal", "IPAM plugin returned missing IP config");
  }
  return meantFor(only, leased);
}

/** A result's addresses, routes and DNS, for this one interface. */
export function meantFor(only: Interface, { ips, routes, dns }: Result): Result {
  return { interfaces: [only], ips: ips.map((ip) => ({ ...ip, interface: 0 })), routes, dns };
}

/**
 * Lets the interface tell its neighbours when it comes up, so that none of them goes on sending to
 * whoever had its addresses before. It works without, so a kernel that refuses is no reason to fail.
 */
export function announceItself(container: Netns, ifName: string): void {
  for (const [family, key] of [
    ["ipv4", "arp_notify"],
    ["ipv6", "ndisc_notify"],
  ] as const) {
    try {
      container.sysctl.write("1", "net", family, "conf", ifName, key);
    } catch (error) {
      if (!isKernelError(error)) throw error;
    }
  }
}

/**
 * DEL of an attachment that is a lease and an interface: each goes if it is still there. The lease
 * goes first, because an IPAM plugin may need the interface to give it back (DHCP does).
 */
export function removeChild(call: DelCall<ipam.WithIpam>): void {
  tryAll(
    () => ipam.del(call),
    () => call.container?.links.remove(call.attachment.ifName),
    () => call.container?.links.remove(interimName(attachmentOf(call))), // of an ADD that was killed
  );
}
