/** Extensions of iptables inside a rule of nf_tables, as `iptables-nft` writes them. */
import { attr, attributes } from "../attr.ts";
import { be32, bytes, cstring } from "../codec.ts";

/**
 * enum nft_match_attributes of include/uapi/linux/netfilter/nf_tables_compat.h. `info` is the
 * extension's own struct in the host's layout, e.g. struct xt_comment_info.
 */
export const match = attributes({
  name: attr(1, "NFTA_MATCH_NAME", cstring),
  revision: attr(2, "NFTA_MATCH_REV", be32),
  info: attr(3, "NFTA_MATCH_INFO", bytes),
});

/** enum nft_target_attributes, likewise. */
export const target = attributes({
  name: attr(1, "NFTA_TARGET_NAME", cstring),
  revision: attr(2, "NFTA_TARGET_REV", be32),
  info: attr(3, "NFTA_TARGET_INFO", bytes),
});
