/**
 * The IPAM plugin of a network: `ipam.type` in the config. It gets the whole config and the same
 * environment, and works in the host's namespace.
 *
 * Each function is the delegation of one verb. All but `add` do nothing where the config names no
 * IPAM plugin, so that `gc: ipam.gc` serves a network without addresses too.
 */
import type { AddCall, Call, CheckCall, DelCall, GcCall, StatusCall } from "./applet.ts";
import * as delegate from "./delegate.ts";
import type { Result } from "./result.ts";

/** A config that may name an IPAM plugin, as every config may. */
export interface WithIpam {
  ipam?: { type?: string | undefined } | undefined;
}

/**
 * Asks for addresses, and pushes the undo. The result may be without any: whether that is an error
 * (`IPAM plugin returned missing IP config`) is the caller's to say.
 * @throws the IPAM plugin's own CniError, as it is
 */
export function add(call: AddCall<WithIpam>): Result {
  return delegate.add(call, typeOf(call));
}

export function check(call: CheckCall<WithIpam>): void {
  if (typeOf(call) !== "") delegate.check(call, typeOf(call));
}

export function del(call: DelCall<WithIpam>): void {
  if (typeOf(call) !== "") delegate.del(call, typeOf(call));
}

export function gc(call: GcCall<WithIpam>): void {
  if (typeOf(call) !== "") delegate.gc(call, typeOf(call));
}

export function status(call: StatusCall<WithIpam>): void {
  if (typeOf(call) !== "") delegate.status(call, typeOf(call));
}

function typeOf({ config }: Call<WithIpam>): string {
  return config.ipam?.type ?? "";
}
