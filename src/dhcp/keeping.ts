/** A lease and how it is kept: BOUND, RENEWING, REBINDING, INIT-REBOOT of RFC 2131 section 4.4. */
import { formatIp } from "../addr/ip.ts";
import { begin, broadcast, requestTries } from "./acquiring.ts";
import {
  declineMessage,
  everyone,
  newXid,
  rebootMessage,
  releaseMessage,
  renewMessage,
} from "./client-messages.ts";
import { ended, type LossReason, log, type Phase, type State, type Turn } from "./client-state.ts";
import { givesSame, type Lease } from "./lease.ts";
import { noIp } from "./message.ts";
import { renewalRetry, spread } from "./retransmit.ts";
import { describe, emptyTally, tick } from "./tally.ts";

/** How long to be silent after a conflict: RFC 2131 section 3.1.5. */
const declineWait = 10;

/** Takes a lease that was granted or goes on. */
export function bind(state: State, turn: Turn, lease: Lease): State {
  const { lease: previous } = state;
  if (!previous) turn.actions.push({ kind: "bound", lease });
  else {
    const changed = !givesSame(lease, previous);
    turn.actions.push({ kind: "renewed", lease, previous, changed });
  }
  return rest({ ...state, refusals: 0, lease }, turn, lease);
}

/** BOUND: nothing to do until T1. */
function rest(state: State, turn: Turn, lease: Lease): State {
  const wakeAt = spread(turn.now, lease.renewAt, turn.random);
  return { ...state, phase: "bound", offer: undefined, tries: 0, wakeAt };
}

/** Does what is due for the lease at this time. In BOUND the timer says that it is T1, or near. */
export function keep(state: State, turn: Turn, lease: Lease): State {
  const { now } = turn;
  if (now >= lease.expiry) return lose(state, turn, lease, "expired");
  if (now >= lease.rebindAt) return renew(state, turn, lease, "rebinding");
  if (now >= lease.renewAt || now >= state.wakeAt) return renew(state, turn, lease, "renewing");
  return rest(state, turn, lease);
}

/** Sends REQUEST for the lease: to its server while RENEWING, to all while REBINDING. */
function renew(state: State, turn: Turn, lease: Lease, phase: Phase): State {
  const { now } = turn;
  const isFirst = state.phase !== phase;
  // One exchange, as long as the same server is asked.
  const exchange = isFirst ? { xid: newXid(turn), since: now, tries: 0 } : {};
  // What went wrong while RENEWING explains why we are REBINDING.
  const { tally } = phase === "renewing" && isFirst ? { tally: emptyTally } : state;
  const next: State = { ...state, ...exchange, phase, tally: tick(tally, "sent", "REQUEST") };
  if (phase === "rebinding" && isFirst) {
    log(turn, `asking any server for ${formatIp(lease.address)}: ${describe(tally)}`);
  }
  const timed: State = { ...next, secs: Math.floor(now - next.since), sentAt: now };
  const payload = renewMessage(timed, lease.address);
  const toServer = {
    destination: lease.serverId,
    ...(lease.serverMac && { mac: lease.serverMac }),
  };
  const to = phase === "renewing" ? toServer : { destination: everyone };
  turn.actions.push({ kind: "send", type: "REQUEST", payload, source: lease.address, ...to });
  const end = phase === "renewing" ? lease.rebindAt : lease.expiry;
  return { ...timed, tries: timed.tries + 1, wakeAt: renewalRetry(now, end) };
}

/** INIT-REBOOT: asks all servers whether the lease stands. */
export function verify(state: State, turn: Turn, lease: Lease): State {
  const next: State = {
    ...state,
    phase: "rebooting",
    deadline: Infinity,
    xid: newXid(turn),
    since: turn.now,
    tries: 0,
    tally: emptyTally,
    lease,
  };
  return askAgain(next, turn, lease);
}

/** Asks on; a lease that nobody speaks of stands until it expires (RFC 2131 section 3.2). */
export function askAgain(state: State, turn: Turn, lease: Lease): State {
  const { now } = turn;
  if (now >= lease.expiry) return lose(state, turn, lease, "expired");
  if (state.tries >= requestTries) {
    log(turn, `nobody confirms ${formatIp(lease.address)}: ${describe(state.tally)}`);
    return keep({ ...state, wakeAt: Infinity }, turn, lease);
  }
  const timed: State = { ...state, secs: Math.floor(now - state.since) };
  const sent = broadcast(timed, turn, "REQUEST", rebootMessage(timed, lease.address));
  return { ...sent, wakeAt: Math.min(sent.wakeAt, lease.expiry) };
}

/** Gives the lease up and looks for another; a refused address is not asked for again. */
export function lose(state: State, turn: Turn, lease: Lease, why: LossReason): State {
  log(turn, `lease of ${formatIp(lease.address)} ${why}: ${describe(state.tally)}`);
  turn.actions.push({ kind: "lost", lease, why });
  const hint = why === "expired" ? lease.address : undefined;
  return begin(state, turn, Infinity, { hint, refusals: why === "refused" ? 1 : 0 });
}

/** Somebody else has the address: tells the server, and looks for another. */
export function decline(state: State, turn: Turn, lease: Lease): State {
  const { config, deadline } = state;
  const { address, serverId } = lease;
  const payload = declineMessage(config, newXid(turn), address, serverId);
  turn.actions.push(
    { kind: "send", type: "DECLINE", payload, source: noIp, destination: everyone },
    { kind: "lost", lease, why: "conflict" },
  );
  const isFirst = turn.now < deadline;
  return begin(state, turn, isFirst ? deadline : Infinity, { delay: declineWait });
}

/** Gives the address back and ends. Nobody confirms that. */
export function release(state: State, turn: Turn, lease: Lease): State {
  sendRelease(state, turn, lease);
  turn.actions.push({ kind: "lost", lease, why: "released" });
  return ended(state);
}

/** Tells the server that the lease is not wanted. */
export function sendRelease(
  state: State,
  turn: Turn,
  { address, serverId, serverMac }: Pick<Lease, "address" | "serverId" | "serverMac">,
): void {
  const payload = releaseMessage(state.config, newXid(turn), address, serverId);
  const to = { source: address, destination: serverId, ...(serverMac && { mac: serverMac }) };
  turn.actions.push({ kind: "send", type: "RELEASE", payload, ...to });
}
