/** Tables: what holds chains and sets, and goes with all of them. */
import { attr, attributes, message } from "../attr.ts";
import { be32, be64, cstring, flags, type Infer, type Input } from "../codec.ts";
import { nfgenmsg } from "./header.ts";
import { commentData } from "./userdata.ts";

/** enum nft_table_attributes of include/uapi/linux/netfilter/nf_tables.h */
export const tableMessage = message(
  nfgenmsg,
  attributes({
    name: attr(1, "NFTA_TABLE_NAME", cstring),
    flags: attr(2, "NFTA_TABLE_FLAGS", flags(be32, { dormant: 1, owner: 2, persist: 4 })),
    /** How many chains, sets, objects and flow tables are in it. */
    use: attr(3, "NFTA_TABLE_USE", be32),
    handle: attr(4, "NFTA_TABLE_HANDLE", be64),
    userdata: attr(6, "NFTA_TABLE_USERDATA", commentData),
    owner: attr(7, "NFTA_TABLE_OWNER", be32),
  }),
);
export type Table = Infer<typeof tableMessage>;
export type TableInput = Input<typeof tableMessage>;
