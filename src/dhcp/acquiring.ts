/** From nothing to an offer that is requested: INIT, SELECTING, REQUESTING of RFC 2131 section 3.1. */
import { formatIp, type Ip } from "../addr/ip.ts";
import { discoverMessage, everyone, newXid, requestMessage } from "./client-messages.ts";
import { ended, log, type Offer, type State, type Turn } from "./client-state.ts";
import { noIp } from "./message.ts";
import type { MessageType } from "./options.ts";
import { retryWait } from "./retransmit.ts";
import { describe, emptyTally, tick } from "./tally.ts";

/** How often REQUEST is sent before the offer is forgotten: a minute, as RFC 2131 section 3.1.5 has it. */
export const requestTries = 4;

/**
 * Begins to look for a lease, after `delay` seconds.
 * @param deadline when it is given up
 */
export function begin(
  state: State,
  turn: Turn,
  deadline: number,
  { hint, delay = 0, refusals = 0 }: { hint?: Ip | undefined; delay?: number; refusals?: number },
): State {
  const { now } = turn;
  const fresh = { ...state, deadline, refusals, since: now, lease: undefined, tally: emptyTally };
  return restart(fresh, turn, delay, hint);
}

/** Begins again from DISCOVER, within the same acquisition. */
export function restart(state: State, turn: Turn, delay: number, hint?: Ip): State {
  if (delay === 0) return discover({ ...state, tries: 0 }, turn, hint);
  const wakeAt = Math.min(turn.now + delay, state.deadline);
  return { ...state, phase: "init", tries: 0, offer: undefined, wakeAt };
}

/** Sends DISCOVER, for the first time or again. */
export function discover(state: State, turn: Turn, hint?: Ip): State {
  const xid = state.tries === 0 ? newXid(turn) : state.xid;
  const secs = Math.floor(turn.now - state.since);
  const next: State = { ...state, phase: "selecting", offer: undefined, xid, secs };
  return broadcast(next, turn, "DISCOVER", discoverMessage(next, hint));
}

/** Takes an offer. */
export function select(state: State, turn: Turn, offer: Offer): State {
  log(turn, `${formatIp(offer.serverId)} offers ${formatIp(offer.address)}`);
  return request({ ...state, phase: "requesting", tries: 0, offer }, turn);
}

/** Sends REQUEST for the offer; after some of them without an answer it begins again. */
export function request(state: State, turn: Turn): State {
  const { offer, tries } = state;
  if (!offer || tries >= requestTries) {
    log(turn, `no answer to REQUEST: ${describe(state.tally)}`);
    return restart(state, turn, 0);
  }
  const payload = requestMessage(state, offer.address, offer.serverId);
  return broadcast(state, turn, "REQUEST", payload);
}

/** Sends to everyone, and sets the timer for the next time. */
export function broadcast(state: State, turn: Turn, type: MessageType, payload: Uint8Array): State {
  const { now, actions } = turn;
  actions.push({ kind: "send", type, payload, source: noIp, destination: everyone });
  const tries = state.tries + 1;
  const wait = retryWait(state.config.timing, tries, turn.random);
  return {
    ...state,
    tries,
    sentAt: now,
    wakeAt: Math.min(now + wait, state.deadline),
    tally: tick(state.tally, "sent", type),
  };
}

/** A refusal of what was offered: the first may be a misunderstanding, more are answered slower. */
export function refused(state: State, turn: Turn): State {
  const refusals = state.refusals + 1;
  const delay = refusals === 1 ? 0 : retryWait(state.config.timing, refusals - 1, turn.random);
  return restart({ ...state, refusals }, turn, delay);
}

/** Ends a first acquisition without a lease. */
export function fail(state: State, turn: Turn, why: string): State {
  turn.actions.push({ kind: "failed", why, detail: describe(state.tally) });
  return ended(state);
}
