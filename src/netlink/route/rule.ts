/**
 * rtnetlink rules, which pick the routing table: `ip rule`.
 *
 * Source: include/uapi/linux/fib_rules.h.
 */
import { attr, attributes, message } from "../attr.ts";
import {
  be64,
  bytes,
  cstring,
  flags,
  type Infer,
  type Input,
  oneOf,
  struct,
  u8,
  u16,
  u32,
} from "../codec.ts";
import { routeProtocol } from "./route.ts";

/**
 *      0        1         2         3     4       5     7        8
 *      | family | dst len | src len | tos | table | pad | action | flags | attributes
 */
const header = struct("fib_rule_hdr", {
  family: u8,
  dstLength: u8,
  srcLength: u8,
  tos: u8,
  shortTable: u8,
  _pad: u16,
  action: oneOf(u8, {
    unspecified: 0,
    table: 1,
    goto: 2,
    nop: 3,
    blackhole: 6,
    unreachable: 7,
    prohibit: 8,
  }),
  flags: flags(u32, {
    permanent: 0x1,
    invert: 0x2,
    unresolved: 0x4,
    iifDetached: 0x8,
    oifDetached: 0x10,
    findSource: 0x10000,
  }),
});

const portRange = struct("fib_rule_port_range", { start: u16, end: u16 });

export const ruleMessage = message(
  header,
  attributes({
    dst: attr(1, "FRA_DST", bytes),
    src: attr(2, "FRA_SRC", bytes),
    iif: attr(3, "FRA_IIFNAME", cstring),
    goto: attr(4, "FRA_GOTO", u32),
    priority: attr(6, "FRA_PRIORITY", u32),
    mark: attr(10, "FRA_FWMARK", u32),
    flow: attr(11, "FRA_FLOW", u32),
    tunnelId: attr(12, "FRA_TUN_ID", be64),
    suppressGroup: attr(13, "FRA_SUPPRESS_IFGROUP", u32),
    suppressPrefixLength: attr(14, "FRA_SUPPRESS_PREFIXLEN", u32),
    table: attr(15, "FRA_TABLE", u32),
    mask: attr(16, "FRA_FWMASK", u32),
    oif: attr(17, "FRA_OIFNAME", cstring),
    l3mdev: attr(19, "FRA_L3MDEV", u8),
    uidRange: attr(20, "FRA_UID_RANGE", struct("fib_rule_uid_range", { start: u32, end: u32 })),
    protocol: attr(21, "FRA_PROTOCOL", routeProtocol),
    ipProtocol: attr(22, "FRA_IP_PROTO", u8),
    sourcePorts: attr(23, "FRA_SPORT_RANGE", portRange),
    destinationPorts: attr(24, "FRA_DPORT_RANGE", portRange),
  }),
);
export type RuleMessage = Infer<typeof ruleMessage>;
export type RuleRequest = Input<typeof ruleMessage>;
