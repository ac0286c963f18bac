/** The MAC address of a container's interface: what is asked for, or one that fits. */
import { formatMac, parseMac } from "../addr/mac.ts";
import type { AddCall, Asked } from "../cni/applet.ts";
import { readCniArgs } from "../cni/cni-args.ts";
import { object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import { sha512Hex } from "../kernel/digest.ts";
import { readText } from "../kernel/files.ts";
import type { Attachment } from "./attachment.ts";

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
  call: Asked<{ args?: { cni?: { mac?: string } }; runtimeConfig?: { mac?: string } }>,
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

/** As `macSources`, for an applet that has a key of its own instead of `args.cni`. */
export const ownMacSources = {
  mac: {
    type: "string",
    emptyIsAbsent: true,
    description: "MAC address; MAC in CNI_ARGS and runtimeConfig.mac win over it",
  },
  runtimeConfig: macSources.runtimeConfig,
} as const;

/** The three places, the strongest last: `mac`, CNI_ARGS `MAC`, `runtimeConfig.mac`. */
export function configuredMac(
  call: AddCall<{ mac?: string; runtimeConfig?: { mac?: string } }>,
): string | undefined {
  const { config, cniArgs } = call;
  const { MAC } = readCniArgs(cniArgs, { MAC: "string" });
  const text = config.runtimeConfig?.mac || MAC || config.mac;
  if (!text) return undefined;
  let why = "an interface has 6 bytes of it";
  try {
    const mac = parseMac(text);
    if (mac.length === 6) return formatMac(mac);
  } catch (error) {
    why = (error as Error).message;
  }
  throw new CniError("InvalidNetworkConfig", `invalid args ${text} for MAC addr: ${why}`);
}

/**
 * A MAC address that no other attachment has, on whatever machine, and that this one keeps if it is
 * made again: a digest of what it is. It is a local one (the second bit), of one station (the first).
 */
export function derivedMac({ network, containerId, ifName }: Attachment): string {
  const machine = readText("/etc/machine-id")?.trim() ?? "";
  const digits = sha512Hex(`mac/${machine}/${network}/${containerId}/${ifName}`, 12);
  const mac = parseMac(digits.replace(/(....)(....)/, "$1.$2."));
  mac[0] = ((mac[0] as number) & 0xfc) | 0x02;
  return formatMac(mac);
}
