/** What a DHCPv4 client is told, what it remembers, and what it wants done. */
import type { Ip } from "../addr/ip.ts";
import type { Lease } from "./lease.ts";
import type { MessageType, Options } from "./options.ts";
import { emptyTally, type Tally } from "./tally.ts";

/** How often to send; all in seconds. */
export interface Timing {
  /** The first wait for a reply; each further one is twice as long. Flag `-timeout`. */
  readonly timeout: number;
  /** The longest wait. Flag `-resendmax`. */
  readonly resendMax: number;
  /** How long a first acquisition may take in all. Flag `-resendtimeout`. */
  readonly resendTimeout: number;
}

/** RFC 2131 section 4.1; the budget is the reference's. */
export const defaultTiming: Timing = { timeout: 4, resendMax: 64, resendTimeout: 208 };

export interface ClientConfig {
  /** The link's hardware address. */
  readonly mac: Uint8Array;
  /** ARPHRD_* of the link; default 1, Ethernet. */
  readonly hardwareType?: number;
  /** Value of option 61; one in `send` takes its place. */
  readonly clientId: Uint8Array;
  /** Options for DISCOVER and REQUEST that override what would be sent. */
  readonly send: Options;
  /** Value of option 55. */
  readonly requestList: Uint8Array;
  /**
   * Ask servers to broadcast from the first message on: where the kernel drops unicast for an
   * address that is not there yet (ipvlan). Else only from the third message of a kind on.
   */
  readonly broadcast: boolean;
  readonly timing: Timing;
}

/** The states of RFC 2131 figure 5; `idle` before and `ended` after them. */
export type Phase =
  | "idle"
  /** Waits before it begins again. */
  | "init"
  | "selecting"
  | "requesting"
  /** INIT-REBOOT and REBOOTING: asks whether a lease still stands. */
  | "rebooting"
  | "bound"
  | "renewing"
  | "rebinding"
  | "ended";

export interface Offer {
  readonly address: Ip;
  readonly serverId: Ip;
}

export interface State {
  readonly config: ClientConfig;
  readonly phase: Phase;
  /** When the event `timer` is due; `Infinity` if nothing is. */
  readonly wakeAt: number;
  readonly xid: number;
  /** How often the current message was sent. */
  readonly tries: number;
  /** When the current exchange began; `secs` counts from there. */
  readonly since: number;
  /** `secs` of the last DISCOVER, which REQUEST repeats. */
  readonly secs: number;
  /** When the last message was sent. */
  readonly sentAt: number;
  /** When the first acquisition is given up. */
  readonly deadline: number;
  /** Refusals since the last lease: they slow us down. */
  readonly refusals: number;
  readonly offer: Offer | undefined;
  /** The lease that is held, while it is. */
  readonly lease: Lease | undefined;
  readonly tally: Tally;
}

export type Event =
  /** Get a lease; `hint` is an address to ask for. */
  | { readonly kind: "start"; readonly hint?: Ip }
  /** Go on with a lease of an earlier life, from where its times say. */
  | { readonly kind: "resume"; readonly lease: Lease }
  /** Ask at once whether the lease still stands: the link was down, or the client was. */
  | { readonly kind: "verify" }
  | { readonly kind: "timer" }
  /** A datagram to the client's port. `mac` is the sender's. */
  | { readonly kind: "received"; readonly payload: Uint8Array; readonly mac?: Uint8Array }
  /** A packet that was dropped before it got here. */
  | { readonly kind: "dropped"; readonly reason: keyof Tally["dropped"] }
  /** The last message could not be sent. */
  | { readonly kind: "sendFailed"; readonly why: string }
  /** Somebody else uses the address. */
  | { readonly kind: "conflict" }
  | { readonly kind: "release" }
  | { readonly kind: "linkGone" };

export type LossReason = "expired" | "refused" | "conflict" | "released" | "link gone";

export type Action =
  /** Send a message from port 68 to port 67. */
  | {
      readonly kind: "send";
      readonly type: MessageType;
      readonly payload: Uint8Array;
      readonly source: Ip;
      /** 255.255.255.255, or the server. */
      readonly destination: Ip;
      /** Where the frame goes; absent: ff:ff:ff:ff:ff:ff. */
      readonly mac?: Uint8Array;
    }
  /** A lease where there was none. */
  | { readonly kind: "bound"; readonly lease: Lease }
  /** `changed`: address or options are not those of `previous`. */
  | {
      readonly kind: "renewed";
      readonly lease: Lease;
      readonly previous: Lease;
      readonly changed: boolean;
    }
  /** The address must not be used any more. Unless the client has ended, it is after a new one. */
  | { readonly kind: "lost"; readonly lease: Lease; readonly why: LossReason }
  /** The first acquisition came to nothing; the client has ended. */
  | { readonly kind: "failed"; readonly why: string; readonly detail: string }
  | { readonly kind: "log"; readonly text: string };

/** What a step may not find out for itself. */
export interface Env {
  /** Seconds, of a clock that never goes back. */
  readonly now: number;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
}

/** One step under way: where actions are gathered. */
export interface Turn extends Env {
  readonly actions: Action[];
}

export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** A client that has not begun. */
export function createClient(config: ClientConfig): State {
  return {
    config,
    phase: "idle",
    wakeAt: Infinity,
    xid: 0,
    tries: 0,
    since: 0,
    secs: 0,
    sentAt: 0,
    deadline: Infinity,
    refusals: 0,
    offer: undefined,
    lease: undefined,
    tally: emptyTally,
  };
}

/** The state in which nothing happens any more. */
export function ended(state: State): State {
  return { ...state, phase: "ended", wakeAt: Infinity, offer: undefined, lease: undefined };
}

export function log(turn: Turn, text: string): void {
  turn.actions.push({ kind: "log", text });
}
