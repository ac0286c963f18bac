/** Elements of sets and maps. */
import { attr, attributes, list, message, nested } from "../attr.ts";
import { be32, be64, bytes, cstring, flags, type Infer, type Input } from "../codec.ts";
import { data } from "./data.ts";
import { nfgenmsg } from "./header.ts";
import { commentData } from "./userdata.ts";

/** enum nft_set_elem_attributes of include/uapi/linux/netfilter/nf_tables.h */
const element = nested(
  attributes({
    key: attr(1, "NFTA_SET_ELEM_KEY", data),
    /** What a map gives for the key. */
    data: attr(2, "NFTA_SET_ELEM_DATA", data),
    flags: attr(3, "NFTA_SET_ELEM_FLAGS", flags(be32, { intervalEnd: 1, catchAll: 2 })),
    timeout: attr(4, "NFTA_SET_ELEM_TIMEOUT", be64),
    expiration: attr(5, "NFTA_SET_ELEM_EXPIRATION", be64),
    userdata: attr(6, "NFTA_SET_ELEM_USERDATA", commentData),
    /** The last key of an interval of concatenations. */
    keyEnd: attr(10, "NFTA_SET_ELEM_KEY_END", data),
  }),
);
export type Element = Infer<typeof element>;
export type ElementInput = Input<typeof element>;

/** enum nft_set_elem_list_attributes */
export const elementsMessage = message(
  nfgenmsg,
  attributes({
    table: attr(1, "NFTA_SET_ELEM_LIST_TABLE", cstring),
    set: attr(2, "NFTA_SET_ELEM_LIST_SET", cstring),
    elements: attr(3, "NFTA_SET_ELEM_LIST_ELEMENTS", nested(list(1, "NFTA_LIST_ELEM", element))),
    setId: attr(4, "NFTA_SET_ELEM_LIST_SET_ID", be32),
  }),
);
/** To count elements, and not to read them. */
export const countMessage = message(
  nfgenmsg,
  attributes({
    elements: attr(3, "NFTA_SET_ELEM_LIST_ELEMENTS", nested(list(1, "NFTA_LIST_ELEM", bytes))),
  }),
);
export type ElementsInput = Input<typeof elementsMessage>;
