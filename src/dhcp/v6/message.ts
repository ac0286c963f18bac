/**
 * Messages between a DHCPv6 client and a server: type (1 byte), transaction id (3), options.
 *
 * RFC 8415 section 8. They go from port 546 of the link-local address to port 547 of ff02::1:2.
 */
import { concat, u32be } from "../../addr/bytes.ts";
import type { Ip } from "../../addr/ip.ts";
import { DhcpError } from "../errors.ts";
import { type Options6, readOptions6, writeOptions6 } from "./options.ts";

export const ports6 = { client: 546, server: 547 } as const;

/** All_DHCP_Relay_Agents_and_Servers, ff02::1:2. */
export const allServers: Ip = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2);

/** RFC 8415 section 7.3, without what only servers and relays say to each other. */
export const messageTypes6 = {
  SOLICIT: 1,
  ADVERTISE: 2,
  REQUEST: 3,
  CONFIRM: 4,
  RENEW: 5,
  REBIND: 6,
  REPLY: 7,
  RELEASE: 8,
  DECLINE: 9,
  RECONFIGURE: 10,
  "INFORMATION-REQUEST": 11,
} as const;

export type MessageType6 = keyof typeof messageTypes6;

export interface Message6 {
  type: MessageType6;
  /** 24 bits. */
  xid: number;
  options: Options6;
}

const typeNames = new Map<number, MessageType6>();
for (const [name, number] of Object.entries(messageTypes6)) {
  typeNames.set(number, name as MessageType6);
}

export function writeMessage6({ type, xid, options }: Message6): Uint8Array {
  return concat(Uint8Array.of(messageTypes6[type]), u32be(xid).subarray(1), writeOptions6(options));
}

/** @throws {DhcpError} truncated message, no message type, malformed message */
export function readMessage6(bytes: Uint8Array): Message6 {
  const [number, high, middle, low] = bytes;
  if (number === undefined || high === undefined || middle === undefined || low === undefined) {
    throw new DhcpError("truncated message", `Cannot read message: it has ${bytes.length} bytes`);
  }
  const type = typeNames.get(number);
  if (!type) throw new DhcpError("no message type", `Cannot read message: its type is ${number}`);
  const xid = high * 0x10000 + middle * 0x100 + low;
  return { type, xid, options: readOptions6(bytes.subarray(4)) };
}
