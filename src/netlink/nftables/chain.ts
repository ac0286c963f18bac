/** Chains of rules. A base chain hangs on a hook of the network stack; others are jumped to. */
import { attr, attributes, message, nested } from "../attr.ts";
import { be32, be64, type Codec, cstring, flags, type Infer, type Input, oneOf } from "../codec.ts";
import { nfgenmsg } from "./header.ts";
import { commentData } from "./userdata.ts";

/** NF_INET_* of include/uapi/linux/netfilter.h; NF_BR_* has the same numbers. */
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

/** Signed, in network order: hooks run from the lowest priority to the highest. */
const priority: Codec<number> = {
  write: (out, value) => be32.write(out, value >>> 0),
  read: (from) => be32.read(from) | 0,
};

/** enum nft_chain_attributes of include/uapi/linux/netfilter/nf_tables.h */
export const chainMessage = message(
  nfgenmsg,
  attributes({
    table: attr(1, "NFTA_CHAIN_TABLE", cstring),
    handle: attr(2, "NFTA_CHAIN_HANDLE", be64),
    name: attr(3, "NFTA_CHAIN_NAME", cstring),
    hook: attr(
      4,
      "NFTA_CHAIN_HOOK",
      nested(
        attributes({
          number: attr(1, "NFTA_HOOK_HOOKNUM", oneOf(be32, hooks)),
          priority: attr(2, "NFTA_HOOK_PRIORITY", priority),
          device: attr(3, "NFTA_HOOK_DEV", cstring),
        }),
      ),
    ),
    policy: attr(5, "NFTA_CHAIN_POLICY", oneOf(be32, { drop: 0, accept: 1 })),
    /** How many rules and jumps hold it. */
    use: attr(6, "NFTA_CHAIN_USE", be32),
    type: attr(7, "NFTA_CHAIN_TYPE", cstring),
    flags: attr(10, "NFTA_CHAIN_FLAGS", flags(be32, { base: 1, hardwareOffload: 2, binding: 4 })),
    userdata: attr(12, "NFTA_CHAIN_USERDATA", commentData),
  }),
);
export type Chain = Infer<typeof chainMessage>;
export type ChainInput = Input<typeof chainMessage>;
