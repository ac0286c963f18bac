/**
 * The frame around every netlink request and answer: `nlmsghdr`, acknowledgements with the kernel's
 * own words (extended ack), the end of a dump.
 *
 *      0       4     6     8       12     16
 *      | length | type | flags | sequence | port | payload, padded to a multiple of 4
 *
 * Source: include/uapi/linux/netlink.h.
 */
import { attr, attributes } from "./attr.ts";
import { bytes, type Codec, cstring, type Infer, struct, u16, u32 } from "./codec.ts";
import { type Mark, Reader, WireError, Writer } from "./wire.ts";

/** NLMSG_*: the types below 16, which all families share. */
export const controlTypes = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** NLM_F_*. A bit from 0x100 up means one thing with GET, another with NEW, DEL, or an answer. */
export const messageFlags = {
  request: 0x01,
  multi: 0x02,
  ack: 0x04,
  echo: 0x08,
  dumpInterrupted: 0x10,
  dumpFiltered: 0x20,
  // GET
  root: 0x100,
  match: 0x200,
  atomic: 0x400,
  dump: 0x300,
  // NEW
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  // DEL
  nonRecursive: 0x100,
  bulk: 0x200,
  // acknowledgements
  capped: 0x100,
  ackTlvs: 0x200,
} as const;

export const headerSize = 16;

/** The header of a message: `struct nlmsghdr`. */
export interface Header {
  type: number;
  flags: number;
  sequence: number;
  /** Of the socket that asked; 0 in what the kernel sends unasked. */
  port: number;
}

/** Appends a whole message. */
export function writeMessage<In>(
  out: Writer,
  type: number,
  flags: number,
  sequence: number,
  payload: Codec<In, unknown>,
  value: In,
): void {
  out.align();
  const start = out.reserve(headerSize);
  payload.write(out, value);
  out.wordAt(start, out.length - start);
  out.pairAt(start + 4, type, flags);
  out.wordAt(start + 8, sequence);
}

/**
 * Shows each message of a datagram in turn, until `visit` returns true.
 * @returns whether it did
 */
export function eachMessage(
  datagram: Uint8Array,
  visit: (header: Header, payload: Reader) => boolean,
): boolean {
  const from = new Reader(datagram);
  while (from.left >= headerSize) {
    const start = from.at;
    const length = from.u32();
    const header = { type: from.u16(), flags: from.u16(), sequence: from.u32(), port: from.u32() };
    if (length < headerSize || length > from.end - start) {
      throw new WireError(`message of ${length} bytes in a datagram of ${from.end - start}`);
    }
    if (visit(header, from.window(length - headerSize))) return true;
    from.align();
  }
  return false;
}

// ── acknowledgements ──────────────────────────────────────────────────────────────────────────

/** NLMSGERR_ATTR_*: what the kernel adds to an acknowledgement when NETLINK_EXT_ACK is on. */
export const extendedAck = attributes({
  text: attr(1, "NLMSGERR_ATTR_MSG", cstring),
  offset: attr(2, "NLMSGERR_ATTR_OFFS", u32),
  cookie: attr(3, "NLMSGERR_ATTR_COOKIE", bytes),
  policy: attr(4, "NLMSGERR_ATTR_POLICY", bytes),
  missingType: attr(5, "NLMSGERR_ATTR_MISS_TYPE", u32),
  missingNest: attr(6, "NLMSGERR_ATTR_MISS_NEST", u32),
});
export type ExtendedAck = Infer<typeof extendedAck>;

/** How a request ended. */
export interface Ack extends ExtendedAck {
  /** The kernel's error number, positive; 0 is success. */
  errno: number;
}

/** Reads an NLMSG_ERROR: the errno, the header of the request (all of it if not capped), words. */
export function readAck(header: Header, payload: Reader): Ack {
  const errno = -payload.i32();
  const length = payload.u32();
  payload.window(headerSize - 4);
  // The kernel repeats the request unless all went well or NETLINK_CAP_ACK is on.
  if (errno !== 0 && (header.flags & messageFlags.capped) === 0) {
    payload.window(Math.min(payload.left, ((length + 3) & ~3) - headerSize));
  }
  return withWords(errno, header, payload);
}

/** Reads an NLMSG_DONE: the errno that ended the dump, if any, and the kernel's words. */
export function readDone(header: Header, payload: Reader): Ack {
  // Very old kernels, and netfilter's, end a dump without a number.
  const errno = payload.left >= 4 ? -payload.i32() : 0;
  return withWords(errno, header, payload);
}

function withWords(errno: number, header: Header, payload: Reader): Ack {
  const words = header.flags & messageFlags.ackTlvs ? extendedAck.read(payload) : undefined;
  return { ...words, errno: errno === 0 ? 0 : errno };
}

/**
 * The attribute of a request that an ack is about, e.g. `IFLA_LINKINFO: IFLA_INFO_KIND`, or
 * `missing IFA_LOCAL`; undefined if it names none. Encodes the request once more to see what lay where.
 */
export function attributeOf<In>(
  ack: ExtendedAck,
  payload: Codec<In, unknown>,
  value: In,
): string | undefined {
  const { offset, missingType, missingNest } = ack;
  if (offset === undefined && missingType === undefined) return undefined;
  const out = new Writer();
  out.marks = [];
  payload.write(out, value);
  if (missingType !== undefined) {
    const nest = missingNest === undefined ? [] : around(out.marks, missingNest - headerSize);
    const inner = missingNest === undefined ? payload : nest[nest.length - 1];
    const name = inner?.nameOf?.(missingType) ?? `attribute ${missingType}`;
    return `missing ${[...nest.map((mark) => mark.kernelName), name].join(": ")}`;
  }
  const found = around(out.marks, (offset as number) - headerSize);
  return found.length > 0 ? found.map((mark) => mark.kernelName).join(": ") : undefined;
}

/** The attributes that a byte is in, outermost first. */
function around(marks: Mark[], at: number): Mark[] {
  return marks
    .filter((mark) => mark.start <= at && at < mark.end)
    .sort((a, b) => a.start - b.start || b.end - a.end);
}

// ── socket addresses ──────────────────────────────────────────────────────────────────────────

/** `sockaddr_nl`: the kernel is port 0. */
export const socketAddress = struct("sockaddr_nl", {
  family: u16,
  _pad: u16,
  port: u32,
  groups: u32,
});
