/** The bridge itself: there, up, and with the gateway's addresses. */
import { type Cidr, equal, formatCidr, overlaps } from "../addr/cidr.ts";
import { isV4 } from "../addr/ip.ts";
import { CniError, explained } from "../cni/errors.ts";
import type { Undo } from "../cni/undo.ts";
import { isKernelError } from "../kernel/errors.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import { ignoreRouterAdvertisements } from "./forwarding.ts";

export interface BridgeRequest {
  name: string;
  /** Of a new bridge; an existing one keeps its own. */
  mtu: number | undefined;
  /** Of a new bridge; an existing one keeps its own. */
  vlanFiltering: boolean;
  promiscuous: boolean;
}

/**
 * The bridge of this name, made if there is none, and up.
 *
 * Reference: plugins/main/bridge/bridge.go (ensureBridge).
 */
export function ensureBridge(host: Netns, request: BridgeRequest, undo: Undo): Link {
  return explained(`failed to create bridge "${request.name}"`, () =>
    makeBridge(host, request, undo),
  );
}

function makeBridge(host: Netns, request: BridgeRequest, undo: Undo): Link {
  const { name, promiscuous } = request;
  const bridge = host.links.find(name) ?? addBridge(host, request, undo);
  if (bridge.info?.kind !== "bridge") {
    throw new CniError("Internal", `"${name}" already exists but is not a bridge`);
  }
  // Before it is up: a container could otherwise play the host's router (CVE-2020-10749).
  ignoreRouterAdvertisements(host, name);
  const promote = promiscuous && !bridge.flags.includes("promiscuous");
  if (!bridge.up || promote) {
    host.links.change(bridge.index, { up: true, ...(promote && { promiscuous: true }) });
  }
  return bridge;
}

function addBridge(host: Netns, request: BridgeRequest, undo: Undo): Link {
  const { name, mtu, vlanFiltering } = request;
  try {
    const info = {
      kind: "bridge",
      ...(vlanFiltering && { data: { vlanFiltering: true } }),
    } as const;
    const bridge = host.links.add({ name, mtu, info });
    undo.push(`delete the bridge "${name}"`, () => removeUnused(host, bridge.index));
    return bridge;
  } catch (error) {
    if (!isKernelError(error, "EEXIST")) throw error;
    return host.links.get(name); // another ADD was faster
  }
}

/** A bridge that another ADD has begun to use in the meantime stays. */
function removeUnused(host: Netns, bridge: number): void {
  if (portsOf(host, bridge).length === 0) host.links.remove(bridge);
}

/** The interfaces that are ports of this bridge. */
export function portsOf(host: Netns, bridge: number): Link[] {
  return host.links.dump({ master: bridge });
}

export interface GatewayRequest {
  host: Netns;
  /** The bridge, or its VLAN interface, as it was before the container's port was added. */
  link: Link;
  address: Cidr;
  /** Replace an address that is in the way. */
  force: boolean;
  undo: Undo;
  /** Whether other containers use the gateway too: then a failed ADD leaves it. */
  shared: () => boolean;
}

/**
 * Gives the interface a gateway's address, and pins its MAC so that it no longer follows the ports.
 *
 * An address that is there already stays as it is. One of another subnet is in the way for IPv4, an
 * overlapping one for IPv6: it is replaced if `force` is set, else an error.
 *
 * Reference: plugins/main/bridge/bridge.go (ensureAddr). Differs on purpose: the address is usable
 * at once (no duplicate address detection: the gateway is ours by configuration).
 */
export function ensureGatewayAddress(request: GatewayRequest): void {
  const { host, link, address, force, undo, shared } = request;
  const family = isV4(address.ip) ? 4 : 6;
  for (const present of host.addresses.list(link.index, family)) {
    if (equal(present.address, address)) return;
    if (family === 6 && !overlaps(present.address, address)) continue;
    if (!force) {
      throw new CniError(
        "Internal",
        `"${link.name}" already has an IP address different from ${formatCidr(address)}`,
        `found ${formatCidr(present.address)}; forceAddress replaces it`,
      );
    }
    host.addresses.remove(link.index, present.address);
    undo.push(`give "${link.name}" its address back`, () => {
      host.addresses.add(link.index, present);
    });
  }
  try {
    host.addresses.add(link.index, { address, nodad: true });
  } catch (error) {
    if (isKernelError(error, "EEXIST")) return; // another ADD was faster, and pins the MAC
    throw error;
  }
  undo.push(`take ${formatCidr(address)} off "${link.name}"`, () => {
    if (!shared()) host.addresses.remove(link.index, address);
  });
  host.links.change(link.index, { mac: link.mac });
}
