/** When to send again: RFC 8415 section 15, with the parameters of section 7.6. Seconds. */
import type { Env } from "../client-state.ts";

/** Zero is no limit. */
export interface Parameters {
  /** Initial retransmission time. */
  readonly irt: number;
  /** Maximum retransmission time. */
  readonly mrt: number;
  /** Maximum retransmission count. */
  readonly mrc: number;
  /** Maximum retransmission duration. */
  readonly mrd: number;
}

export const parameters = {
  solicit: { irt: 1, mrt: 3600, mrc: 0, mrd: 0 },
  request: { irt: 1, mrt: 30, mrc: 10, mrd: 0 },
  confirm: { irt: 1, mrt: 4, mrc: 0, mrd: 10 },
  renew: { irt: 10, mrt: 600, mrc: 0, mrd: 0 },
  rebind: { irt: 10, mrt: 600, mrc: 0, mrd: 0 },
  release: { irt: 1, mrt: 0, mrc: 4, mrd: 0 },
  decline: { irt: 1, mrt: 0, mrc: 4, mrd: 0 },
} as const satisfies Record<string, Parameters>;

/** RAND: from -0.1 up to 0.1; for the first SOLICIT above 0, so that it waits for all servers. */
function rand(random: Env["random"], isPositive: boolean): number {
  // Not all the way down: what is as small as 2^-54 does not change a 1 that it is added to.
  return isPositive ? 0.1 * (1 - random() * (1 - 2 ** -20)) : 0.2 * random() - 0.1;
}

/**
 * The retransmission time RT that follows `previous`, which is 0 before the first.
 * @param isPositive whether RAND must be above 0
 */
export function nextRt(
  { irt, mrt }: Parameters,
  previous: number,
  random: Env["random"],
  isPositive = false,
): number {
  const factor = rand(random, isPositive);
  if (previous === 0) return irt + factor * irt;
  const rt = 2 * previous + factor * previous;
  return mrt !== 0 && rt > mrt ? mrt + factor * mrt : rt;
}

/** Whether an exchange has failed that was sent `tries` times within `elapsed` seconds. */
export function isOver({ mrc, mrd }: Parameters, tries: number, elapsed: number): boolean {
  return (mrc !== 0 && tries >= mrc) || (mrd !== 0 && elapsed >= mrd);
}
