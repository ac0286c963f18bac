/**
 * The message of BOOTP and DHCPv4.
 *
 *     0        1        2        3
 *     op       htype    hlen     hops        4
 *     xid                                    8
 *     secs              flags               12
 *     ciaddr   yiaddr   siaddr   giaddr     28
 *     chaddr, 16 bytes                      44
 *     sname, 64 bytes                      108
 *     file, 128 bytes                      236
 *     magic cookie 63 82 53 63             240
 *     options ... end, padding
 *
 * RFC 951 and RFC 2131 section 2; options in `file` and `sname` by RFC 2132 section 9.3.
 */
import { readU16be, readU32be, u16be, u32be } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { DhcpError } from "./errors.ts";
import {
  get,
  type MessageType,
  messageTypes,
  type Options,
  OptionsReader,
  option4,
  writeOptions,
} from "./options.ts";

export interface Message {
  op: "request" | "reply";
  /** ARPHRD_*: 1 is Ethernet. */
  htype: number;
  hops: number;
  xid: number;
  /** Seconds since the client began. */
  secs: number;
  /** The server is to broadcast what it answers: the client has no address yet to get it by. */
  broadcast: boolean;
  ciaddr: Ip;
  yiaddr: Ip;
  siaddr: Ip;
  giaddr: Ip;
  /** As many bytes as `hlen` says; none if the address is too long for the field (RFC 4390). */
  chaddr: Uint8Array;
  options: Options;
}

export const noIp: Ip = new Uint8Array(4);

const ops = { request: 1, reply: 2 } as const;
const cookie = 0x63825363;
const optionsAt = 240;
const sname = { at: 44, length: 64 };
const file = { at: 108, length: 128 };
const broadcastFlag = 0x8000;

/** What relays and old servers need at least: BOOTP's fixed size (RFC 1542 section 2.1). */
export const minimumSize = 300;

/** All fields of a client's message that are mostly zero. */
export const emptyMessage: Readonly<Message> = {
  op: "request",
  htype: 1,
  hops: 0,
  xid: 0,
  secs: 0,
  broadcast: false,
  ciaddr: noIp,
  yiaddr: noIp,
  siaddr: noIp,
  giaddr: noIp,
  chaddr: new Uint8Array(0),
  options: new Map(),
};

/**
 * The bytes of a message, padded to 300 of them.
 * @param maximum what the other side takes at most, without the headers of IP and UDP
 * @throws {DhcpError} malformed message: it does not fit
 */
export function writeMessage(message: Message, maximum = 1472): Uint8Array {
  const options = writeOptions(message.options);
  const size = optionsAt + options.length;
  if (size > maximum) {
    const why = `it has ${size} bytes, and ${maximum} are allowed`;
    throw new DhcpError("malformed message", `Cannot write message: ${why}`);
  }
  if (message.chaddr.length > 16) {
    throw new DhcpError("malformed message", "Cannot write message: chaddr has room for 16 bytes");
  }
  const bytes = new Uint8Array(Math.max(size, minimumSize));
  bytes.set([ops[message.op], message.htype, message.chaddr.length, message.hops]);
  bytes.set(u32be(message.xid), 4);
  bytes.set(u16be(Math.min(message.secs, 0xffff)), 8);
  bytes.set(u16be(message.broadcast ? broadcastFlag : 0), 10);
  bytes.set(message.ciaddr, 12);
  bytes.set(message.yiaddr, 16);
  bytes.set(message.siaddr, 20);
  bytes.set(message.giaddr, 24);
  bytes.set(message.chaddr, 28);
  bytes.set(u32be(cookie), optionsAt - 4);
  bytes.set(options, optionsAt);
  return bytes;
}

/**
 * Reads a message. Options in `file` and `sname` count where option 52 says so, and option 52 itself
 * is used up; what else these fields hold is for booting, and is not read.
 * @throws {DhcpError} truncated message, no magic cookie, malformed message, malformed option
 */
export function readMessage(bytes: Uint8Array): Message {
  if (bytes.length < optionsAt) {
    const why = `it has ${bytes.length} bytes, and ${optionsAt} are the least`;
    throw new DhcpError("truncated message", `Cannot read message: ${why}`);
  }
  if (readU32be(bytes, optionsAt - 4) !== cookie) {
    throw new DhcpError("no magic cookie", "Cannot read message: it is BOOTP without options");
  }
  const [op, htype, hlen, hops] = bytes as unknown as [number, number, number, number];
  if ((op !== ops.request && op !== ops.reply) || hlen > 16) {
    throw new DhcpError("malformed message", `Cannot read message: op ${op}, hlen ${hlen}`);
  }
  return {
    op: op === ops.request ? "request" : "reply",
    htype,
    hops,
    xid: readU32be(bytes, 4),
    secs: readU16be(bytes, 8),
    broadcast: (readU16be(bytes, 10) & broadcastFlag) !== 0,
    ciaddr: bytes.slice(12, 16),
    yiaddr: bytes.slice(16, 20),
    siaddr: bytes.slice(20, 24),
    giaddr: bytes.slice(24, 28),
    chaddr: bytes.slice(28, 28 + hlen),
    options: readAllOptions(bytes),
  };
}

function readAllOptions(bytes: Uint8Array): Options {
  const reader = new OptionsReader();
  reader.read(bytes.subarray(optionsAt));
  const overload = reader.value(option4.overload.code);
  if (overload === undefined) return reader.options();
  const which = option4.overload.value.read(overload);
  if (which < 1 || which > 3) {
    throw new DhcpError("malformed option", `Cannot read message: overload is ${which}`);
  }
  // The order is that of RFC 3396 section 5: first `file`, then `sname`.
  for (const [bit, field] of [[1, file] as const, [2, sname] as const]) {
    if (which & bit) reader.read(bytes.subarray(field.at, field.at + field.length));
  }
  const options = new Map(reader.options());
  options.delete(option4.overload.code);
  return options;
}

const typeNames = new Map<number, MessageType>();
for (const [name, number] of Object.entries(messageTypes)) {
  typeNames.set(number, name as MessageType);
}

/** The name of the message's type; undefined without option 53, or if it is none of these. */
export function typeOf(message: Message): MessageType | undefined {
  const number = get(message.options, option4.messageType);
  return number === undefined ? undefined : typeNames.get(number);
}
