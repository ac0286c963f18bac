/**
 * Netlink messages that no handle has: declared as a table of attributes, which encodes, decodes and
 * types them.
 *
 * @example
 * // The counters of a link, which `links` leaves out. include/uapi/linux/if_link.h
 * const counters = netlink.struct("rtnl_link_stats", {
 *   rxPackets: netlink.u32, txPackets: netlink.u32, rxBytes: netlink.u32, txBytes: netlink.u32,
 * });
 * const ifinfomsg = netlink.struct("ifinfomsg", {
 *   family: netlink.u8, pad: netlink.u8, type: netlink.u16, index: netlink.i32,
 *   flags: netlink.u32, change: netlink.u32,
 * });
 * const linkCounters = netlink.message(
 *   ifinfomsg,
 *   netlink.excerpt({ counters: netlink.attr(7, "IFLA_STATS", counters) }),
 * );
 * const RTM_GETLINK = 18;
 * const asked = netlink.request(RTM_GETLINK, 0, linkCounters, { index: 1 }, "read counters");
 * const answer = netns.socket.ask(asked, linkCounters);
 * console.log(answer?.counters?.rxPackets);
 * @module
 */
export { NetlinkSocket, type Request, request } from "../kernel/socket.ts";
export {
  attr,
  attrBy,
  attributes,
  attrs,
  excerpt,
  list,
  message,
  nested,
  tagged,
} from "../netlink/attr.ts";
export {
  be16,
  be32,
  be64,
  bool8,
  bytes,
  type Codec,
  cstring,
  decode,
  encode,
  type Fixed,
  flags,
  type Infer,
  type Input,
  i32,
  mac,
  oneOf,
  present,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../netlink/codec.ts";
export { type Header, messageFlags } from "../netlink/message.ts";
export { type Reader, WireError, type Writer } from "../netlink/wire.ts";
