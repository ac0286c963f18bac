/** Which option of the kernel is missing, where it refuses because it lacks a part of nf_tables. */

import type { ChainInput } from "../netlink/nftables/chain.ts";
import type { Family } from "../netlink/nftables/header.ts";
import { messageTypes } from "../netlink/nftables/header.ts";
import type { RuleInput } from "../netlink/nftables/rule.ts";
import type { TableInput } from "../netlink/nftables/table.ts";
import { isKernelError, type KernelError } from "./errors.ts";
import type { Request } from "./socket.ts";

/** The kernel was built without what is asked for, or its module cannot be loaded. */
export class NftUnsupported extends Error {
  override name = "NftUnsupported";
  /** The kernel options to set, e.g. `CONFIG_NF_TABLES`. */
  readonly options: readonly string[];

  constructor(what: string, options: readonly string[]) {
    super(`Cannot ${what}: the kernel lacks ${options.join(", ")}`);
    this.options = options;
  }
}

const familyOptions: Partial<Record<Family, string>> = {
  inet: "CONFIG_NF_TABLES_INET",
  ip: "CONFIG_NF_TABLES_IPV4",
  ip6: "CONFIG_NF_TABLES_IPV6",
  bridge: "CONFIG_NF_TABLES_BRIDGE",
};

/** Expressions that are modules of their own, by the names in net/netfilter/Makefile. */
const expressionOptions: Record<string, string> = {
  ct: "CONFIG_NFT_CT",
  fib: "CONFIG_NFT_FIB",
  limit: "CONFIG_NFT_LIMIT",
  log: "CONFIG_NFT_LOG",
  masq: "CONFIG_NFT_MASQ",
  match: "CONFIG_NFT_COMPAT",
  nat: "CONFIG_NFT_NAT",
  redir: "CONFIG_NFT_REDIR",
  reject: "CONFIG_NFT_REJECT",
  target: "CONFIG_NFT_COMPAT",
};

/**
 * What the kernel lacks, if that is why it refused one of `changes`; else the error as it was. A
 * missing family is EOPNOTSUPP; a missing chain type or expression is ENOENT at the attribute that
 * names it.
 */
export function explainRefusal(error: KernelError, changes: readonly Request[]): Error {
  // Rules of one chain go by the same words: any of them may be meant.
  const refused = changes.filter(({ what }) => error.message.startsWith(`Cannot ${what}: `));
  const options = new Set(refused.flatMap((change) => missingOptions(error, change)));
  const [first] = refused;
  return first && options.size > 0 ? new NftUnsupported(first.what, [...options]) : error;
}

function missingOptions(error: KernelError, { type, value }: Request): string[] {
  if (type === messageTypes.newTable && isKernelError(error, "EOPNOTSUPP", "EAFNOSUPPORT")) {
    const option = familyOptions[(value as TableInput).family as Family];
    return option === undefined ? [] : [option];
  }
  if (!isKernelError(error, "ENOENT", "EOPNOTSUPP")) return [];
  if (type === messageTypes.newChain) {
    const { type: chainType } = value as ChainInput;
    const asked = error.attribute?.endsWith("NFTA_CHAIN_TYPE") && chainType === "nat";
    return asked ? ["CONFIG_NFT_NAT", "CONFIG_NF_NAT"] : [];
  }
  if (type === messageTypes.newRule && error.attribute?.includes("NFTA_LIST_ELEM")) {
    const kinds = ((value as RuleInput).expressions ?? []).map(({ kind }) => kind);
    return kinds.flatMap((kind) => expressionOptions[kind] ?? []);
  }
  return [];
}
