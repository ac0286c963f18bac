/** Which messages are replies to ours: RFC 8415 sections 16.3, 16.10 and 18.2.10. */
import { equal } from "../../addr/bytes.ts";
import { attempt, DhcpError, type Reason } from "../errors.ts";
import type { Phase6, State6 } from "./client-state.ts";
import { askedServer } from "./exchange.ts";
import { type Message6, type MessageType6, readMessage6 } from "./message.ts";
import { get6, option6 } from "./options.ts";

export interface Reply6 {
  readonly message: Message6;
  readonly serverId: Uint8Array;
}

const awaited: Readonly<Partial<Record<Phase6, readonly MessageType6[]>>> = {
  soliciting: ["ADVERTISE", "REPLY"],
  requesting: ["REPLY"],
  confirming: ["REPLY"],
  renewing: ["REPLY"],
  rebinding: ["REPLY"],
  declining: ["REPLY"],
  releasing: ["REPLY"],
};

/**
 * Reads a datagram as a reply to what the client last sent; undefined if it waits for none, or if
 * this is an offer that comes after another was taken.
 * @throws {DhcpError} with the reason why it does not count
 */
export function readReply6(state: State6, payload: Uint8Array): Reply6 | undefined {
  const types = awaited[state.phase];
  if (!types || state.tries === 0) return undefined;
  const message = readMessage6(payload);
  if (!types.includes(message.type)) {
    if (message.type === "ADVERTISE") return undefined;
    throw drop("unexpected message", message.type);
  }
  if (message.xid !== state.xid) throw drop("wrong xid");
  const clientId = get6(message.options, option6.clientId);
  if (!clientId || !equal(clientId, state.config.duid)) throw drop("other client");
  const serverId = get6(message.options, option6.serverId);
  if (!serverId || serverId.length === 0) throw drop("no server identifier");
  const asked = askedServer(state);
  if (asked && !equal(serverId, asked.serverId)) throw drop("other server");
  // A server grants at once only if it says so: RFC 8415 section 18.2.1.
  if (state.phase === "soliciting" && message.type === "REPLY") {
    const isRapid = state.config.rapidCommit && get6(message.options, option6.rapidCommit);
    if (!isRapid) throw drop("unexpected message", message.type);
  }
  return { message, serverId };
}

/** SOL_MAX_RT of a message, if it has one within the limits of RFC 8415 section 21.24. */
export function solMaxRtOf({ options }: Message6): number | undefined {
  const seconds = attempt(() => get6(options, option6.solMaxRt));
  return seconds !== undefined && seconds >= 60 && seconds <= 86400 ? seconds : undefined;
}

function drop(reason: Reason, detail?: string): DhcpError {
  return new DhcpError(reason, `Cannot take reply: ${reason}${detail ? ` (${detail})` : ""}`);
}
