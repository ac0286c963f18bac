/** What a DHCPv6 client is told, what it remembers, and what it wants done; as for DHCPv4. */
import type { Ip } from "../../addr/ip.ts";
import type { LossReason } from "../client-state.ts";
import { emptyTally, type Tally } from "../tally.ts";
import type { Lease6 } from "./lease.ts";
import type { MessageType6 } from "./message.ts";
import { parameters } from "./retransmit.ts";

export type { Env } from "../client-state.ts";

export interface ClientConfig6 {
  /** Who the client is; the same for all its links. */
  readonly duid: Uint8Array;
  /** Which association of the client this is. */
  readonly iaid: number;
  /** Whether a server may grant at once, in answer to SOLICIT. */
  readonly rapidCommit: boolean;
  /** How many seconds a first acquisition may take in all. */
  readonly resendTimeout: number;
}

export type Phase6 =
  | "idle"
  | "soliciting"
  | "requesting"
  | "confirming"
  | "bound"
  | "renewing"
  | "rebinding"
  | "declining"
  | "releasing"
  | "ended";

/** What a server offers. */
export interface Advertisement {
  readonly lease: Lease6;
  readonly preference: number;
}

export interface State6 {
  readonly config: ClientConfig6;
  readonly phase: Phase6;
  /** When the event `timer` is due; `Infinity` if nothing is. */
  readonly wakeAt: number;
  readonly xid: number;
  /** How often the current message was sent; 0 while the first one is delayed. */
  readonly tries: number;
  /** The last retransmission time. */
  readonly rt: number;
  /** When the first message of the exchange was sent. */
  readonly since: number;
  readonly sentAt: number;
  /** When the first acquisition is given up. */
  readonly deadline: number;
  /** Refusals since the last lease: they slow us down. */
  readonly refusals: number;
  /** SOL_MAX_RT, which servers may change. */
  readonly solMaxRt: number;
  /** The best offer so far, then the one that is requested. */
  readonly offer: Advertisement | undefined;
  /** The lease that is held, while it is. */
  readonly lease: Lease6 | undefined;
  /** What is being declined or released. */
  readonly leaving: Lease6 | undefined;
  readonly tally: Tally;
}

export type Event6 =
  | { readonly kind: "start" }
  /** Go on with a lease of an earlier life, from where its times say. */
  | { readonly kind: "resume"; readonly lease: Lease6 }
  /** Ask whether the addresses still fit the link: it was down, or the client was. */
  | { readonly kind: "verify" }
  | { readonly kind: "timer" }
  | { readonly kind: "received"; readonly payload: Uint8Array }
  | { readonly kind: "sendFailed"; readonly why: string }
  /** Duplicate address detection found another owner. */
  | { readonly kind: "conflict" }
  | { readonly kind: "release" }
  | { readonly kind: "linkGone" };

export type Action6 =
  /** Send from port 546 of the link-local address to port 547 of ff02::1:2. */
  | {
      readonly kind: "send";
      readonly type: MessageType6;
      readonly payload: Uint8Array;
      readonly destination: Ip;
    }
  | { readonly kind: "bound"; readonly lease: Lease6 }
  /** `changed`: addresses or DNS are not those of `previous`. */
  | {
      readonly kind: "renewed";
      readonly lease: Lease6;
      readonly previous: Lease6;
      readonly changed: boolean;
    }
  /** The addresses must not be used any more. */
  | { readonly kind: "lost"; readonly lease: Lease6; readonly why: LossReason }
  /** The first acquisition came to nothing; the client has ended. */
  | { readonly kind: "failed"; readonly why: string; readonly detail: string }
  | { readonly kind: "log"; readonly text: string };

/** One step under way: where actions are gathered. */
export interface Turn6 {
  readonly now: number;
  readonly actions: Action6[];
  random(): number;
}

export interface Step6 {
  readonly state: State6;
  readonly actions: readonly Action6[];
}

/** A client that has not begun. */
export function createClient6(config: ClientConfig6): State6 {
  return {
    config,
    phase: "idle",
    wakeAt: Infinity,
    xid: 0,
    tries: 0,
    rt: 0,
    since: 0,
    sentAt: 0,
    deadline: Infinity,
    refusals: 0,
    solMaxRt: parameters.solicit.mrt,
    offer: undefined,
    lease: undefined,
    leaving: undefined,
    tally: emptyTally,
  };
}

export function log6(turn: Turn6, text: string): void {
  turn.actions.push({ kind: "log", text });
}

/** The state in which nothing happens any more. */
export function ended6(state: State6): State6 {
  const nothing = { offer: undefined, lease: undefined, leaving: undefined };
  return { ...state, ...nothing, phase: "ended", wakeAt: Infinity };
}
