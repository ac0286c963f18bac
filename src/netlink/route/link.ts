/**
 * rtnetlink links: `ip link`.
 *
 * Source: include/uapi/linux/rtnetlink.h (struct ifinfomsg), if_link.h; the widths are those of
 * net/core/rtnetlink.c (ifla_policy).
 */
import { attr, attrBy, attributes, attrs, excerpt, message, nested, tagged } from "../attr.ts";
import {
  type AnyCodec,
  bytes,
  cstring,
  decode,
  flags,
  type Infer,
  type Input,
  i32,
  mac,
  oneOf,
  struct,
  u8,
  u16,
  u32,
} from "../codec.ts";
import {
  bridgeInfo,
  bridgePort,
  ipvlanInfo,
  macvlanInfo,
  tunInfo,
  vlanInfo,
  vrfInfo,
  vrfPort,
} from "./link-kinds.ts";

/** IFF_*. Source: include/uapi/linux/if.h. */
export const linkFlags = {
  up: 0x1,
  broadcast: 0x2,
  debug: 0x4,
  loopback: 0x8,
  pointToPoint: 0x10,
  noTrailers: 0x20,
  running: 0x40,
  noArp: 0x80,
  promiscuous: 0x100,
  allMulticast: 0x200,
  master: 0x400,
  slave: 0x800,
  multicast: 0x1000,
  portSelect: 0x2000,
  autoMedia: 0x4000,
  dynamic: 0x8000,
  lowerUp: 0x10000,
  dormant: 0x20000,
  echo: 0x40000,
} as const;

/** ARPHRD_*: the header that frames have. Source: include/uapi/linux/if_arp.h. */
const headerTypes = {
  netrom: 0,
  ethernet: 1,
  infiniband: 32,
  ppp: 512,
  ipip: 768,
  ip6tunnel: 769,
  loopback: 772,
  sit: 776,
  gre: 778,
  ip6gre: 823,
  none: 0xfffe,
} as const;

/**
 *      0        1     2       4       8       12       16
 *      | family | pad | type  | index | flags | change | attributes
 *
 * `change` says which bits of `flags` a request is about.
 */
export const ifinfomsg = struct("ifinfomsg", {
  family: u8,
  _pad: u8,
  type: oneOf(u16, headerTypes),
  index: i32,
  flags: flags(u32, linkFlags),
  change: flags(u32, linkFlags),
});

/** IF_OPER_*. */
const operState = oneOf(u8, {
  unknown: 0,
  "not-present": 1,
  down: 2,
  "lower-layer-down": 3,
  testing: 4,
  dormant: 5,
  up: 6,
});

/** RTEXT_FILTER_*: what a listing shall hold besides, or leave out. */
const extensions = flags(u32, {
  vf: 1,
  bridgeVlan: 2,
  bridgeVlanCompressed: 4,
  skipStats: 8,
  mrp: 16,
  cfmConfig: 32,
  cfmStatus: 64,
  mst: 128,
});

/** Names besides the first: up to 127 bytes each. */
export const propertyList = nested(attributes({ altNames: attrs(53, "IFLA_ALT_IFNAME", cstring) }));

/** What the families know about a link. The inner numbers are AF_*. */
const afSpec = attributes({
  inet: attr(2, "AF_INET", bytes),
  mctp: attr(45, "AF_MCTP", bytes),
  inet6: attr(
    10,
    "AF_INET6",
    attributes({
      flags: attr(1, "IFLA_INET6_FLAGS", u32),
      conf: attr(2, "IFLA_INET6_CONF", bytes),
      stats: attr(3, "IFLA_INET6_STATS", bytes),
      cacheInfo: attr(5, "IFLA_INET6_CACHEINFO", bytes),
      icmpStats: attr(6, "IFLA_INET6_ICMP6STATS", bytes),
      token: attr(7, "IFLA_INET6_TOKEN", bytes),
      addressGeneration: attr(
        8,
        "IFLA_INET6_ADDR_GEN_MODE",
        oneOf(u8, { eui64: 0, none: 1, "stable-secret": 2, random: 3 }),
      ),
      raMtu: attr(9, "IFLA_INET6_RA_MTU", u32),
    }),
  ),
});

const rows = {
  mac: attr(1, "IFLA_ADDRESS", mac),
  broadcast: attr(2, "IFLA_BROADCAST", mac),
  name: attr(3, "IFLA_IFNAME", cstring),
  mtu: attr(4, "IFLA_MTU", u32),
  parent: attr(5, "IFLA_LINK", i32),
  qdisc: attr(6, "IFLA_QDISC", cstring),
  stats: attr(7, "IFLA_STATS", bytes),
  master: attr(10, "IFLA_MASTER", u32),
  wireless: attr(11, "IFLA_WIRELESS", bytes),
  protocolInfo: attr(12, "IFLA_PROTINFO", bytes),
  txQueueLength: attr(13, "IFLA_TXQLEN", u32),
  map: attr(14, "IFLA_MAP", bytes),
  operState: attr(16, "IFLA_OPERSTATE", operState),
  linkMode: attr(17, "IFLA_LINKMODE", oneOf(u8, { default: 0, dormant: 1, testing: 2 })),
  netnsPid: attr(19, "IFLA_NET_NS_PID", u32),
  alias: attr(20, "IFLA_IFALIAS", cstring),
  vfCount: attr(21, "IFLA_NUM_VF", u32),
  vfInfo: attr(22, "IFLA_VFINFO_LIST", bytes),
  stats64: attr(23, "IFLA_STATS64", bytes),
  vfPorts: attr(24, "IFLA_VF_PORTS", bytes),
  portSelf: attr(25, "IFLA_PORT_SELF", bytes),
  afSpec: attr(26, "IFLA_AF_SPEC", afSpec),
  group: attr(27, "IFLA_GROUP", u32),
  netnsFd: attr(28, "IFLA_NET_NS_FD", u32),
  extensions: attr(29, "IFLA_EXT_MASK", extensions),
  promiscuity: attr(30, "IFLA_PROMISCUITY", u32),
  txQueues: attr(31, "IFLA_NUM_TX_QUEUES", u32),
  rxQueues: attr(32, "IFLA_NUM_RX_QUEUES", u32),
  carrier: attr(33, "IFLA_CARRIER", u8),
  physicalPortId: attr(34, "IFLA_PHYS_PORT_ID", bytes),
  carrierChanges: attr(35, "IFLA_CARRIER_CHANGES", u32),
  physicalSwitchId: attr(36, "IFLA_PHYS_SWITCH_ID", bytes),
  parentNetnsId: attr(37, "IFLA_LINK_NETNSID", i32),
  physicalPortName: attr(38, "IFLA_PHYS_PORT_NAME", cstring),
  protocolDown: attr(39, "IFLA_PROTO_DOWN", u8),
  gsoMaxSegments: attr(40, "IFLA_GSO_MAX_SEGS", u32),
  gsoMaxSize: attr(41, "IFLA_GSO_MAX_SIZE", u32),
  xdp: attr(43, "IFLA_XDP", bytes),
  event: attr(44, "IFLA_EVENT", u32),
  newNetnsId: attr(45, "IFLA_NEW_NETNSID", i32),
  targetNetnsId: attr(46, "IFLA_TARGET_NETNSID", i32),
  carrierUps: attr(47, "IFLA_CARRIER_UP_COUNT", u32),
  carrierDowns: attr(48, "IFLA_CARRIER_DOWN_COUNT", u32),
  newIndex: attr(49, "IFLA_NEW_IFINDEX", i32),
  minMtu: attr(50, "IFLA_MIN_MTU", u32),
  maxMtu: attr(51, "IFLA_MAX_MTU", u32),
  properties: attr(52, "IFLA_PROP_LIST", propertyList),
  altName: attr(53, "IFLA_ALT_IFNAME", cstring),
  permanentMac: attr(54, "IFLA_PERM_ADDRESS", mac),
  protocolDownReason: attr(55, "IFLA_PROTO_DOWN_REASON", bytes),
  deviceName: attr(56, "IFLA_PARENT_DEV_NAME", cstring),
  deviceBus: attr(57, "IFLA_PARENT_DEV_BUS_NAME", cstring),
  groMaxSize: attr(58, "IFLA_GRO_MAX_SIZE", u32),
  tsoMaxSize: attr(59, "IFLA_TSO_MAX_SIZE", u32),
  tsoMaxSegments: attr(60, "IFLA_TSO_MAX_SEGS", u32),
  allMulticast: attr(61, "IFLA_ALLMULTI", u32),
  devlinkPort: attr(62, "IFLA_DEVLINK_PORT", nested(bytes)),
  gsoIpv4MaxSize: attr(63, "IFLA_GSO_IPV4_MAX_SIZE", u32),
  groIpv4MaxSize: attr(64, "IFLA_GRO_IPV4_MAX_SIZE", u32),
  dpllPin: attr(65, "IFLA_DPLL_PIN", nested(bytes)),
  maxPacingOffloadHorizon: attr(66, "IFLA_MAX_PACING_OFFLOAD_HORIZON", u32),
  netnsImmutable: attr(67, "IFLA_NETNS_IMMUTABLE", u8),
  headroom: attr(68, "IFLA_HEADROOM", u16),
  tailroom: attr(69, "IFLA_TAILROOM", u16),
} as const;

/** The other end of a veth pair is described by a whole message inside the message. */
export const vethPeer = message(ifinfomsg, attributes(rows));
const vethInfo = attributes({ peer: attr(1, "VETH_INFO_PEER", vethPeer) });

const kinds = {
  bridge: bridgeInfo,
  dummy: attributes({}),
  ifb: attributes({}),
  ipvlan: ipvlanInfo,
  macvlan: macvlanInfo,
  tun: tunInfo,
  veth: vethInfo,
  vlan: vlanInfo,
  vrf: vrfInfo,
} as const;

/** The data of a link as part of another, by the kind of that other. */
const portKinds = { bridge: bridgePort, vrf: vrfPort } as const;

const kindRows = {
  kind: attr(1, "IFLA_INFO_KIND", cstring),
  data: attr(2, "IFLA_INFO_DATA", bytes),
  portKind: attr(4, "IFLA_INFO_SLAVE_KIND", cstring),
  portData: attr(5, "IFLA_INFO_SLAVE_DATA", bytes),
} as const;

/** The kind comes first and picks the table of the data beside it; the same for the port. */
export const linkInfo = tagged(kindRows.kind, kindRows.data, kinds, {
  extraStats: attr(3, "IFLA_INFO_XSTATS", bytes),
  portKind: kindRows.portKind,
  portData: attrBy(kindRows.portData.type, kindRows.portData.kernelName, "portKind", portKinds),
});

/** What a link is, e.g. `{ kind: "vlan", data: { id: 5 } }`. */
export type LinkInfo = Infer<typeof linkInfo>;
/** What a link shall be. */
export type LinkInfoInput = Input<typeof linkInfo>;
/** Settings of a bridge's port. */
export type BridgePort = Infer<typeof bridgePort>;

export const linkMessage = message(
  ifinfomsg,
  attributes({ ...rows, info: attr(18, "IFLA_LINKINFO", linkInfo) }),
);
export type LinkMessage = Infer<typeof linkMessage>;
export type LinkRequest = Input<typeof linkMessage>;

/**
 * What of a link is worth reading: the kernel tells three times as much. The data of its kind, fifty
 * attributes of a bridge, stay bytes until somebody wants them.
 */
export const linkSummary = message(
  ifinfomsg,
  excerpt({
    mac: rows.mac,
    name: rows.name,
    mtu: rows.mtu,
    parent: rows.parent,
    master: rows.master,
    txQueueLength: rows.txQueueLength,
    operState: rows.operState,
    alias: rows.alias,
    promiscuity: rows.promiscuity,
    parentNetnsId: rows.parentNetnsId,
    properties: rows.properties,
    info: attr(18, "IFLA_LINKINFO", excerpt(kindRows)),
  }),
);
export type LinkSummary = Infer<typeof linkSummary>;

/** The data of a kind, as `linkInfo` reads it: bytes for a kind that no table knows. */
export function readKindData(kind: string, data: Uint8Array): unknown {
  const codec = (kinds as Record<string, AnyCodec>)[kind];
  return codec ? decode(codec, data) : data;
}

export function readBridgePort(data: Uint8Array): BridgePort {
  return decode(bridgePort, data);
}
