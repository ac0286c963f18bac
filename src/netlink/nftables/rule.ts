/** Rules: expressions that are evaluated in order until one does not match. */
import { attr, attributes, list, message, nested } from "../attr.ts";
import { be32, be64, cstring, type Infer, type Input } from "../codec.ts";
import { expression } from "./expression.ts";
import { nfgenmsg } from "./header.ts";
import { commentData } from "./userdata.ts";

/** enum nft_rule_attributes of include/uapi/linux/netfilter/nf_tables.h */
export const ruleMessage = message(
  nfgenmsg,
  attributes({
    table: attr(1, "NFTA_RULE_TABLE", cstring),
    chain: attr(2, "NFTA_RULE_CHAIN", cstring),
    handle: attr(3, "NFTA_RULE_HANDLE", be64),
    expressions: attr(4, "NFTA_RULE_EXPRESSIONS", nested(list(1, "NFTA_LIST_ELEM", expression))),
    /** Of rules with extensions of iptables: what they know of the packet's protocol. */
    compat: attr(
      5,
      "NFTA_RULE_COMPAT",
      nested(
        attributes({
          protocol: attr(1, "NFTA_RULE_COMPAT_PROTO", be32),
          flags: attr(2, "NFTA_RULE_COMPAT_FLAGS", be32),
        }),
      ),
    ),
    /** The handle of the rule before; in a request, where the new one goes. */
    position: attr(6, "NFTA_RULE_POSITION", be64),
    userdata: attr(7, "NFTA_RULE_USERDATA", commentData),
  }),
);
export type Rule = Infer<typeof ruleMessage>;
export type RuleInput = Input<typeof ruleMessage>;
