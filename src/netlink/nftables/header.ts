/**
 * What every message to nf_tables starts with, and the brackets around a batch.
 *
 * A transaction is BATCH_BEGIN, messages, BATCH_END: all of it happens or nothing does. A generation
 * id in BATCH_BEGIN makes the kernel refuse the batch (ERESTART) if any other was committed since that
 * generation was read.
 */
import { attr, attributes, message } from "../attr.ts";
import { be16, be32, cstring, oneOf, struct, u8 } from "../codec.ts";

/** NFNL_SUBSYS_NFTABLES of include/uapi/linux/netfilter/nfnetlink.h */
const subsystem = 10;

/** What a table belongs to: NFPROTO_* of include/uapi/linux/netfilter.h */
export const familyNumbers = {
  unspec: 0,
  inet: 1,
  ip: 2,
  arp: 3,
  netdev: 5,
  bridge: 7,
  ip6: 10,
} as const;
export type Family = keyof typeof familyNumbers;

/** Message types as they stand in nlmsghdr: the subsystem and NFT_MSG_*. */
export const messageTypes = {
  newTable: (subsystem << 8) | 0,
  getTable: (subsystem << 8) | 1,
  delTable: (subsystem << 8) | 2,
  newChain: (subsystem << 8) | 3,
  getChain: (subsystem << 8) | 4,
  delChain: (subsystem << 8) | 5,
  newRule: (subsystem << 8) | 6,
  getRule: (subsystem << 8) | 7,
  delRule: (subsystem << 8) | 8,
  newSet: (subsystem << 8) | 9,
  getSet: (subsystem << 8) | 10,
  delSet: (subsystem << 8) | 11,
  newSetElem: (subsystem << 8) | 12,
  getSetElem: (subsystem << 8) | 13,
  delSetElem: (subsystem << 8) | 14,
  newGen: (subsystem << 8) | 15,
  getGen: (subsystem << 8) | 16,
} as const;
/** NFNL_MSG_BATCH_BEGIN and _END: no subsystem in the type. */
export const batchBegin = 0x10;
export const batchEnd = 0x11;

/** struct nfgenmsg */
export const nfgenmsg = struct("nfgenmsg", {
  family: oneOf(u8, familyNumbers),
  _version: u8, // NFNETLINK_V0
  /** The low half of the generation in what the kernel sends. */
  resource: be16,
});

export const batchMessage = message(
  nfgenmsg,
  attributes({ generation: attr(1, "NFNL_BATCH_GENID", be32) }),
);
/** `resource` of batchMessage: which subsystem the batch is for. */
export const batchResource = subsystem;

export const generationMessage = message(
  nfgenmsg,
  attributes({
    generation: attr(1, "NFTA_GEN_ID", be32),
    pid: attr(2, "NFTA_GEN_PROC_PID", be32),
    program: attr(3, "NFTA_GEN_PROC_NAME", cstring),
  }),
);
