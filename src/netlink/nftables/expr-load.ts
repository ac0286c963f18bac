/** Expressions that load what is known of a packet into a register. */
import { attr, attributes } from "../attr.ts";
import { be32, flags, oneOf, u8 } from "../codec.ts";

/** enum nft_payload_attributes: bytes of the packet itself. */
export const payload = attributes({
  to: attr(1, "NFTA_PAYLOAD_DREG", be32),
  base: attr(2, "NFTA_PAYLOAD_BASE", oneOf(be32, { link: 0, network: 1, transport: 2, inner: 3 })),
  offset: attr(3, "NFTA_PAYLOAD_OFFSET", be32),
  length: attr(4, "NFTA_PAYLOAD_LEN", be32),
  /** Writes the register into the packet instead. */
  from: attr(5, "NFTA_PAYLOAD_SREG", be32),
  checksumType: attr(6, "NFTA_PAYLOAD_CSUM_TYPE", be32),
  checksumOffset: attr(7, "NFTA_PAYLOAD_CSUM_OFFSET", be32),
  checksumFlags: attr(8, "NFTA_PAYLOAD_CSUM_FLAGS", be32),
});

/** enum nft_meta_keys, as far as container networking asks. */
const metaKeys = {
  len: 0,
  protocol: 1,
  priority: 2,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  iiftype: 8,
  oiftype: 9,
  skuid: 10,
  skgid: 11,
  nftrace: 12,
  nfproto: 15,
  l4proto: 16,
  ibrname: 17,
  obrname: 18,
  pkttype: 19,
} as const;

/** enum nft_meta_attributes: what the kernel knows beside the packet. Host byte order. */
export const meta = attributes({
  to: attr(1, "NFTA_META_DREG", be32),
  key: attr(2, "NFTA_META_KEY", oneOf(be32, metaKeys)),
  /** Sets it from the register instead. */
  from: attr(3, "NFTA_META_SREG", be32),
});

/** enum nft_ct_keys, as far as container networking asks. */
const connectionKeys = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  l3proto: 7,
  protocol: 10,
  protoSource: 11,
  protoDestination: 12,
  sourceIp: 19,
  destinationIp: 20,
  sourceIp6: 21,
  destinationIp6: 22,
} as const;

/** Bits of `ct state`: NF_CT_STATE_BIT of include/uapi/linux/netfilter/nf_conntrack_common.h */
export const connectionStates = {
  invalid: 1,
  established: 2,
  related: 4,
  new: 8,
  untracked: 64,
} as const;
/** Bits of `ct status`: enum ip_conntrack_status. */
export const connectionStatus = { snat: 0x10, dnat: 0x20 } as const;

/** enum nft_ct_attributes: the connection that the packet belongs to. */
export const connection = attributes({
  to: attr(1, "NFTA_CT_DREG", be32),
  key: attr(2, "NFTA_CT_KEY", oneOf(be32, connectionKeys)),
  direction: attr(3, "NFTA_CT_DIRECTION", oneOf(u8, { original: 0, reply: 1 })),
  from: attr(4, "NFTA_CT_SREG", be32),
});

/** enum nft_fib_attributes: what the routing table says. */
export const fib = attributes({
  to: attr(1, "NFTA_FIB_DREG", be32),
  result: attr(2, "NFTA_FIB_RESULT", oneOf(be32, { oif: 1, oifname: 2, addressType: 3 })),
  flags: attr(
    3,
    "NFTA_FIB_FLAGS",
    flags(be32, { source: 1, destination: 2, mark: 4, iif: 8, oif: 16, present: 32 }),
  ),
});
/** `fib ... type`: RTN_* of include/uapi/linux/rtnetlink.h, in host byte order. */
export const addressTypes = { unicast: 1, local: 2, broadcast: 3, multicast: 5 } as const;
