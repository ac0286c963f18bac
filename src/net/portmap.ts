/**
 * Ports of the host that lead to a container. Natively with nf_tables; the program `iptables` is run
 * only where the config asks for it, or the kernel has no nf_tables.
 */
import { equal } from "../addr/bytes.ts";
import type { Cidr } from "../addr/cidr.ts";
import type { Netns } from "../kernel/netns.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import type { Attachment } from "./attachment.ts";
import { install } from "./attachment-set.ts";
import { remove } from "./attachment-set-removal.ts";
import { protocols } from "./conditions.ts";
import { forget, type Service } from "./portmap-connections.ts";
import * as guarded from "./portmap-guarded.ts";
import * as iptables from "./portmap-iptables.ts";
import { askGuarded, entriesOf, isConditional, loopback6 } from "./portmap-nft.ts";
import {
  byFamily,
  type FamilyMappings,
  isForIptables,
  type Mapping,
  type Plan,
  type PortmapConfig,
  planNatively,
  requestedBackend,
} from "./portmap-plan.ts";

/** What one attachment asks for. */
export interface PortMappings {
  config: PortmapConfig;
  /** Of the container: at most one of each family, with the prefix length of its subnet. */
  addresses: readonly Cidr[];
  mappings: readonly Mapping[];
}

type Warn = (message: string) => void;

/**
 * Lets the ports lead to the container. Safe to repeat: what the attachment had before is replaced. A
 * port that another attachment has, which may have been left behind, is taken over.
 *
 * @throws KernelError; NftUnsupported, which names the kernel options, if there is no way; CniError
 *   UnsupportedField for conditions that no backend takes
 */
export function setup(host: Netns, attachment: Attachment, asked: PortMappings, warn: Warn): void {
  const families = byFamily(asked.addresses, asked.mappings);
  const plan = nativePlan(asked.config, families);
  if (!plan || !setupNatively(host, attachment, asked, plan)) {
    for (const family of families) iptables.setup(asked.config, attachment, family, asked.mappings);
  }
  for (const family of families) {
    const services = family.mappings.map((mapping) => serviceFor(family, mapping));
    // Else the code for it need not be loaded.
    if (services.some(({ protocol }) => protocol === protocols.udp))
      forget(host, family.family, services, warn);
  }
  if (asked.config.snat) letLoopbackOut(host, families);
  if (asked.mappings.some(({ hostIp }) => hostIp && equal(hostIp, loopback6))) {
    warn("ports of ::1 cannot be mapped: the kernel lets no answer back to it");
  }
}

/** Undefined where iptables is to be run. */
export function nativePlan(
  config: PortmapConfig,
  families: readonly FamilyMappings[],
): Plan | undefined {
  const backend = requestedBackend(config);
  if (backend === "iptables") return undefined;
  try {
    return planNatively(config, families);
  } catch (error) {
    if (backend === undefined && mayStandIn(config, families)) return undefined;
    throw error;
  }
}

export function mayStandIn(config: PortmapConfig, families: readonly FamilyMappings[]): boolean {
  return isForIptables(config) && iptables.isAvailable(families.map(({ family }) => family));
}

/** @returns false if the kernel cannot, and iptables may stand in */
function setupNatively(
  host: Netns,
  attachment: Attachment,
  { config, addresses, mappings }: PortMappings,
  plan: Plan,
): boolean {
  try {
    installNatively(host, attachment, plan);
    return true;
  } catch (error) {
    if (!(error instanceof NftUnsupported) || config.backend !== undefined) throw error;
    if (!mayStandIn(config, byFamily(addresses, mappings))) throw error;
    return false;
  }
}

function installNatively(host: Netns, attachment: Attachment, plan: Plan): void {
  const wanted = entriesOf(plan);
  const some = wanted.filter(({ entries }) => entries.length > 0);
  const questions = askGuarded(attachment);
  install(host, attachment, some, { questions, changes: () => [] });
  if (some.length < wanted.length) {
    const none = wanted.filter(({ entries }) => entries.length === 0);
    remove(
      host,
      none.map(({ feature }) => feature),
      attachment,
    );
  }
  const had = questions.some(({ answer }) => answer);
  if (had || plan.targets.some(isConditional)) guarded.setup(host, attachment, plan);
}

function serviceFor({ address }: FamilyMappings, mapping: Mapping): Service {
  const { protocol, hostIp, hostPort, containerPort } = mapping;
  return {
    protocol: protocols[protocol],
    port: hostPort,
    ...(hostIp && { address: hostIp }),
    server: { ip: address.ip, port: containerPort },
  };
}

/**
 * A packet from 127.0.0.1 may leave by the container's link, where it is masqueraded. This stays on
 * when the attachment goes, as others may use the link.
 */
function letLoopbackOut(host: Netns, families: readonly FamilyMappings[]): void {
  const target = families.find(({ family }) => family === "ip");
  const oif = target && host.routes.lookUp(target.address.ip)?.oif;
  const link = oif === undefined ? undefined : host.links.find(oif);
  if (!link) return;
  const path = ["net", "ipv4", "conf", link.name, "route_localnet"] as const;
  if (host.sysctl.read(...path) !== "1") host.sysctl.write("1", ...path);
}
