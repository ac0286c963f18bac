/**
 * rtnetlink routes: `ip route`.
 *
 * Source: include/uapi/linux/rtnetlink.h (struct rtmsg, RTA_*, RTAX_*).
 */
import { attr, attributes, message } from "../attr.ts";
import {
  be16,
  bytes,
  type Codec,
  cstring,
  flags,
  type Infer,
  type Input,
  i32,
  oneOf,
  struct,
  u8,
  u16,
  u32,
} from "../codec.ts";
import { WireError } from "../wire.ts";

/** RT_SCOPE_*: how far away a destination is. */
export const routeScopes = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** RT_TABLE_*. Ids from 256 up stand in RTA_TABLE, and as `compatible` in the header. */
export const routeTables = { compatible: 252, default: 253, main: 254, local: 255 } as const;

/** RTPROT_*: who made a route. */
export const routeProtocol = oneOf(u8, {
  unspecified: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  dhcp: 16,
});

const routeType = oneOf(u8, {
  unspecified: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
});

const nexthopFlags = {
  dead: 1,
  pervasive: 2,
  onlink: 4,
  offload: 8,
  linkDown: 16,
  unresolved: 32,
  trap: 64,
} as const;

/** RTNH_F_* in the low byte, RTM_F_* above. */
const routeFlags = flags(u32, {
  ...nexthopFlags,
  notify: 0x100,
  cloned: 0x200,
  equalize: 0x400,
  prefix: 0x800,
  lookupTable: 0x1000,
  fibMatch: 0x2000,
});

/**
 *      0        1         2         3     4       5          6       7      8
 *      | family | dst len | src len | tos | table | protocol | scope | type | flags | attributes
 */
const rtmsg = struct("rtmsg", {
  family: u8,
  dstLength: u8,
  srcLength: u8,
  tos: u8,
  shortTable: u8,
  protocol: routeProtocol,
  scope: u8,
  type: routeType,
  flags: routeFlags,
});

/** RTAX_*: what TCP and the path are told. */
const metrics = attributes({
  lock: attr(1, "RTAX_LOCK", u32),
  mtu: attr(2, "RTAX_MTU", u32),
  window: attr(3, "RTAX_WINDOW", u32),
  rtt: attr(4, "RTAX_RTT", u32),
  rttVariance: attr(5, "RTAX_RTTVAR", u32),
  slowStartThreshold: attr(6, "RTAX_SSTHRESH", u32),
  congestionWindow: attr(7, "RTAX_CWND", u32),
  advmss: attr(8, "RTAX_ADVMSS", u32),
  reordering: attr(9, "RTAX_REORDERING", u32),
  hopLimit: attr(10, "RTAX_HOPLIMIT", u32),
  initialCongestionWindow: attr(11, "RTAX_INITCWND", u32),
  features: attr(12, "RTAX_FEATURES", u32),
  rtoMinimum: attr(13, "RTAX_RTO_MIN", u32),
  initialReceiveWindow: attr(14, "RTAX_INITRWND", u32),
  quickAck: attr(15, "RTAX_QUICKACK", u32),
  congestionControl: attr(16, "RTAX_CC_ALGO", cstring),
  fastOpenNoCookie: attr(17, "RTAX_FASTOPEN_NO_COOKIE", u32),
});

/** `struct rtnexthop` after its length; `hops` is the weight less 1. */
const nexthopHeader = struct("rtnexthop", { flags: flags(u8, nexthopFlags), hops: u8, oif: i32 });
const nexthopAttributes = attributes({
  gateway: attr(5, "RTA_GATEWAY", bytes),
  flow: attr(11, "RTA_FLOW", u32),
  via: attr(18, "RTA_VIA", bytes),
  encapType: attr(21, "RTA_ENCAP_TYPE", u16),
  encap: attr(22, "RTA_ENCAP", bytes),
});
const nexthop = message(nexthopHeader, nexthopAttributes);

/** RTA_MULTIPATH: next hops one after the other, each led by its length, all aligned. */
const multipath: Codec<readonly Input<typeof nexthop>[], Infer<typeof nexthop>[]> = {
  write(out, hops) {
    for (const hop of hops) {
      const start = out.reserve(2);
      nexthop.write(out, hop);
      out.u16(out.length - start, start);
      out.align();
    }
  },
  read(from) {
    const hops: Infer<typeof nexthop>[] = [];
    while (from.left >= 8) {
      const length = from.u16();
      if (length < 8) throw new WireError(`rtnexthop: length ${length}`);
      hops.push(nexthop.read(from.window(length - 2)));
      from.align();
    }
    return hops;
  },
};

export const routeMessage = message(
  rtmsg,
  attributes({
    dst: attr(1, "RTA_DST", bytes),
    src: attr(2, "RTA_SRC", bytes),
    iif: attr(3, "RTA_IIF", u32),
    oif: attr(4, "RTA_OIF", u32),
    gateway: attr(5, "RTA_GATEWAY", bytes),
    priority: attr(6, "RTA_PRIORITY", u32),
    preferredSource: attr(7, "RTA_PREFSRC", bytes),
    metrics: attr(8, "RTA_METRICS", metrics),
    multipath: attr(9, "RTA_MULTIPATH", multipath),
    flow: attr(11, "RTA_FLOW", u32),
    cacheInfo: attr(12, "RTA_CACHEINFO", bytes),
    table: attr(15, "RTA_TABLE", u32),
    mark: attr(16, "RTA_MARK", u32),
    via: attr(18, "RTA_VIA", bytes),
    newDst: attr(19, "RTA_NEWDST", bytes),
    preference: attr(20, "RTA_PREF", oneOf(u8, { medium: 0, high: 1, low: 3 })),
    encapType: attr(21, "RTA_ENCAP_TYPE", u16),
    encap: attr(22, "RTA_ENCAP", bytes),
    expires: attr(23, "RTA_EXPIRES", u32),
    uid: attr(25, "RTA_UID", u32),
    ttlPropagate: attr(26, "RTA_TTL_PROPAGATE", u8),
    ipProtocol: attr(27, "RTA_IP_PROTO", u8),
    sourcePort: attr(28, "RTA_SPORT", be16),
    destinationPort: attr(29, "RTA_DPORT", be16),
    nexthopId: attr(30, "RTA_NH_ID", u32),
    flowLabel: attr(31, "RTA_FLOWLABEL", bytes),
  }),
);
export type RouteMessage = Infer<typeof routeMessage>;
export type RouteRequest = Input<typeof routeMessage>;
export type RouteType = NonNullable<RouteMessage["type"]>;
export type RouteProtocol = NonNullable<RouteMessage["protocol"]>;
