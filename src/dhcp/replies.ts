/** Which messages are replies to ours: RFC 2131 sections 4.4.1, 4.4.4 and 4.4.5. */
import { equal } from "../addr/bytes.ts";
import { type Ip, isUnspecified } from "../addr/ip.ts";
import { clientIdOf } from "./client-messages.ts";
import type { Phase, State } from "./client-state.ts";
import { DhcpError, type Reason } from "./errors.ts";
import { type Message, readMessage, typeOf } from "./message.ts";
import { get, type MessageType, option4 } from "./options.ts";

export interface Reply {
  readonly type: MessageType;
  readonly message: Message;
  readonly serverId: Ip | undefined;
  /** Option 56 of a refusal. */
  readonly text: string | undefined;
}

/** What each phase waits for. */
const awaited: Partial<Record<Phase, readonly MessageType[]>> = {
  selecting: ["OFFER"],
  requesting: ["ACK", "NAK"],
  rebooting: ["ACK", "NAK"],
  renewing: ["ACK", "NAK"],
  rebinding: ["ACK", "NAK"],
};

/**
 * Reads a datagram as a reply to what the client last sent; undefined if it waits for none, or if
 * this is an offer that comes after another was taken.
 * @throws {DhcpError} with the reason why it does not count
 */
export function readReply(state: State, payload: Uint8Array): Reply | undefined {
  const types = awaited[state.phase];
  if (!types) return undefined;
  const message = readMessage(payload);
  checkAddressee(state, message);
  const type = typeOf(message);
  if (!type) throw drop("no message type");
  if (!types.includes(type)) {
    if (type === "OFFER") return undefined;
    throw drop("unexpected message", type);
  }
  const serverId = get(message.options, option4.serverId);
  checkServer(state, type, serverId);
  if (type === "OFFER" && isUnspecified(message.yiaddr)) throw drop("no address");
  return { type, message, serverId, text: get(message.options, option4.message) };
}

function checkAddressee({ config, xid }: State, { op, chaddr, ...message }: Message): void {
  if (op !== "reply") throw drop("not a reply");
  if (chaddr.length > 0 && !equal(chaddr, config.mac)) throw drop("other hardware address");
  if (message.xid !== xid) throw drop("wrong xid");
  // Servers of RFC 6842 repeat the identifier. Links with the same MAC differ in nothing else.
  const clientId = get(message.options, option4.clientId);
  if (clientId && !equal(clientId, clientIdOf(config))) throw drop("other client");
}

/**
 * The server that was chosen answers in REQUESTING; elsewhere any may grant, for servers come in
 * pairs, but while RENEWING only the one that was asked may refuse.
 */
function checkServer({ phase, offer, lease }: State, type: MessageType, serverId: Ip | undefined) {
  const asked = phase === "requesting" ? offer?.serverId : lease?.serverId;
  const isBound = phase === "requesting" || (phase === "renewing" && type === "NAK");
  if (!serverId) {
    if (phase === "selecting" || isBound) throw drop("no server identifier");
  } else if (isBound && asked && !equal(serverId, asked)) throw drop("other server");
}

function drop(reason: Reason, detail?: string): DhcpError {
  return new DhcpError(reason, `Cannot take reply: ${reason}${detail ? ` (${detail})` : ""}`);
}
