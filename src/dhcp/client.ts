/**
 * A DHCPv4 client as a pure function: what it knows and what happens lead to what it knows then and
 * what is to be done. It opens no socket and reads no clock.
 *
 *     let { state, actions } = step(createClient(config), { kind: "start" }, { now, random });
 *     // send what `actions` say; poll until `state.wakeAt` or a datagram; step again
 *
 * In every state there is a timer (`wakeAt`), or the lease has no end, or the client has ended.
 * The states are those of RFC 2131 figure 5.
 */
import { begin, discover, fail, refused, request, restart, select } from "./acquiring.ts";
import { serverText } from "./client-messages.ts";
import {
  type Env,
  type Event,
  ended,
  log,
  type State,
  type Step,
  type Turn,
} from "./client-state.ts";
import { DhcpError, type Reason } from "./errors.ts";
import { askAgain, bind, decline, keep, lose, release, sendRelease, verify } from "./keeping.ts";
import { type Lease, readLease } from "./lease.ts";
import { type Reply, readReply } from "./replies.ts";
import { noMoreTries, tick } from "./tally.ts";

export * from "./client-state.ts";

/** One step. Events that make no sense in a state change nothing. */
export function step(state: State, event: Event, { now, random }: Env): Step {
  const turn: Turn = { now, random, actions: [] };
  const next = state.phase === "ended" ? state : react(state, event, turn);
  return { state: next, actions: turn.actions };
}

function react(state: State, event: Event, turn: Turn): State {
  const { lease, phase } = state;
  switch (event.kind) {
    case "start": {
      if (phase !== "idle") return state;
      const deadline = turn.now + state.config.timing.resendTimeout;
      return begin(state, turn, deadline, { hint: event.hint });
    }
    case "resume":
      if (phase !== "idle") return state;
      return keep({ ...state, lease: event.lease }, turn, event.lease);
    case "verify":
      return lease ? verify(state, turn, lease) : state;
    case "timer":
      return turn.now < state.wakeAt ? state : onTimer(state, turn);
    case "received":
      return onReceived(state, turn, event.payload, event.mac);
    case "dropped":
      return drop(state, turn, event.reason);
    case "sendFailed":
      return { ...state, tally: tick(state.tally, "failed", event.why) };
    case "conflict":
      return lease ? decline(state, turn, lease) : state;
    case "release":
      return lease ? release(state, turn, lease) : ended(state);
    case "linkGone":
      if (lease) turn.actions.push({ kind: "lost", lease, why: "link gone" });
      return ended(state);
  }
}

function onTimer(state: State, turn: Turn): State {
  const { phase, lease } = state;
  if (phase === "rebooting" && lease) return askAgain(state, turn, lease);
  if (lease) return keep(state, turn, lease);
  if (turn.now >= state.deadline) return fail(state, turn, noMoreTries);
  if (phase === "init") return restart(state, turn, 0);
  return phase === "requesting" ? request(state, turn) : discover(state, turn);
}

function onReceived(state: State, turn: Turn, payload: Uint8Array, mac?: Uint8Array): State {
  try {
    const reply = readReply(state, payload);
    return reply ? onReply(state, turn, reply, mac) : state;
  } catch (error) {
    if (!(error instanceof DhcpError)) throw error;
    return drop(state, turn, error.reason);
  }
}

/** Counts what did not count; the log tells of each reason once. */
function drop(state: State, turn: Turn, reason: Reason): State {
  if (!state.tally.dropped[reason]) log(turn, `dropped a reply: ${reason}`);
  return { ...state, tally: tick(state.tally, "dropped", reason) };
}

function onReply(state: State, turn: Turn, reply: Reply, mac?: Uint8Array): State {
  const { type, message, serverId } = reply;
  if (type === "OFFER" && serverId) {
    const offer = { address: message.yiaddr, serverId };
    return select({ ...state, tally: tick(state.tally, "received", type) }, turn, offer);
  }
  if (type === "NAK") {
    log(turn, `the server refuses${serverText(reply.text)}`);
    const counted: State = { ...state, tally: tick(state.tally, "received", type) };
    return state.lease ? lose(counted, turn, state.lease, "refused") : refused(counted, turn);
  }
  return onGrant(state, turn, reply, mac);
}

function onGrant(state: State, turn: Turn, { type, message }: Reply, mac?: Uint8Array): State {
  let lease: Lease;
  try {
    lease = readLease(message, state.sentAt, state.lease, mac);
  } catch (error) {
    const { offer, deadline } = state;
    if (!(error instanceof DhcpError) || error.reason !== "no subnet mask" || !offer) throw error;
    // The server believes that we have it now. Nothing else will come from this one.
    sendRelease(state, turn, offer);
    return deadline < Infinity ? fail(state, turn, error.reason) : refused(state, turn);
  }
  return bind({ ...state, tally: tick(state.tally, "received", type) }, turn, lease);
}
