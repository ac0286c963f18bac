/** Waiting for the kernel with an end. */
import { constants, sys } from "../sys/sys.ts";

/**
 * Calls `step` until it returns true, or the time is up. It is called at least once, and it is what
 * waits: at most for the milliseconds that it is given.
 * @returns whether `step` did
 */
export function untilDeadline(timeout: number, step: (left: number) => boolean): boolean {
  const now = () => sys.clock(constants.CLOCK_MONOTONIC) * 1000;
  const deadline = now() + timeout;
  let left = timeout;
  do {
    if (step(left)) return true;
    left = deadline - now();
  } while (left > 0);
  return step(0);
}
