/** The only door to the operating system; see {@link Addon} for what is behind it. */
import addon from "#addon";
import type { Addon } from "./addon.ts";

export type { Addon, Datagram, ExitStatus, Stat } from "./addon.ts";
export { isErrno, isSystemError, type SystemError } from "./errno.ts";

export const sys: Addon = addon;
/** The kernel's numbers, by their C names. */
export const constants: Addon["constants"] = addon.constants;
