/** Configs that many cases share. */
import type { Config } from "./plugins.ts";

/** host-local's part of a config: one range set, hence one address, per subnet. */
export function hostLocal(...subnets: string[]) {
  return { type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]) };
}

export const v4 = "10.1.2.0/24";
export const v6 = "2001:db8:42::/64";

/** A bridge that is the default gateway of its containers, in each of the subnets. */
export function gatewayBridge(...subnets: string[]): Config {
  return {
    type: "bridge",
    bridge: "br0",
    isDefaultGateway: true,
    ipam: hostLocal(...(subnets.length > 0 ? subnets : [v4])),
  };
}

/** A bridge that only switches: no addresses. */
export const switchBridge: Config = { type: "bridge", bridge: "br0", ipam: {} };

/** A bridge with all that ADD can set up. */
export const fullBridge: Config = {
  ...gatewayBridge("10.1.2.0/24", "2001:db8:42::/64"),
  ipMasq: true,
  macspoofchk: true,
};
