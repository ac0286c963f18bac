/** What registers and elements hold: a value, or a verdict. */
import { attr, attributes, nested } from "../attr.ts";
import { be32, bytes, cstring, type Infer, type Input, oneOf } from "../codec.ts";

/** NF_* of include/uapi/linux/netfilter.h, and the negative ones of enum nft_verdicts. */
const verdictCodes = {
  drop: 0,
  accept: 1,
  continue: 0xffffffff,
  break: 0xfffffffe,
  jump: 0xfffffffd,
  goto: 0xfffffffc,
  return: 0xfffffffb,
} as const;

export const verdict = nested(
  attributes({
    code: attr(1, "NFTA_VERDICT_CODE", oneOf(be32, verdictCodes)),
    /** Where to, for jump and goto. */
    chain: attr(2, "NFTA_VERDICT_CHAIN", cstring),
  }),
);
export type Verdict = Infer<typeof verdict>;

/** One of both. Values are in the order of the packet, or of the host for what is no packet field. */
export const data = nested(
  attributes({
    value: attr(1, "NFTA_DATA_VALUE", bytes),
    verdict: attr(2, "NFTA_DATA_VERDICT", verdict),
  }),
);
export type Data = Infer<typeof data>;
export type DataInput = Input<typeof data>;
