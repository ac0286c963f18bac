/** What a config and a result ask of the firewall, and who on this host is to do it. */
import type { Ip } from "../addr/ip.ts";
import { CniError } from "../cni/errors.ts";
import { hasSystemBus } from "../kernel/bus-address.ts";
import type { Netns } from "../kernel/netns.ts";
import { Forward, familyOf } from "./firewall-forward.ts";
import type { IptablesAsked } from "./firewall-iptables.ts";
import type * as own from "./firewall-nft.ts";
import * as firewalld from "./firewalld.ts";
import type { Isolation, WantedIsolation } from "./isolation.ts";

/** The config keys that say how, as the applet's schema has them. */
export interface FirewallConfig {
  backend?: string | undefined;
  iptablesAdminChainName: string;
  firewalldZone: string;
}

/** What one attachment asks for. */
export interface Asked {
  config: FirewallConfig;
  /** Of the container. */
  ips: readonly Ip[];
  /** None where the policy is open. */
  isolation?: Omit<Isolation, "ips"> | undefined;
}

export type Warn = (message: string) => void;

/** Throws if there is no such backend. */
export function checkBackend({ backend }: FirewallConfig): void {
  if (backend === undefined || /^(nftables|iptables|firewalld)$/.test(backend)) return;
  throw new CniError(
    "InvalidNetworkConfig",
    `"backend": "${backend}" is none of nftables, iptables, firewalld`,
  );
}

/** Who accepts on this host. */
export function backendFor({ backend }: FirewallConfig): own.Backend {
  return (backend as own.Backend | undefined) ?? (isOnBus() ? "firewalld" : "nftables");
}

/** Without a bus nobody is on it, and what speaks to it need not be loaded. */
function isOnBus(): boolean {
  return hasSystemBus() && firewalld.isRunning();
}

/** What stands in nf_tables of the policy, whichever backend accepts. */
export function isolationFor(
  backend: own.Backend,
  { ips, isolation: wanted }: Asked,
): WantedIsolation {
  const bridged = wanted && { ...wanted, ips };
  // Within a bridge iptables depends on what is not ours to set.
  return { bridged, routed: backend === "iptables" ? undefined : bridged };
}

/** What the program `iptables` is to be asked for. */
export function iptablesAsked({ config, ips, isolation: wanted }: Asked): IptablesAsked {
  return { ips, admin: config.iptablesAdminChainName, isolation: wanted };
}

/** The chains FORWARD of the families that have addresses. */
export function forwardsFor(
  host: Netns,
  { config, ips }: Asked,
): { forward: Forward; mine: Ip[] }[] {
  const families = (["ip", "ip6"] as const).map((family) => ({
    forward: new Forward(host, family, config.iptablesAdminChainName),
    mine: ips.filter((ip) => familyOf(ip) === family),
  }));
  return families.filter(({ mine }) => mine.length > 0);
}

/** Whether a backend has rules of ours in a chain FORWARD. */
export function isOurs(backend: own.Backend, forward: Forward): boolean {
  // Who drops beside firewalld, as docker does, knows nothing of its zones.
  return backend === "firewalld" ? forward.drops() : backend === "nftables" && forward.exists();
}

/** Of tables that are beyond nf_tables, on a host where to run a program is not ours to decide. */
export const legacyAdvice =
  'this host has rules of iptables-legacy, which nf_tables cannot change: if "iptables-legacy -S ' +
  'FORWARD" shows that they drop what they do not know, "backend": "iptables" is needed';
