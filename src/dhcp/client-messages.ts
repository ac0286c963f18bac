/** The messages that a client sends: RFC 2131 section 4.4.1, table 5. */
import type { Ip } from "../addr/ip.ts";
import type { ClientConfig, State, Turn } from "./client-state.ts";
import { emptyMessage, type Message, noIp, writeMessage } from "./message.ts";
import { entry, type MessageType, messageTypes, type Options, option4 } from "./options.ts";
import { printable } from "./text.ts";

export const everyone: Ip = Uint8Array.of(255, 255, 255, 255);

/** The largest message that we take, as the reference says it. */
const maximumSize = 1500;

/** ARPHRD_* of a link whose addresses have no room in the message: RFC 4390. */
const maximumMac = 16;

/** What differs between messages. */
interface Parts {
  xid: number;
  secs: number;
  broadcast: boolean;
  /** The address in use. */
  ciaddr?: Ip;
  /** Options 50 and 54. */
  requested?: Ip | undefined;
  serverId?: Ip;
  /** Option 56, for people. */
  text?: string;
}

/** DISCOVER. `hint` is an address to ask for. */
export function discoverMessage(state: State, hint?: Ip): Uint8Array {
  const { xid, secs } = state;
  const parts = { xid, secs, broadcast: wantsBroadcast(state), requested: hint };
  return asking(state.config, "DISCOVER", parts);
}

/** REQUEST in SELECTING; it has the `secs` of the DISCOVER, so that relays treat both alike. */
export function requestMessage(state: State, requested: Ip, serverId: Ip): Uint8Array {
  const { xid, secs } = state;
  const parts = { xid, secs, broadcast: wantsBroadcast(state), requested, serverId };
  return asking(state.config, "REQUEST", parts);
}

/** REQUEST in INIT-REBOOT: names the address, and no server. */
export function rebootMessage(state: State, requested: Ip): Uint8Array {
  const { xid, secs } = state;
  const parts = { xid, secs, broadcast: wantsBroadcast(state), requested };
  return asking(state.config, "REQUEST", parts);
}

/** REQUEST in RENEWING and REBINDING: the address is in use, so replies come to it. */
export function renewMessage(state: State, ciaddr: Ip): Uint8Array {
  const { xid, secs } = state;
  return asking(state.config, "REQUEST", { xid, secs, broadcast: false, ciaddr });
}

/** RELEASE: RFC 2131 section 4.4.6. */
export function releaseMessage(config: ClientConfig, xid: number, ciaddr: Ip, serverId: Ip) {
  return telling(config, "RELEASE", { xid, secs: 0, broadcast: false, ciaddr, serverId });
}

/** DECLINE: RFC 2131 section 3.1.5. */
export function declineMessage(config: ClientConfig, xid: number, requested: Ip, serverId: Ip) {
  const text = "the address is in use";
  const parts = { xid, secs: 0, broadcast: false, requested, serverId, text };
  return telling(config, "DECLINE", parts);
}

/** Where replies to the first two messages of a kind got lost, broadcast ones may get through. */
function wantsBroadcast({ config, tries }: State): boolean {
  return config.broadcast || tries >= 2 || config.mac.length > maximumMac;
}

function asking(config: ClientConfig, type: MessageType, parts: Parts): Uint8Array {
  const options = new Map([
    ...ownOptions(config, type, parts),
    entry(option4.requestList, config.requestList),
    entry(option4.maxMessageSize, maximumSize),
    ...config.send,
  ]);
  return write(config, parts, options);
}

/** The server is told something, and not asked: of the options to send, only the identifier counts. */
function telling(config: ClientConfig, type: MessageType, parts: Parts): Uint8Array {
  return write(config, parts, ownOptions(config, type, parts));
}

/** The value of option 61. */
export function clientIdOf({ clientId, send }: ClientConfig): Uint8Array {
  return send.get(option4.clientId.code) ?? clientId;
}

function ownOptions(config: ClientConfig, type: MessageType, parts: Parts) {
  const { requested, serverId, text } = parts;
  const options = new Map([
    entry(option4.messageType, messageTypes[type]),
    entry(option4.clientId, clientIdOf(config)),
  ]);
  if (requested) options.set(...entry(option4.requestedAddress, requested));
  if (serverId) options.set(...entry(option4.serverId, serverId));
  if (text) options.set(...entry(option4.message, text));
  return options;
}

function write(config: ClientConfig, parts: Parts, options: Options): Uint8Array {
  const message: Message = {
    ...emptyMessage,
    htype: config.hardwareType ?? 1,
    xid: parts.xid,
    secs: parts.secs,
    broadcast: parts.broadcast,
    ciaddr: parts.ciaddr ?? noIp,
    chaddr: config.mac.length > maximumMac ? new Uint8Array(0) : config.mac,
    options,
  };
  return writeMessage(message);
}

/** A transaction number. */
export function newXid(turn: Turn): number {
  return Math.floor(turn.random() * 0x100000000) >>> 0;
}

/** The text of option 56 after a colon, if a server gave one. */
export function serverText(text: string | undefined): string {
  return text ? `: ${printable(text)}` : "";
}
