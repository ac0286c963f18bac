/** The MAC address that the runtime asks for. */
import { formatMac, parseMac } from "../addr/mac.ts";
import type { AddCall } from "../cni/applet.ts";
import { readCniArgs } from "../cni/cni-args.ts";
import { object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";

/** The config keys that carry it, for an applet's schema. */
export const macSources = {
  args: object({
    cni: object({ mac: { type: "string", emptyIsAbsent: true, description: "MAC address" } }),
  }),
  runtimeConfig: object({
    mac: { type: "string", emptyIsAbsent: true, description: "MAC address (capability mac)" },
  }),
} as const;

/** The three places, the strongest last: CNI_ARGS `MAC`, `args.cni.mac`, `runtimeConfig.mac`. */
export function requestedMac(
  call: AddCall<{ args?: { cni?: { mac?: string } }; runtimeConfig?: { mac?: string } }>,
): string | undefined {
  const { config, cniArgs } = call;
  const text =
    config.runtimeConfig?.mac ??
    config.args?.cni?.mac ??
    readCniArgs(cniArgs, { MAC: "string" }).MAC;
  if (!text) return undefined;
  const mac = parseMac(text);
  if (mac?.length !== 6) throw new CniError("InvalidNetworkConfig", `invalid MAC address: ${text}`);
  return formatMac(mac);
}
