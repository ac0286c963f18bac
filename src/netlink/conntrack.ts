/**
 * ctnetlink: the connections that the kernel keeps track of, `conntrack -L`.
 *
 * Sources: include/uapi/linux/netfilter/nfnetlink_conntrack.h; the bits of filters are in
 * net/netfilter/nf_internals.h.
 */
import { attr, attributes, message, nested } from "./attr.ts";
import { be16, be32, bytes, flags, type Infer, type Input, u8, u32 } from "./codec.ts";
import { nfgenmsg } from "./nftables/header.ts";

/** NFNL_SUBSYS_CTNETLINK of include/uapi/linux/netfilter/nfnetlink.h */
const subsystem = 1;

/** Message types as they stand in nlmsghdr: the subsystem and IPCTNL_MSG_CT_*. */
export const conntrackTypes = {
  new: (subsystem << 8) | 0,
  get: (subsystem << 8) | 1,
  delete: (subsystem << 8) | 2,
} as const;

/** enum ctattr_tuple: one direction of a connection. */
const tuple = nested(
  attributes({
    ip: attr(
      1,
      "CTA_TUPLE_IP",
      nested(
        attributes({
          source4: attr(1, "CTA_IP_V4_SRC", bytes),
          destination4: attr(2, "CTA_IP_V4_DST", bytes),
          source6: attr(3, "CTA_IP_V6_SRC", bytes),
          destination6: attr(4, "CTA_IP_V6_DST", bytes),
        }),
      ),
    ),
    protocol: attr(
      2,
      "CTA_TUPLE_PROTO",
      nested(
        attributes({
          number: attr(1, "CTA_PROTO_NUM", u8),
          sourcePort: attr(2, "CTA_PROTO_SRC_PORT", be16),
          destinationPort: attr(3, "CTA_PROTO_DST_PORT", be16),
        }),
      ),
    ),
    zone: attr(3, "CTA_TUPLE_ZONE", be16),
  }),
);
export type ConntrackTuple = Infer<typeof tuple>;

/** Which fields of a tuple a dump is filtered by. Host byte order. */
const tupleFields = flags(u32, {
  sourceIp: 0x1,
  destinationIp: 0x2,
  zone: 0x4,
  protocol: 0x8,
  sourcePort: 0x10,
  destinationPort: 0x20,
});

/** enum ctattr_type */
export const conntrackMessage = message(
  nfgenmsg,
  attributes({
    /** As the packets of whoever began it were before they were translated. */
    original: attr(1, "CTA_TUPLE_ORIG", tuple),
    /** As the packets that answer come in. */
    reply: attr(2, "CTA_TUPLE_REPLY", tuple),
    status: attr(3, "CTA_STATUS", be32),
    timeout: attr(7, "CTA_TIMEOUT", be32),
    mark: attr(8, "CTA_MARK", be32),
    use: attr(11, "CTA_USE", be32),
    id: attr(12, "CTA_ID", be32),
    zone: attr(18, "CTA_ZONE", be16),
    /** Of a dump, since Linux 5.8; kernels before send all that there is. */
    filter: attr(
      25,
      "CTA_FILTER",
      nested(
        attributes({
          original: attr(1, "CTA_FILTER_ORIG_FLAGS", tupleFields),
          reply: attr(2, "CTA_FILTER_REPLY_FLAGS", tupleFields),
        }),
      ),
    ),
  }),
);
export type ConntrackMessage = Infer<typeof conntrackMessage>;
export type ConntrackRequest = Input<typeof conntrackMessage>;
