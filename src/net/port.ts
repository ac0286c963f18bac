/** A bridge's port: what it carries, and how it behaves. */

import { CniError } from "../cni/errors.ts";
import type { Undo } from "../cni/undo.ts";
import type { BridgeVlan } from "../kernel/bridge-vlans.ts";
import { BridgeVlans } from "../kernel/bridge-vlans.ts";
import { isKernelError } from "../kernel/errors.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import type { Attachment } from "./attachment.ts";
import { ignoreRouterAdvertisements } from "./forwarding.ts";
import { randomVethName } from "./names.ts";
import { alias } from "./ownership.ts";
import type { PortVlans } from "./vlans.ts";

export interface PlugRequest {
  host: Netns;
  /** The host end of the pair; already a port, still down. */
  port: Link;
  attachment: Attachment;
  vlans: PortVlans;
  preserveDefaultVlan: boolean;
  hairpinMode: boolean;
  portIsolation: boolean;
}

/** Sets the port up as configured, then brings it up. */
export function plug(request: PlugRequest): void {
  const { host, port, attachment, vlans, preserveDefaultVlan, hairpinMode, portIsolation } =
    request;
  setVlans(host, port, vlans, preserveDefaultVlan);
  ignoreRouterAdvertisements(host, port.name);
  host.links.change(port.index, {
    up: true,
    alias: alias(attachment),
    bridgePort: { hairpin: hairpinMode, isolated: portIsolation },
  });
}

function setVlans(host: Netns, port: Link, vlans: PortVlans, preserveDefault: boolean): void {
  const { native, tagged } = vlans;
  if (native === undefined) return;
  if (!preserveDefault) host.use(BridgeVlans).removeAll(port.index);
  const wanted: BridgeVlan[] = [{ vid: native, pvid: true, untagged: true }];
  for (const vid of tagged) if (vid !== native) wanted.push({ vid });
  host.use(BridgeVlans).addAll(port.index, wanted);
}

export interface VlanInterfaceRequest {
  host: Netns;
  bridge: Link;
  /** The VLAN, 1 to 4094. */
  vlan: number;
  /** As in the config. */
  preserveDefaultVlan: boolean;
  undo: Undo;
}

/**
 * The host's own interface in a VLAN of the bridge: `<bridge>.<vlan>`, a pair whose other end is a
 * port that carries this VLAN untagged. It is made once and stays, as the bridge does.
 *
 * Reference: plugins/main/bridge/bridge.go (ensureVlanInterface).
 */
export function ensureVlanInterface(request: VlanInterfaceRequest): Link {
  const { host, bridge, vlan, preserveDefaultVlan, undo } = request;
  const name = `${bridge.name}.${vlan}`;
  if (name.length > 15) {
    throw new CniError("InvalidNetworkConfig", `interface name "${name}" is longer than 15 bytes`);
  }
  const present = host.links.find(name);
  if (present) return present;
  const peerName = randomVethName();
  let link: Link;
  try {
    link = host.links.add({
      name,
      mtu: bridge.mtu,
      info: { kind: "veth", data: { peer: { name: peerName, mtu: bridge.mtu } } },
    });
  } catch (error) {
    if (isKernelError(error, "EEXIST")) return host.links.get(name); // another ADD was faster
    throw error;
  }
  undo.push(`delete "${name}"`, () => host.links.remove(link.index));
  const peer = host.links.get(peerName);
  ignoreRouterAdvertisements(host, peerName);
  host.links.change(peer.index, { master: bridge.index });
  setVlans(host, peer, { native: vlan, tagged: [], filtering: true }, preserveDefaultVlan);
  host.links.change(peer.index, { up: true });
  host.links.change(link.index, { up: true });
  return link;
}
