/**
 * rtnetlink traffic control: queueing disciplines and filters, `tc`.
 *
 * Source: include/uapi/linux/rtnetlink.h (struct tcmsg), pkt_sched.h, pkt_cls.h,
 * tc_act/tc_mirred.h; the widths are those of net/sched.
 */
import { attr, attrBy, attributes, list, message, nested } from "../attr.ts";
import {
  be16,
  be32,
  bytes,
  type Codec,
  cstring,
  type Infer,
  type Input,
  i32,
  oneOf,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../codec.ts";

/** TC_H_*: where a qdisc hangs that is not in another. */
export const trafficParents = {
  root: 0xffffffff,
  /** What comes in: the qdiscs `ingress` and `clsact`. */
  ingress: 0xfffffff1,
} as const;

/**
 *      0        1       4       8        12       16     20
 *      | family | pad   | index | handle | parent | info | attributes
 *
 * A handle is `major:minor`, 16 bits each. `info` of a filter is its priority in the upper half, and
 * in the lower its protocol, in the order of the network.
 */
const tcmsg = struct("tcmsg", {
  family: u8,
  _pad1: u8,
  _pad2: u16,
  index: i32,
  handle: u32,
  parent: u32,
  info: u32,
});

const kind = attr(1, "TCA_KIND", cstring);

const others = {
  stats: attr(3, "TCA_STATS", bytes),
  extraStats: attr(4, "TCA_XSTATS", bytes),
  stats2: attr(7, "TCA_STATS2", bytes),
  chain: attr(11, "TCA_CHAIN", u32),
  offloaded: attr(12, "TCA_HW_OFFLOAD", u8),
} as const;

/** Rates are bytes a second. */
const rateSpec = struct("tc_ratespec", {
  cellLog: u8,
  linkLayer: oneOf(u8, { unaware: 0, ethernet: 1, atm: 2 }),
  overhead: u16,
  cellAlign: u16,
  mpu: u16,
  rate: u32,
});

const tbfOptions = attributes({
  params: attr(
    1,
    "TCA_TBF_PARMS",
    struct("tc_tbf_qopt", {
      rate: rateSpec,
      peakRate: rateSpec,
      /** How many bytes may wait. */
      limit: u32,
      /** How long the bucket takes to fill, in ticks of 64 ns (PSCHED_SHIFT). */
      buffer: u32,
      mtu: u32,
    }),
  ),
  rateTable: attr(2, "TCA_TBF_RTAB", bytes),
  peakTable: attr(3, "TCA_TBF_PTAB", bytes),
  /** The rate where 32 bits are too few for it. */
  rate64: attr(4, "TCA_TBF_RATE64", u64),
  peakRate64: attr(5, "TCA_TBF_PRATE64", u64),
  /** The bucket in bytes; wins over `buffer`. The kernel takes it, and never tells it. */
  burst: attr(6, "TCA_TBF_BURST", u32),
  peakBurst: attr(7, "TCA_TBF_PBURST", u32),
});
export type TbfOptions = Infer<typeof tbfOptions>;

export const qdiscMessage = message(
  tcmsg,
  attributes({ kind, options: attrBy(2, "TCA_OPTIONS", "kind", { tbf: tbfOptions }), ...others }),
);
export type QdiscMessage = Infer<typeof qdiscMessage>;
export type QdiscRequest = Input<typeof qdiscMessage>;

const mirredOptions = attributes({
  times: attr(1, "TCA_MIRRED_TM", bytes),
  params: attr(
    2,
    "TCA_MIRRED_PARMS",
    struct("tc_mirred", {
      number: u32,
      capabilities: u32,
      /** What becomes of the packet itself. */
      verdict: oneOf(i32, { ok: 0, reclassify: 1, shot: 2, pipe: 3, stolen: 4 }),
      references: i32,
      bindings: i32,
      action: oneOf(i32, {
        "egress-redirect": 1,
        "egress-mirror": 2,
        "ingress-redirect": 3,
        "ingress-mirror": 4,
      }),
      /** Of the link that the packet, or its copy, goes to. */
      index: u32,
    }),
  ),
});

const action = attributes({
  kind: attr(1, "TCA_ACT_KIND", cstring),
  options: attrBy(2, "TCA_ACT_OPTIONS", "kind", { mirred: nested(mirredOptions) }),
  number: attr(3, "TCA_ACT_INDEX", u32),
  stats: attr(4, "TCA_ACT_STATS", nested(bytes)),
});

const selectorHead = struct("tc_u32_sel", {
  flags: u8,
  offsetShift: u8,
  keyCount: u8,
  _pad: u8,
  offsetMask: be16,
  offset: u16,
  offsetOfOffset: u16,
  hashOffset: u16,
  hashMask: be32,
});
const selectorKey = struct("tc_u32_key", { mask: be32, value: be32, offset: i32, offsetMask: i32 });

type Selector = Infer<typeof selectorHead> & { keys: Infer<typeof selectorKey>[] };
type SelectorInput = Omit<Input<typeof selectorHead>, "keyCount"> & {
  keys: readonly Input<typeof selectorKey>[];
};

/** What a packet must have at which offsets; `keyCount` follows from the keys. */
const selector: Codec<SelectorInput, Selector> = {
  write(out, { keys, ...head }) {
    selectorHead.write(out, { ...head, keyCount: keys.length });
    for (const key of keys) selectorKey.write(out, key);
  },
  read(from) {
    const head = selectorHead.read(from);
    const keys: Infer<typeof selectorKey>[] = [];
    while (from.left > 0) keys.push(selectorKey.read(from));
    return { ...head, keys };
  },
};

/** TC_U32_TERMINAL: a packet that matches is not looked at any further. */
export const terminal = 1;

const u32Options = attributes({
  classId: attr(1, "TCA_U32_CLASSID", u32),
  hash: attr(2, "TCA_U32_HASH", u32),
  link: attr(3, "TCA_U32_LINK", u32),
  divisor: attr(4, "TCA_U32_DIVISOR", u32),
  selector: attr(5, "TCA_U32_SEL", selector),
  /** Numbered by their order; what is written here has one. */
  actions: attr(7, "TCA_U32_ACT", list(1, "TCA_ACT_TAB", action)),
  hits: attr(9, "TCA_U32_PCNT", bytes),
  flags: attr(11, "TCA_U32_FLAGS", u32),
});
export type U32Options = Infer<typeof u32Options>;

export const filterMessage = message(
  tcmsg,
  attributes({ kind, options: attrBy(2, "TCA_OPTIONS", "kind", { u32: u32Options }), ...others }),
);
export type FilterMessage = Infer<typeof filterMessage>;
export type FilterRequest = Input<typeof filterMessage>;
