/** Getting, keeping and leaving a lease: RFC 8415 sections 18.2.1 to 18.2.8. */
import type { LossReason } from "../client-state.ts";
import { spread } from "../retransmit.ts";
import { describe, emptyTally, noMoreTries } from "../tally.ts";
import { type Advertisement, ended6, log6, type State6, type Turn6 } from "./client-state.ts";
import { beginExchange, send } from "./exchange.ts";
import type { Lease6 } from "./lease.ts";
import { nextRt, parameters } from "./retransmit.ts";

/** CNF_MAX_DELAY and SOL_MAX_DELAY: section 7.6. */
const maximumDelay = 1;

/** The delay of the first message where many clients may begin at once. */
export function firstDelay(turn: Turn6): number {
  return maximumDelay * turn.random();
}

/** Begins to look for a lease, after `delay` seconds. */
export function solicit(state: State6, turn: Turn6, deadline: number, delay: number): State6 {
  const nothing = { offer: undefined, lease: undefined, leaving: undefined, tally: emptyTally };
  return beginExchange({ ...state, ...nothing, deadline }, turn, "soliciting", delay);
}

/** Begins again within the same acquisition, each time later. */
export function again(state: State6, turn: Turn6, why: string): State6 {
  const refusals = state.refusals + 1;
  log6(turn, `${why}: ${describe(state.tally)}`);
  const delay = nextRt(parameters.request, 2 ** Math.min(refusals - 1, 5) / 2, turn.random);
  return beginExchange({ ...state, refusals, offer: undefined }, turn, "soliciting", delay);
}

/** Asks the server for what it has offered. */
export function request(state: State6, turn: Turn6, offer: Advertisement): State6 {
  return beginExchange({ ...state, offer }, turn, "requesting");
}

/** Asks whether the addresses fit the link. */
export function confirm(state: State6, turn: Turn6): State6 {
  const fresh: State6 = { ...state, offer: undefined, deadline: Infinity, tally: emptyTally };
  return beginExchange(fresh, turn, "confirming", firstDelay(turn));
}

/** Does what is due for the lease at this time. In BOUND the timer says that it is T1, or near. */
export function keep(state: State6, turn: Turn6, lease: Lease6): State6 {
  const { now } = turn;
  const { phase } = state;
  if (now >= lease.expiry) return lose(state, turn, lease, "expired");
  const later: State6 = { ...state, deadline: Infinity, offer: undefined };
  if (now >= lease.rebindAt) {
    return phase === "rebinding" ? send(later, turn) : beginExchange(later, turn, "rebinding");
  }
  if (phase === "renewing") return send(later, turn);
  if (now >= lease.renewAt || now >= state.wakeAt) {
    return beginExchange({ ...later, tally: emptyTally }, turn, "renewing");
  }
  const wakeAt = spread(now, lease.renewAt, turn.random);
  return { ...state, phase: "bound", offer: undefined, wakeAt };
}

/** Gives the lease up and looks for another. */
export function lose(state: State6, turn: Turn6, lease: Lease6, why: LossReason): State6 {
  log6(turn, `lease ${why}: ${describe(state.tally)}`);
  turn.actions.push({ kind: "lost", lease, why });
  return solicit(state, turn, Infinity, firstDelay(turn));
}

/** Tells the server that the addresses are not used; they are not, from now on. */
export function leave(
  state: State6,
  turn: Turn6,
  lease: Lease6,
  phase: "declining" | "releasing",
): State6 {
  const why = phase === "declining" ? "conflict" : "released";
  turn.actions.push({ kind: "lost", lease, why });
  const deadline = turn.now < state.deadline ? state.deadline : Infinity;
  const leaving = { ...state, lease: undefined, offer: undefined, leaving: lease, deadline };
  return beginExchange(leaving, turn, phase);
}

/** Ends a first acquisition without a lease. */
export function fail(state: State6, turn: Turn6): State6 {
  turn.actions.push({ kind: "failed", why: noMoreTries, detail: describe(state.tally) });
  return ended6(state);
}
