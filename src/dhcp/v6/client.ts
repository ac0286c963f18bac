/**
 * A DHCPv6 client for one address association (IA_NA), as a pure function like that of DHCPv4.
 *
 * In every state there is a timer (`wakeAt`), or the lease has no end, or the client has ended.
 * RFC 8415 section 18.2.
 */
import { formatIp } from "../../addr/ip.ts";
import { DhcpError } from "../errors.ts";
import { describe, tick } from "../tally.ts";
import { printable } from "../text.ts";
import {
  type Env,
  type Event6,
  ended6,
  log6,
  type State6,
  type Step6,
  type Turn6,
} from "./client-state.ts";
import { isExhausted, send } from "./exchange.ts";
import {
  again,
  confirm,
  fail,
  firstDelay,
  keep,
  leave,
  lose,
  request,
  solicit,
} from "./keeping.ts";
import { givesSame6, IaError, type Lease6, readLease6 } from "./lease.ts";
import { get6, option6, statusCodes } from "./options.ts";
import { type Reply6, readReply6, solMaxRtOf } from "./replies.ts";

export * from "./client-state.ts";

/** An offer that is taken without waiting for others: RFC 8415 section 18.2.1. */
const bestPreference = 255;

/** One step. Events that make no sense in a state change nothing. */
export function step6(state: State6, event: Event6, { now, random }: Env): Step6 {
  const turn: Turn6 = { now, random, actions: [] };
  const next = state.phase === "ended" ? state : react(state, event, turn);
  return { state: next, actions: turn.actions };
}

function react(state: State6, event: Event6, turn: Turn6): State6 {
  const { lease, phase } = state;
  switch (event.kind) {
    case "start":
      // Somebody waits, so the first SOLICIT is not delayed.
      return phase === "idle"
        ? solicit(state, turn, turn.now + state.config.resendTimeout, 0)
        : state;
    case "resume":
      if (phase !== "idle") return state;
      return keep({ ...state, lease: event.lease }, turn, event.lease);
    case "verify":
      return lease ? confirm(state, turn) : state;
    case "timer":
      return turn.now < state.wakeAt ? state : onTimer(state, turn);
    case "received":
      return onReceived(state, turn, event.payload);
    case "sendFailed":
      return { ...state, tally: tick(state.tally, "failed", event.why) };
    case "conflict":
      return lease ? leave(state, turn, lease, "declining") : state;
    case "release":
      if (phase === "releasing") return state;
      return lease ? leave(state, turn, lease, "releasing") : ended6(state);
    case "linkGone":
      if (lease) turn.actions.push({ kind: "lost", lease, why: "link gone" });
      return phase === "releasing" ? dropped(state, turn, "the link is gone") : ended6(state);
  }
}

/** What could not be given back: the server cannot know. */
function dropped(state: State6, turn: Turn6, why: string): State6 {
  log6(turn, `${why}: the lease is dropped, it expires by itself`);
  return ended6(state);
}

function onTimer(state: State6, turn: Turn6): State6 {
  const { phase, lease, offer } = state;
  const { now } = turn;
  switch (phase) {
    case "soliciting":
      if (now >= state.deadline) return fail(state, turn);
      return offer ? request(state, turn, offer) : send(state, turn);
    case "requesting":
      if (!lease && now >= state.deadline) return fail(state, turn);
      if (!isExhausted(state, now) && now < (lease?.expiry ?? Infinity)) return send(state, turn);
      return lease ? keep(state, turn, lease) : again(state, turn, "no answer to REQUEST");
    case "releasing":
      if (!isExhausted(state, now)) return send(state, turn);
      return dropped(state, turn, "no answer to RELEASE");
    case "declining":
      return isExhausted(state, now) ? declined(state, turn) : send(state, turn);
    case "confirming":
      if (!lease) return state;
      if (now >= lease.expiry) return keep(state, turn, lease);
      if (!isExhausted(state, now)) return send(state, turn);
      // Nobody says that it is wrong here: RFC 8415 section 18.2.3.
      log6(turn, `nobody confirms the lease: ${describe(state.tally)}`);
      return keep({ ...state, wakeAt: Infinity }, turn, lease);
    default:
      return lease ? keep(state, turn, lease) : state;
  }
}

function onReceived(state: State6, turn: Turn6, payload: Uint8Array): State6 {
  let next = state;
  try {
    const reply = readReply6(state, payload);
    if (!reply) return state;
    // Counts even where the server has no lease: RFC 8415 section 18.2.9.
    next = { ...state, solMaxRt: solMaxRtOf(reply.message) ?? state.solMaxRt };
    return onReply(next, turn, reply);
  } catch (error) {
    if (!(error instanceof DhcpError)) throw error;
    return drop(next, turn, error);
  }
}

/** Counts what did not count; the log tells of each reason once. */
function drop(state: State6, turn: Turn6, { reason, message }: DhcpError): State6 {
  if (!state.tally.dropped[reason]) log6(turn, `dropped a reply: ${printable(message)}`);
  return { ...state, tally: tick(state.tally, "dropped", reason) };
}

function onReply(state: State6, turn: Turn6, reply: Reply6): State6 {
  const counted = { ...state, tally: tick(state.tally, "received", reply.message.type) };
  switch (state.phase) {
    case "releasing":
      return ended6(counted);
    case "declining":
      return declined(counted, turn);
    case "confirming":
      return onConfirmed(counted, turn, reply);
    default:
      return reply.message.type === "ADVERTISE"
        ? onAdvertise(counted, turn, reply)
        : onGrant(counted, turn, reply);
  }
}

/** DECLINE is done; the server gives another address now. */
function declined(state: State6, turn: Turn6): State6 {
  return solicit(state, turn, state.deadline, firstDelay(turn));
}

/** The first retransmission time is for collecting offers; after it the first one is taken. */
function onAdvertise(state: State6, turn: Turn6, { message, serverId }: Reply6): State6 {
  const lease = readLease6(message.options, state.config.iaid, serverId, state.sentAt);
  const preference = get6(message.options, option6.preference) ?? 0;
  const offer = { lease, preference };
  log6(turn, `a server offers ${addressesOf(lease)}`);
  if (preference === bestPreference || state.tries > 1) return request(state, turn, offer);
  return preference > (state.offer?.preference ?? -1) ? { ...state, offer } : state;
}

/** RFC 8415 section 18.2.10.3: anything but "not on link" says that the addresses are right. */
function onConfirmed(state: State6, turn: Turn6, { message }: Reply6): State6 {
  const { lease } = state;
  if (!lease) return state;
  const status = get6(message.options, option6.status)?.code ?? statusCodes.success;
  if (status === statusCodes.notOnLink) return lose(state, turn, lease, "refused");
  return keep({ ...state, wakeAt: Infinity }, turn, lease);
}

/** RFC 8415 section 18.2.10.1. */
function onGrant(state: State6, turn: Turn6, { message, serverId }: Reply6): State6 {
  const { config, lease: previous } = state;
  let lease: Lease6;
  try {
    lease = readLease6(message.options, config.iaid, serverId, state.sentAt);
  } catch (error) {
    if (!(error instanceof IaError) || error.status === undefined) throw error;
    return onRefusal(state, turn, error, serverId);
  }
  if (!previous) turn.actions.push({ kind: "bound", lease });
  else {
    const changed = !givesSame6(lease, previous);
    turn.actions.push({ kind: "renewed", lease, previous, changed });
  }
  const rested = { ...state, phase: "bound", refusals: 0, lease, wakeAt: Infinity } as const;
  return keep(rested, turn, lease);
}

/** The server has an answer, but no lease. */
function onRefusal(state: State6, turn: Turn6, error: IaError, serverId: Uint8Array): State6 {
  const { phase, lease } = state;
  const { noBinding, notOnLink, noAddrsAvail } = statusCodes;
  const isFinal = error.status === noAddrsAvail || error.status === notOnLink;
  // Otherwise the server may do better when it is asked again.
  if (!lease) {
    if (isFinal) return again(state, turn, printable(error.message));
    throw error;
  }
  if (isFinal) return lose(state, turn, lease, "refused");
  if (error.status !== noBinding || phase === "requesting") throw error;
  // It has forgotten the lease, and may give it again.
  log6(turn, `${printable(error.message)}: asking for the addresses anew`);
  const offer = { lease: { ...lease, serverId }, preference: 0 };
  return request(state, turn, offer);
}

function addressesOf({ addresses }: Lease6): string {
  return addresses.map(({ address }) => formatIp(address)).join(" ");
}
