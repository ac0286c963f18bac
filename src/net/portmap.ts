/**
 * Ports of the host that lead to a container. Natively with nf_tables; the program `iptables` is run
 * only where the config asks for it, or the kernel has no nf_tables.
 */
import { equal } from "../addr/bytes.ts";
import type { Cidr } from "../addr/cidr.ts";
import { CniError } from "../cni/errors.ts";
import { tryAll } from "../cni/undo.ts";
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import { NftUnsupported } from "../kernel/nft-support.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { install } from "./attachment-set.ts";
import { findDamage } from "./attachment-set-check.ts";
import { collect, remove } from "./attachment-set-removal.ts";
import { protocols } from "./conditions.ts";
import { whereSupported } from "./nft-remains.ts";
import { forgetStale, type LostService, type Service } from "./portmap-connections.ts";
import * as guarded from "./portmap-guarded.ts";
import * as iptables from "./portmap-iptables.ts";
import {
  askGuarded,
  entriesOf,
  features,
  isConditional,
  loopback6,
  servicesOf,
} from "./portmap-nft.ts";
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
import * as remains from "./portmap-remains.ts";

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
    forget(host, family.family === "ip" ? 4 : 6, services, warn);
  }
  if (asked.config.snat) letLoopbackOut(host, families);
  if (asked.mappings.some(({ hostIp }) => hostIp && equal(hostIp, loopback6))) {
    warn("ports of ::1 cannot be mapped: the kernel lets no answer back to it");
  }
}

/** Undefined where iptables is to be run. */
function nativePlan(config: PortmapConfig, families: readonly FamilyMappings[]): Plan | undefined {
  const backend = requestedBackend(config);
  if (backend === "iptables") return undefined;
  try {
    return planNatively(config, families);
  } catch (error) {
    if (backend === undefined && mayStandIn(config, families)) return undefined;
    throw error;
  }
}

function mayStandIn(config: PortmapConfig, families: readonly FamilyMappings[]): boolean {
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

/** A failure costs a client its old connection, at the worst: no reason to fail. */
function forget(host: Netns, family: 4 | 6, services: readonly Service[], warn: Warn): void {
  try {
    const count = forgetStale(host, family, services);
    if (count > 0) warn(`forgot ${count} stale UDP connections over IPv${family}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    warn(`stale UDP connections over IPv${family} may linger: ${why}`);
  }
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

/**
 * Throws what is missing or otherwise than `setup` made it. What the Go plugin made for the attachment
 * will do: a node may have changed from it to us.
 */
export function check(host: Netns, attachment: Attachment, asked: PortMappings): void {
  const families = byFamily(asked.addresses, asked.mappings);
  const plan = nativePlan(asked.config, families);
  const damage = plan
    ? nativeDamage(host, attachment, asked, plan)
    : iptablesDamage(attachment, asked, families);
  if (damage !== undefined) throw new CniError("Internal", `Port mappings are damaged: ${damage}`);
}

function nativeDamage(
  host: Netns,
  attachment: Attachment,
  asked: PortMappings,
  plan: Plan,
): string | undefined {
  try {
    const wanted = entriesOf(plan).filter(({ entries }) => entries.length > 0);
    const isGuarded = plan.targets.some(isConditional);
    const damage =
      findDamage(host, attachment, wanted) ??
      (isGuarded ? guarded.findDamage(host, attachment, plan) : undefined);
    return damage !== undefined && remains.isThere(host, attachment) ? undefined : damage;
  } catch (error) {
    const families = byFamily(asked.addresses, asked.mappings);
    if (!(error instanceof NftUnsupported) || !mayStandIn(asked.config, families)) throw error;
    return iptablesDamage(attachment, asked, families);
  }
}

function iptablesDamage(
  attachment: Attachment,
  { config, mappings }: PortMappings,
  families: readonly FamilyMappings[],
): string | undefined {
  for (const family of families) {
    const damage = iptables.findDamage(config, attachment, family, mappings);
    if (damage !== undefined) return damage;
  }
  return undefined;
}

/**
 * Removes what `setup` made, and what the Go plugin made for the same container, by whichever
 * backend. What is not there is no error.
 *
 * @param mappings may be empty; only needed to forget UDP connections that iptables redirected
 */
export function teardown(
  host: Netns,
  attachment: Attachment,
  mappings: readonly Mapping[],
  warn: Warn,
): void {
  let removed = false;
  tryAll(
    () =>
      whereSupported(() => {
        const questions = askGuarded(attachment);
        const others = { questions, changes: () => [] };
        forgetLost(host, servicesOf(remove(host, features, attachment, others)), warn);
        const had = questions.some(({ answer }) => answer);
        if (had) forgetLost(host, guarded.remove(host, attachment), warn);
      }),
    () =>
      whereSupported(() => {
        removed = remains.remove(host, attachment);
      }),
    () => {
      if (iptables.teardownLegacy(attachment)) removed = true;
    },
    () => removed && forgetMappings(host, mappings, warn),
  );
}

function forgetLost(host: Netns, lost: readonly LostService[], warn: Warn): void {
  for (const family of ["ip", "ip6"] as const) {
    const mine = lost.filter((each) => each.family === family);
    forget(host, family === "ip" ? 4 : 6, mine, warn);
  }
}

function forgetMappings(host: Netns, mappings: readonly Mapping[], warn: Warn): void {
  for (const family of ["ip", "ip6"] as const) {
    const mine = mappings.filter((mapping) => !mapping.family || mapping.family === family);
    const services = mine.map(({ protocol, hostPort, hostIp }) => ({
      protocol: protocols[protocol],
      port: hostPort,
      ...(hostIp && { address: hostIp }),
    }));
    forget(host, family === "ip" ? 4 : 6, services, warn);
  }
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(
  host: Netns,
  network: string,
  valid: readonly ValidAttachment[],
  warn: Warn,
): void {
  tryAll(
    () =>
      whereSupported(() => {
        forgetLost(host, servicesOf(collect(host, features, network, valid)), warn);
      }),
    () => whereSupported(() => forgetLost(host, guarded.collect(host, network, valid), warn)),
    () => whereSupported(() => remains.collect(host, network, valid)),
    () => iptables.collectLegacy(network, valid),
  );
}

/** Why ports cannot be mapped on this host; undefined if they can. */
export function findObstacle(host: Netns, config: PortmapConfig): string | undefined {
  const backend = requestedBackend(config);
  if (backend !== "iptables" && host.use(Nft).isSupported()) return undefined;
  if (backend !== "nftables" && iptables.isAvailable(["ip"])) return undefined;
  const missing = {
    nftables: "the kernel lacks CONFIG_NF_TABLES",
    iptables: "iptables is not in PATH",
  };
  return backend ? missing[backend] : `${missing.nftables}, and ${missing.iptables}`;
}
