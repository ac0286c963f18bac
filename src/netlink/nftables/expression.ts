/** The expressions of rules, each a small table: the name in the message says which. */
import { attr, nested, type OtherKind, tagged } from "../attr.ts";
import { bytes, cstring, type Infer, type Input } from "../codec.ts";
import { match, target } from "./expr-compat.ts";
import { bitwise, byteOrder, compare, immediate, lookup, range } from "./expr-data.ts";
import {
  counter,
  limit,
  log,
  masquerade,
  nat,
  objectReference,
  redirect,
  reject,
} from "./expr-do.ts";
import { connection, fib, meta, payload } from "./expr-load.ts";

/** enum nft_expr_attributes; the kinds are the `name` of struct nft_expr_type in net/netfilter/nft_*.c */
export const expression = nested(
  tagged(attr(1, "NFTA_EXPR_NAME", cstring), attr(2, "NFTA_EXPR_DATA", nested(bytes)), {
    payload,
    meta,
    ct: connection,
    fib,
    cmp: compare,
    bitwise,
    byteorder: byteOrder,
    range,
    lookup,
    immediate,
    counter,
    limit,
    log,
    reject,
    nat,
    masq: masquerade,
    redir: redirect,
    objref: objectReference,
    match,
    target,
  }),
);
/** A step of a rule, as the kernel has it. */
export type Expression = Infer<typeof expression>;
/** A step of a rule to make. */
export type ExpressionInput = Input<typeof expression>;
export type { OtherKind };
