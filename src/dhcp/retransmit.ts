/** How long to wait for a reply: RFC 2131 sections 4.1 and 4.4.5. */
import type { Env, Timing } from "./client-state.ts";

/** Servers and relays are spared more than one renewal a minute. */
const leastRenewalWait = 60;

/**
 * Seconds until a message is sent again that was sent `tries` times: 4, 8, 16, 32, 64, 64, ... give
 * or take one; of a shorter first wait, give or take a quarter of it.
 */
export function retryWait({ timeout, resendMax }: Timing, tries: number, random: Env["random"]) {
  const wait = Math.min(timeout * 2 ** Math.min(tries - 1, 32), resendMax);
  const jitter = Math.min(1, wait / 4);
  return wait + (2 * random() - 1) * jitter;
}

/** When to ask again for a renewal: after half of what is left until `end`, but at that at last. */
export function renewalRetry(now: number, end: number): number {
  return Math.min(end, now + Math.max(leastRenewalWait, (end - now) / 2));
}

/**
 * When to renew: up to 2 % of the wait before its time, lest all that was bound in one moment is
 * renewed in one moment too.
 */
export function spread(start: number, at: number, random: Env["random"]): number {
  return at === Infinity ? at : at - (at - start) * 0.02 * random();
}
