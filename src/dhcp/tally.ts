/** What was sent and what came back: so that a failure can say more than "no more tries". */
import type { Reason } from "./errors.ts";
import { count } from "./text.ts";

/** Counters of one attempt to get or keep a lease. */
export interface Tally {
  /** By type of message, as is `received`: replies that counted. */
  readonly sent: Counters;
  readonly received: Counters;
  /** Sends that the kernel refused, by what it said. */
  readonly failed: Counters;
  /** Replies that did not count, by the reason. */
  readonly dropped: Counters<Reason>;
}

export type Counters<K extends string = string> = Readonly<Partial<Record<K, number>>>;

export const emptyTally: Tally = { sent: {}, received: {}, failed: {}, dropped: {} };

/** What the reference says when its time is up; its tests compare the text. */
export const noMoreTries = "no more tries";

/** The tally with one more of `key` in `what`. */
export function tick<W extends keyof Tally>(tally: Tally, what: W, key: keyof Tally[W] & string) {
  const counters = tally[what] as Counters;
  return { ...tally, [what]: { ...counters, [key]: (counters[key] ?? 0) + 1 } };
}

/** `sent DISCOVER 4 times, 2 replies dropped: wrong xid` */
export function describe({ sent, received, failed, dropped }: Tally): string {
  const replies = Object.keys(received).length + Object.keys(dropped).length;
  return [
    Object.keys(sent).length > 0 ? `sent ${byType(sent)}` : "sent nothing",
    ...by(failed).map(([why, n]) => `${count(n, "send", "sends")} failed: ${why}`),
    ...(Object.keys(received).length > 0 ? [`received ${byType(received)}`] : []),
    ...by(dropped).map(([why, n]) => `${count(n, "reply", "replies")} dropped: ${why}`),
    ...(replies === 0 ? ["no reply"] : []),
  ].join(", ");
}

function byType(counters: Counters): string {
  return by(counters)
    .map(([type, n]) => `${type} ${count(n, "time", "times")}`)
    .join(" and ");
}

function by(counters: Counters): [key: string, count: number][] {
  return Object.entries(counters) as [string, number][];
}
