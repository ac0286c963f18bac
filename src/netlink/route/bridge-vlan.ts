/**
 * VLANs of a bridge and its ports: `bridge vlan`.
 *
 * Changes travel as link messages of AF_BRIDGE (include/uapi/linux/if_bridge.h, IFLA_BRIDGE_*); what
 * is there is asked for with RTM_GETVLAN (BRIDGE_VLANDB_*), which, unlike the older way, can be
 * asked about one port.
 */
import { attr, attributes, attrs, message, nested } from "../attr.ts";
import { bytes, cstring, flags, mac, struct, u8, u16, u32 } from "../codec.ts";
import { ifinfomsg } from "./link.ts";
import { bridgePort } from "./link-kinds.ts";

const vlanFlags = flags(u16, {
  master: 1,
  pvid: 2,
  untagged: 4,
  rangeBegin: 8,
  rangeEnd: 16,
  bridgeEntry: 32,
  onlyOptions: 64,
});

/** `struct bridge_vlan_info`; a range is two of them. */
const vlanInfo = struct("bridge_vlan_info", { flags: vlanFlags, vid: u16 });

/** IFLA_AF_SPEC in a link message of AF_BRIDGE. `target` says whose VLANs: default is the port's. */
const afSpec = attributes({
  target: attr(0, "IFLA_BRIDGE_FLAGS", flags(u16, { master: 1, self: 2 })),
  mode: attr(1, "IFLA_BRIDGE_MODE", u16),
  vlans: attrs(2, "IFLA_BRIDGE_VLAN_INFO", vlanInfo),
  tunnels: attrs(3, "IFLA_BRIDGE_VLAN_TUNNEL_INFO", bytes),
});

export const bridgeLinkMessage = message(
  ifinfomsg,
  attributes({
    mac: attr(1, "IFLA_ADDRESS", mac),
    name: attr(3, "IFLA_IFNAME", cstring),
    mtu: attr(4, "IFLA_MTU", u32),
    parent: attr(5, "IFLA_LINK", u32),
    master: attr(10, "IFLA_MASTER", u32),
    port: attr(12, "IFLA_PROTINFO", nested(bridgePort)),
    operState: attr(16, "IFLA_OPERSTATE", u8),
    afSpec: attr(26, "IFLA_AF_SPEC", afSpec),
    extensions: attr(
      29,
      "IFLA_EXT_MASK",
      flags(u32, { vf: 1, bridgeVlan: 2, bridgeVlanCompressed: 4, skipStats: 8 }),
    ),
  }),
);

const vlanEntry = attributes({
  info: attr(1, "BRIDGE_VLANDB_ENTRY_INFO", vlanInfo),
  /** The last of a range that starts at `info.vid`. */
  rangeEnd: attr(2, "BRIDGE_VLANDB_ENTRY_RANGE", u16),
  state: attr(3, "BRIDGE_VLANDB_ENTRY_STATE", u8),
  tunnel: attr(4, "BRIDGE_VLANDB_ENTRY_TUNNEL_INFO", bytes),
  stats: attr(5, "BRIDGE_VLANDB_ENTRY_STATS", bytes),
  multicastRouter: attr(6, "BRIDGE_VLANDB_ENTRY_MCAST_ROUTER", u8),
});

/** `struct br_vlan_msg`: the link that the VLANs are of. */
const header = struct("br_vlan_msg", { family: u8, _pad1: u8, _pad2: u16, index: u32 });

/** RTM_NEWVLAN: what a port carries. */
export const vlanMessage = message(
  header,
  attributes({ entries: attrs(1, "BRIDGE_VLANDB_ENTRY", nested(vlanEntry)) }),
);

/** RTM_GETVLAN. */
export const vlanDumpRequest = message(
  header,
  attributes({
    flags: attr(1, "BRIDGE_VLANDB_DUMP_FLAGS", flags(u32, { stats: 1, global: 2 })),
  }),
);
