/**
 * rtnetlink neighbours, and what a bridge has learnt: `ip neighbour`, `bridge fdb`.
 *
 * Source: include/uapi/linux/neighbour.h.
 */
import { attr, attributes, message } from "../attr.ts";
import {
  be16,
  bytes,
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
import { routeProtocol } from "./route.ts";

/**
 *      0        1     4       8       10      11
 *      | family | pad | index | state | flags | type | attributes
 */
const ndmsg = struct("ndmsg", {
  family: u8,
  _pad1: u8,
  _pad2: u16,
  index: i32,
  state: oneOf(u16, {
    none: 0x00,
    incomplete: 0x01,
    reachable: 0x02,
    stale: 0x04,
    delay: 0x08,
    probe: 0x10,
    failed: 0x20,
    noarp: 0x40,
    permanent: 0x80,
  }),
  flags: flags(u8, {
    use: 0x01,
    self: 0x02,
    master: 0x04,
    proxy: 0x08,
    externallyLearned: 0x10,
    offloaded: 0x20,
    sticky: 0x40,
    router: 0x80,
  }),
  type: u8,
});

export const neighbourMessage = message(
  ndmsg,
  attributes({
    ip: attr(1, "NDA_DST", bytes),
    mac: attr(2, "NDA_LLADDR", mac),
    cacheInfo: attr(3, "NDA_CACHEINFO", bytes),
    probes: attr(4, "NDA_PROBES", u32),
    vlan: attr(5, "NDA_VLAN", u16),
    port: attr(6, "NDA_PORT", be16),
    vni: attr(7, "NDA_VNI", u32),
    viaIndex: attr(8, "NDA_IFINDEX", u32),
    master: attr(9, "NDA_MASTER", u32),
    linkNetnsId: attr(10, "NDA_LINK_NETNSID", i32),
    sourceVni: attr(11, "NDA_SRC_VNI", u32),
    protocol: attr(12, "NDA_PROTOCOL", routeProtocol),
    nexthopId: attr(13, "NDA_NH_ID", u32),
    fdbAttributes: attr(14, "NDA_FDB_EXT_ATTRS", bytes),
    moreFlags: attr(15, "NDA_FLAGS_EXT", u32),
    stateMask: attr(16, "NDA_NDM_STATE_MASK", u16),
    flagsMask: attr(17, "NDA_NDM_FLAGS_MASK", u8),
  }),
);
export type NeighbourMessage = Infer<typeof neighbourMessage>;
export type NeighbourRequest = Input<typeof neighbourMessage>;
