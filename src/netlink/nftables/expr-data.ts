/** Expressions that compare and change registers. */
import { attr, attributes } from "../attr.ts";
import { be32, cstring, flags, oneOf } from "../codec.ts";
import { data } from "./data.ts";

/** enum nft_cmp_attributes: goes on only if it is so. */
export const compare = attributes({
  from: attr(1, "NFTA_CMP_SREG", be32),
  op: attr(2, "NFTA_CMP_OP", oneOf(be32, { eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 })),
  data: attr(3, "NFTA_CMP_DATA", data),
});

/** enum nft_bitwise_attributes: `(register & mask) ^ xor`, or a shift. */
export const bitwise = attributes({
  from: attr(1, "NFTA_BITWISE_SREG", be32),
  to: attr(2, "NFTA_BITWISE_DREG", be32),
  length: attr(3, "NFTA_BITWISE_LEN", be32),
  mask: attr(4, "NFTA_BITWISE_MASK", data),
  xor: attr(5, "NFTA_BITWISE_XOR", data),
  /** Older kernels know only the first, and leave it out. */
  op: attr(6, "NFTA_BITWISE_OP", oneOf(be32, { maskXor: 0, leftShift: 1, rightShift: 2 })),
  data: attr(7, "NFTA_BITWISE_DATA", data),
});

/** enum nft_byteorder_attributes */
export const byteOrder = attributes({
  from: attr(1, "NFTA_BYTEORDER_SREG", be32),
  to: attr(2, "NFTA_BYTEORDER_DREG", be32),
  op: attr(3, "NFTA_BYTEORDER_OP", oneOf(be32, { toHost: 0, toNetwork: 1 })),
  length: attr(4, "NFTA_BYTEORDER_LEN", be32),
  size: attr(5, "NFTA_BYTEORDER_SIZE", be32),
});

/** enum nft_range_attributes: both ends belong to it. */
export const range = attributes({
  from: attr(1, "NFTA_RANGE_SREG", be32),
  op: attr(2, "NFTA_RANGE_OP", oneOf(be32, { eq: 0, neq: 1 })),
  first: attr(3, "NFTA_RANGE_FROM_DATA", data),
  last: attr(4, "NFTA_RANGE_TO_DATA", data),
});

/** enum nft_lookup_attributes: in a set; with `to`, what a map gives (0: a verdict, done at once). */
export const lookup = attributes({
  set: attr(1, "NFTA_LOOKUP_SET", cstring),
  from: attr(2, "NFTA_LOOKUP_SREG", be32),
  to: attr(3, "NFTA_LOOKUP_DREG", be32),
  setId: attr(4, "NFTA_LOOKUP_SET_ID", be32),
  flags: attr(5, "NFTA_LOOKUP_FLAGS", flags(be32, { invert: 1 })),
});

/** enum nft_immediate_attributes: a constant; in register 0 it is a verdict. */
export const immediate = attributes({
  to: attr(1, "NFTA_IMMEDIATE_DREG", be32),
  data: attr(2, "NFTA_IMMEDIATE_DATA", data),
});
