/**
 * What each kind of link has of its own: IFLA_INFO_DATA, one table a kind, and what a link has as
 * part of another, IFLA_INFO_SLAVE_DATA.
 *
 * Source: include/uapi/linux/if_link.h, if_tun.h; the widths are those of the kinds' policies
 * (drivers/net, net/8021q/vlan_netlink.c, net/bridge/br_netlink.c).
 */
import { attr, attributes } from "../attr.ts";
import {
  be16,
  bool8,
  bytes,
  flags,
  mac,
  oneOf,
  present,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../codec.ts";

export const vlanInfo = attributes({
  id: attr(1, "IFLA_VLAN_ID", u16),
  flags: attr(
    2,
    "IFLA_VLAN_FLAGS",
    struct("ifla_vlan_flags", {
      flags: flags(u32, { reorderHeader: 1, gvrp: 2, looseBinding: 4, mvrp: 8, bridgeBinding: 16 }),
      mask: u32,
    }),
  ),
  egressQos: attr(3, "IFLA_VLAN_EGRESS_QOS", bytes),
  ingressQos: attr(4, "IFLA_VLAN_INGRESS_QOS", bytes),
  protocol: attr(5, "IFLA_VLAN_PROTOCOL", oneOf(be16, { "802.1Q": 0x8100, "802.1ad": 0x88a8 })),
});

export const macvlanInfo = attributes({
  mode: attr(
    1,
    "IFLA_MACVLAN_MODE",
    oneOf(u32, { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 }),
  ),
  flags: attr(2, "IFLA_MACVLAN_FLAGS", flags(u16, { noPromiscuous: 1, noDestination: 2 })),
  macAddressMode: attr(3, "IFLA_MACVLAN_MACADDR_MODE", u32),
  macAddress: attr(4, "IFLA_MACVLAN_MACADDR", mac),
  macAddresses: attr(5, "IFLA_MACVLAN_MACADDR_DATA", bytes),
  macAddressCount: attr(6, "IFLA_MACVLAN_MACADDR_COUNT", u32),
  broadcastQueueLength: attr(7, "IFLA_MACVLAN_BC_QUEUE_LEN", u32),
  broadcastQueueLengthUsed: attr(8, "IFLA_MACVLAN_BC_QUEUE_LEN_USED", u32),
  broadcastCutoff: attr(9, "IFLA_MACVLAN_BC_CUTOFF", u32),
});

export const ipvlanInfo = attributes({
  mode: attr(1, "IFLA_IPVLAN_MODE", oneOf(u16, { l2: 0, l3: 1, l3s: 2 })),
  flags: attr(2, "IFLA_IPVLAN_FLAGS", flags(u16, { private: 1, vepa: 2 })),
});

export const vrfInfo = attributes({ table: attr(1, "IFLA_VRF_TABLE", u32) });

/** What tells of a tap device; it is made by an ioctl (TUNSETIFF), not by netlink. */
export const tunInfo = attributes({
  owner: attr(1, "IFLA_TUN_OWNER", u32),
  group: attr(2, "IFLA_TUN_GROUP", u32),
  type: attr(3, "IFLA_TUN_TYPE", oneOf(u8, { tun: 1, tap: 2 })),
  packetInfo: attr(4, "IFLA_TUN_PI", bool8),
  vnetHeader: attr(5, "IFLA_TUN_VNET_HDR", bool8),
  persistent: attr(6, "IFLA_TUN_PERSIST", bool8),
  multiQueue: attr(7, "IFLA_TUN_MULTI_QUEUE", bool8),
  queues: attr(8, "IFLA_TUN_NUM_QUEUES", u32),
  disabledQueues: attr(9, "IFLA_TUN_NUM_DISABLED_QUEUES", u32),
});

const vlanProtocol = oneOf(be16, { "802.1Q": 0x8100, "802.1ad": 0x88a8 });
const bridgeId = bytes; // priority in two bytes, then the MAC

/** Times are in hundredths of a second (clock_t). */
export const bridgeInfo = attributes({
  forwardDelay: attr(1, "IFLA_BR_FORWARD_DELAY", u32),
  helloTime: attr(2, "IFLA_BR_HELLO_TIME", u32),
  maxAge: attr(3, "IFLA_BR_MAX_AGE", u32),
  ageingTime: attr(4, "IFLA_BR_AGEING_TIME", u32),
  stpState: attr(5, "IFLA_BR_STP_STATE", u32),
  priority: attr(6, "IFLA_BR_PRIORITY", u16),
  vlanFiltering: attr(7, "IFLA_BR_VLAN_FILTERING", bool8),
  vlanProtocol: attr(8, "IFLA_BR_VLAN_PROTOCOL", vlanProtocol),
  groupForwardMask: attr(9, "IFLA_BR_GROUP_FWD_MASK", u16),
  rootId: attr(10, "IFLA_BR_ROOT_ID", bridgeId),
  bridgeId: attr(11, "IFLA_BR_BRIDGE_ID", bridgeId),
  rootPort: attr(12, "IFLA_BR_ROOT_PORT", u16),
  rootPathCost: attr(13, "IFLA_BR_ROOT_PATH_COST", u32),
  topologyChange: attr(14, "IFLA_BR_TOPOLOGY_CHANGE", u8),
  topologyChangeDetected: attr(15, "IFLA_BR_TOPOLOGY_CHANGE_DETECTED", u8),
  helloTimer: attr(16, "IFLA_BR_HELLO_TIMER", u64),
  tcnTimer: attr(17, "IFLA_BR_TCN_TIMER", u64),
  topologyChangeTimer: attr(18, "IFLA_BR_TOPOLOGY_CHANGE_TIMER", u64),
  gcTimer: attr(19, "IFLA_BR_GC_TIMER", u64),
  groupAddress: attr(20, "IFLA_BR_GROUP_ADDR", mac),
  flush: attr(21, "IFLA_BR_FDB_FLUSH", present),
  multicastRouter: attr(22, "IFLA_BR_MCAST_ROUTER", u8),
  multicastSnooping: attr(23, "IFLA_BR_MCAST_SNOOPING", bool8),
  multicastQueryUseAddress: attr(24, "IFLA_BR_MCAST_QUERY_USE_IFADDR", u8),
  multicastQuerier: attr(25, "IFLA_BR_MCAST_QUERIER", bool8),
  multicastHashElasticity: attr(26, "IFLA_BR_MCAST_HASH_ELASTICITY", u32),
  multicastHashMax: attr(27, "IFLA_BR_MCAST_HASH_MAX", u32),
  multicastLastMemberCount: attr(28, "IFLA_BR_MCAST_LAST_MEMBER_CNT", u32),
  multicastStartupQueryCount: attr(29, "IFLA_BR_MCAST_STARTUP_QUERY_CNT", u32),
  multicastLastMemberInterval: attr(30, "IFLA_BR_MCAST_LAST_MEMBER_INTVL", u64),
  multicastMembershipInterval: attr(31, "IFLA_BR_MCAST_MEMBERSHIP_INTVL", u64),
  multicastQuerierInterval: attr(32, "IFLA_BR_MCAST_QUERIER_INTVL", u64),
  multicastQueryInterval: attr(33, "IFLA_BR_MCAST_QUERY_INTVL", u64),
  multicastQueryResponseInterval: attr(34, "IFLA_BR_MCAST_QUERY_RESPONSE_INTVL", u64),
  multicastStartupQueryInterval: attr(35, "IFLA_BR_MCAST_STARTUP_QUERY_INTVL", u64),
  callIptables: attr(36, "IFLA_BR_NF_CALL_IPTABLES", bool8),
  callIp6tables: attr(37, "IFLA_BR_NF_CALL_IP6TABLES", bool8),
  callArptables: attr(38, "IFLA_BR_NF_CALL_ARPTABLES", bool8),
  vlanDefaultPvid: attr(39, "IFLA_BR_VLAN_DEFAULT_PVID", u16),
  vlanStats: attr(41, "IFLA_BR_VLAN_STATS_ENABLED", bool8),
  multicastStats: attr(42, "IFLA_BR_MCAST_STATS_ENABLED", bool8),
  igmpVersion: attr(43, "IFLA_BR_MCAST_IGMP_VERSION", u8),
  mldVersion: attr(44, "IFLA_BR_MCAST_MLD_VERSION", u8),
  vlanStatsPerPort: attr(45, "IFLA_BR_VLAN_STATS_PER_PORT", bool8),
  multiBoolOptions: attr(46, "IFLA_BR_MULTI_BOOLOPT", bytes),
  multicastQuerierState: attr(47, "IFLA_BR_MCAST_QUERIER_STATE", bytes),
  fdbLearned: attr(48, "IFLA_BR_FDB_N_LEARNED", u32),
  fdbMaxLearned: attr(49, "IFLA_BR_FDB_MAX_LEARNED", u32),
});

/** A bridge's port. Source: net/bridge/br_netlink.c (br_port_policy). */
export const bridgePort = attributes({
  state: attr(
    1,
    "IFLA_BRPORT_STATE",
    oneOf(u8, { disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 }),
  ),
  priority: attr(2, "IFLA_BRPORT_PRIORITY", u16),
  cost: attr(3, "IFLA_BRPORT_COST", u32),
  hairpin: attr(4, "IFLA_BRPORT_MODE", bool8),
  guard: attr(5, "IFLA_BRPORT_GUARD", bool8),
  rootBlock: attr(6, "IFLA_BRPORT_PROTECT", bool8),
  fastLeave: attr(7, "IFLA_BRPORT_FAST_LEAVE", bool8),
  learning: attr(8, "IFLA_BRPORT_LEARNING", bool8),
  flood: attr(9, "IFLA_BRPORT_UNICAST_FLOOD", bool8),
  proxyArp: attr(10, "IFLA_BRPORT_PROXYARP", bool8),
  learningSync: attr(11, "IFLA_BRPORT_LEARNING_SYNC", bool8),
  proxyArpWifi: attr(12, "IFLA_BRPORT_PROXYARP_WIFI", bool8),
  rootId: attr(13, "IFLA_BRPORT_ROOT_ID", bridgeId),
  bridgeId: attr(14, "IFLA_BRPORT_BRIDGE_ID", bridgeId),
  designatedPort: attr(15, "IFLA_BRPORT_DESIGNATED_PORT", u16),
  designatedCost: attr(16, "IFLA_BRPORT_DESIGNATED_COST", u16),
  id: attr(17, "IFLA_BRPORT_ID", u16),
  number: attr(18, "IFLA_BRPORT_NO", u16),
  topologyChangeAck: attr(19, "IFLA_BRPORT_TOPOLOGY_CHANGE_ACK", u8),
  configPending: attr(20, "IFLA_BRPORT_CONFIG_PENDING", u8),
  messageAgeTimer: attr(21, "IFLA_BRPORT_MESSAGE_AGE_TIMER", u64),
  forwardDelayTimer: attr(22, "IFLA_BRPORT_FORWARD_DELAY_TIMER", u64),
  holdTimer: attr(23, "IFLA_BRPORT_HOLD_TIMER", u64),
  flush: attr(24, "IFLA_BRPORT_FLUSH", present),
  multicastRouter: attr(25, "IFLA_BRPORT_MULTICAST_ROUTER", u8),
  multicastFlood: attr(27, "IFLA_BRPORT_MCAST_FLOOD", bool8),
  multicastToUnicast: attr(28, "IFLA_BRPORT_MCAST_TO_UCAST", bool8),
  vlanTunnel: attr(29, "IFLA_BRPORT_VLAN_TUNNEL", bool8),
  broadcastFlood: attr(30, "IFLA_BRPORT_BCAST_FLOOD", bool8),
  groupForwardMask: attr(31, "IFLA_BRPORT_GROUP_FWD_MASK", u16),
  neighbourSuppress: attr(32, "IFLA_BRPORT_NEIGH_SUPPRESS", bool8),
  isolated: attr(33, "IFLA_BRPORT_ISOLATED", bool8),
  backupPort: attr(34, "IFLA_BRPORT_BACKUP_PORT", u32),
  mrpRingOpen: attr(35, "IFLA_BRPORT_MRP_RING_OPEN", bool8),
  mrpInOpen: attr(36, "IFLA_BRPORT_MRP_IN_OPEN", bool8),
  ehtHostsLimit: attr(37, "IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT", u32),
  ehtHosts: attr(38, "IFLA_BRPORT_MCAST_EHT_HOSTS_CNT", u32),
  locked: attr(39, "IFLA_BRPORT_LOCKED", bool8),
  macAuthBypass: attr(40, "IFLA_BRPORT_MAB", bool8),
  multicastGroups: attr(41, "IFLA_BRPORT_MCAST_N_GROUPS", u32),
  multicastMaxGroups: attr(42, "IFLA_BRPORT_MCAST_MAX_GROUPS", u32),
  neighbourVlanSuppress: attr(43, "IFLA_BRPORT_NEIGH_VLAN_SUPPRESS", bool8),
  backupNexthop: attr(44, "IFLA_BRPORT_BACKUP_NHID", u32),
});

/** A vrf's port. */
export const vrfPort = attributes({ table: attr(1, "IFLA_VRF_PORT_TABLE", u32) });
