/** Time and chance of the daemon. */
import { constants, sys } from "../../sys/sys.ts";

/** Seconds since the machine started, sleep included: so leases age while a laptop is closed. */
export function now(): number {
  return sys.clock(constants.CLOCK_BOOTTIME);
}

/** From 0 up to, but not including, 1. */
export function random(): number {
  let value = 0;
  for (const byte of sys.random(6)) value = value * 256 + byte;
  return value / 2 ** 48;
}
