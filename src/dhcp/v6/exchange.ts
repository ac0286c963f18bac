/** Messages of a client, and how they are sent until somebody answers: RFC 8415 sections 15, 18.2. */
import { tick } from "../tally.ts";
import type { Phase6, State6, Turn6 } from "./client-state.ts";
import type { Lease6 } from "./lease.ts";
import { allServers, type MessageType6, writeMessage6 } from "./message.ts";
import { make, option6, type RawOption } from "./options.ts";
import { isOver, nextRt, type Parameters, parameters } from "./retransmit.ts";

/** Of each phase with an exchange: what is sent, how often, and whom it is about and for. */
interface Exchange {
  readonly type: MessageType6;
  readonly parameters: Parameters;
  /** The lease whose addresses are named. */
  readonly about: "offer" | "lease" | "leaving" | "nothing";
  /** Whether it is for the server of that lease alone. */
  readonly toServer: boolean;
  /** Whether it asks for further options. */
  readonly asks: boolean;
}

const exchanges: Readonly<Partial<Record<Phase6, Exchange>>> = {
  soliciting: exchange("SOLICIT", parameters.solicit, "nothing", false, true),
  requesting: exchange("REQUEST", parameters.request, "offer", true, true),
  confirming: exchange("CONFIRM", parameters.confirm, "lease", false, false),
  renewing: exchange("RENEW", parameters.renew, "lease", true, true),
  rebinding: exchange("REBIND", parameters.rebind, "lease", false, true),
  declining: exchange("DECLINE", parameters.decline, "leaving", true, false),
  releasing: exchange("RELEASE", parameters.release, "leaving", true, false),
};

function exchange(
  type: MessageType6,
  parameters: Parameters,
  about: Exchange["about"],
  toServer: boolean,
  asks: boolean,
): Exchange {
  return { type, parameters, about, toServer, asks };
}

/** The options that we want to hear of: RFC 8415 section 21.7 demands the first. */
const wanted = [option6.solMaxRt, option6.nameServers, option6.search].map(({ code }) => code);

/** Begins the exchange of a phase, its first message after `delay` seconds. */
export function beginExchange(state: State6, turn: Turn6, phase: Phase6, delay = 0): State6 {
  const xid = Math.floor(turn.random() * 0x1000000);
  const next: State6 = { ...state, phase, xid, tries: 0, rt: 0, wakeAt: turn.now + delay };
  return delay === 0 ? send(next, turn) : { ...next, wakeAt: Math.min(next.wakeAt, endOf(next)) };
}

/** Whether the exchange has failed: it was sent as often or as long as it may be. */
export function isExhausted(state: State6, now: number): boolean {
  const { parameters } = exchangeOf(state);
  return state.tries > 0 && isOver(parameters, state.tries, now - state.since);
}

/** Sends the message of the phase, for the first time or again. */
export function send(state: State6, turn: Turn6): State6 {
  const { now } = turn;
  const { type, parameters } = exchangeOf(state);
  const since = state.tries === 0 ? now : state.since;
  const next: State6 = { ...state, since, tries: state.tries + 1, sentAt: now };
  const payload = writeMessage6({ type, xid: next.xid, options: optionsOf(next, now) });
  turn.actions.push({ kind: "send", type, payload, destination: allServers });
  const isFirstSolicit = type === "SOLICIT" && state.tries === 0;
  const mrt = type === "SOLICIT" ? state.solMaxRt : parameters.mrt;
  const rt = nextRt({ ...parameters, mrt }, state.rt, turn.random, isFirstSolicit);
  const over = parameters.mrd === 0 ? Infinity : since + parameters.mrd;
  const wakeAt = Math.min(now + rt, over, endOf(next));
  return { ...next, rt, wakeAt, tally: tick(state.tally, "sent", type) };
}

/** When the phase is over, whatever is said in it. */
function endOf({ phase, lease, deadline }: State6): number {
  if (phase === "soliciting" || (phase === "requesting" && !lease)) return deadline;
  if (!lease) return Infinity;
  return phase === "renewing" ? lease.rebindAt : lease.expiry;
}

function exchangeOf({ phase }: State6): Exchange {
  const exchange = exchanges[phase];
  if (!exchange) throw new Error(`Cannot send message: there is none in phase ${phase}`);
  return exchange;
}

/** The lease whose server must be the one that answers; undefined if any may. */
export function askedServer(state: State6): Lease6 | undefined {
  const exchange = exchanges[state.phase];
  return exchange?.toServer ? leaseOf(state, exchange) : undefined;
}

function leaseOf({ offer, lease, leaving }: State6, { about }: Exchange): Lease6 | undefined {
  if (about === "offer") return offer?.lease;
  return about === "lease" ? lease : about === "leaving" ? leaving : undefined;
}

function optionsOf(state: State6, now: number): RawOption[] {
  const { config, since, phase } = state;
  const exchange = exchangeOf(state);
  const lease = leaseOf(state, exchange);
  const elapsed = Math.min(Math.round((now - since) * 100), 0xffff);
  return [
    make(option6.clientId, config.duid),
    ...(exchange.toServer && lease ? [make(option6.serverId, lease.serverId)] : []),
    ...(phase === "soliciting" && config.rapidCommit ? [make(option6.rapidCommit, true)] : []),
    make(option6.elapsed, elapsed),
    ...(exchange.asks ? [make(option6.request, wanted)] : []),
    make(option6.iaNa, { iaid: config.iaid, t1: 0, t2: 0, options: addressesOf(lease) }),
  ];
}

/** Lifetimes are the server's to say: RFC 8415 section 18.2 has the client send 0. */
function addressesOf(lease: Lease6 | undefined): RawOption[] {
  const addresses = lease?.addresses ?? [];
  return addresses.map(({ address }) =>
    make(option6.iaAddress, { address, preferred: 0, valid: 0, options: [] }),
  );
}
