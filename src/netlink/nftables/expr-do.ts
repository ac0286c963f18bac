/** Expressions that do something to a packet, or because of it. */
import { attr, attributes } from "../attr.ts";
import { be16, be32, be64, cstring, flags, oneOf, u8 } from "../codec.ts";

/** enum nft_counter_attributes */
export const counter = attributes({
  bytes: attr(1, "NFTA_COUNTER_BYTES", be64),
  packets: attr(2, "NFTA_COUNTER_PACKETS", be64),
});

/** enum nft_limit_attributes */
export const limit = attributes({
  rate: attr(1, "NFTA_LIMIT_RATE", be64),
  /** Seconds. */
  unit: attr(2, "NFTA_LIMIT_UNIT", be64),
  burst: attr(3, "NFTA_LIMIT_BURST", be32),
  type: attr(4, "NFTA_LIMIT_TYPE", oneOf(be32, { packets: 0, bytes: 1 })),
  flags: attr(5, "NFTA_LIMIT_FLAGS", flags(be32, { invert: 1 })),
});

/** enum nft_log_attributes */
export const log = attributes({
  group: attr(1, "NFTA_LOG_GROUP", be16),
  prefix: attr(2, "NFTA_LOG_PREFIX", cstring),
  snapLength: attr(3, "NFTA_LOG_SNAPLEN", be32),
  queueThreshold: attr(4, "NFTA_LOG_QTHRESHOLD", be16),
  level: attr(5, "NFTA_LOG_LEVEL", be32),
  flags: attr(6, "NFTA_LOG_FLAGS", be32),
});

/** enum nft_reject_attributes */
export const reject = attributes({
  type: attr(
    1,
    "NFTA_REJECT_TYPE",
    oneOf(be32, { icmpUnreachable: 0, tcpReset: 1, icmpxUnreachable: 2 }),
  ),
  code: attr(2, "NFTA_REJECT_ICMP_CODE", u8),
});

/** NF_NAT_RANGE_* of include/uapi/linux/netfilter/nf_nat.h */
const natFlags = flags(be32, {
  mapAddresses: 1,
  protocolSpecified: 2,
  random: 4,
  persistent: 8,
  fullyRandom: 16,
});

/** enum nft_nat_attributes: the registers hold the first and last address and port. */
export const nat = attributes({
  type: attr(1, "NFTA_NAT_TYPE", oneOf(be32, { snat: 0, dnat: 1 })),
  family: attr(2, "NFTA_NAT_FAMILY", oneOf(be32, { ip: 2, ip6: 10 })),
  address: attr(3, "NFTA_NAT_REG_ADDR_MIN", be32),
  lastAddress: attr(4, "NFTA_NAT_REG_ADDR_MAX", be32),
  port: attr(5, "NFTA_NAT_REG_PROTO_MIN", be32),
  lastPort: attr(6, "NFTA_NAT_REG_PROTO_MAX", be32),
  flags: attr(7, "NFTA_NAT_FLAGS", natFlags),
});

/** enum nft_masq_attributes */
export const masquerade = attributes({
  flags: attr(1, "NFTA_MASQ_FLAGS", natFlags),
  port: attr(2, "NFTA_MASQ_REG_PROTO_MIN", be32),
  lastPort: attr(3, "NFTA_MASQ_REG_PROTO_MAX", be32),
});

/** enum nft_redir_attributes */
export const redirect = attributes({
  port: attr(1, "NFTA_REDIR_REG_PROTO_MIN", be32),
  lastPort: attr(2, "NFTA_REDIR_REG_PROTO_MAX", be32),
  flags: attr(3, "NFTA_REDIR_FLAGS", natFlags),
});

/** enum nft_objref_attributes */
export const objectReference = attributes({
  type: attr(1, "NFTA_OBJREF_IMM_TYPE", be32),
  name: attr(2, "NFTA_OBJREF_IMM_NAME", cstring),
  from: attr(3, "NFTA_OBJREF_SET_SREG", be32),
  set: attr(4, "NFTA_OBJREF_SET_NAME", cstring),
  setId: attr(5, "NFTA_OBJREF_SET_ID", be32),
});
