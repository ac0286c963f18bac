/**
 * What a config and a result ask for: which ports of the host lead to which address, under which
 * conditions, by which backend.
 *
 * Reference: plugins/meta/portmap/main.go, with its texts.
 */
import type { Cidr } from "../addr/cidr.ts";
import { type Ip, isUnspecified, isV4, parseIp } from "../addr/ip.ts";
import { CniError } from "../cni/errors.ts";
import type { Result } from "../cni/result.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import { alternatives, type IpFamily, type Protocol, protocols } from "./conditions.ts";
import { readIptables } from "./conditions-iptables.ts";
import { readNft } from "./conditions-nft.ts";

/** The config keys that say how, as the applet's schema has them. */
export interface PortmapConfig {
  backend?: string | undefined;
  snat: boolean;
  masqAll: boolean;
  markMasqBit?: number | undefined;
  externalSetMarkChain?: string | undefined;
  conditionsV4?: readonly string[] | undefined;
  conditionsV6?: readonly string[] | undefined;
  runtimeConfig?: { portMappings?: readonly PortMappingConfig[] | undefined } | undefined;
}

export interface PortMappingConfig {
  hostPort: number;
  containerPort: number;
  protocol: string;
  hostIP?: string | undefined;
}

/** One port of the host, and the port of the container that it stands for. */
export interface Mapping {
  protocol: Protocol;
  hostPort: number;
  containerPort: number;
  /** Absent: any address of the host. */
  hostIp?: Ip;
  /** Absent: both. */
  family?: IpFamily;
}

/** Where the ports of one family lead. */
export interface Target {
  family: IpFamily;
  /** The container's, with the prefix length of its subnet. */
  address: Cidr;
  /** Those of this family. */
  mappings: readonly Mapping[];
  /** A packet must pass one of these tests. */
  conditions: readonly (readonly ExpressionInput[])[];
}

/** What is to be set up natively. */
export interface Plan {
  targets: readonly Target[];
  snat: boolean;
  masqAll: boolean;
}

const conditionKeys = { ip: "conditionsV4", ip6: "conditionsV6" } as const;
type ConditionKey = (typeof conditionKeys)[IpFamily];
export type Backend = "nftables" | "iptables";

/** @throws CniError InvalidNetworkConfig about the first mapping that is wrong */
export function readMappings(config: PortmapConfig): Mapping[] {
  return (config.runtimeConfig?.portMappings ?? []).map(readMapping);
}

function readMapping({ hostPort, containerPort, protocol, hostIP }: PortMappingConfig): Mapping {
  if (!isPort(containerPort)) throw invalid(`Invalid container port number: ${containerPort}`);
  if (!isPort(hostPort)) throw invalid(`Invalid host port number: ${hostPort}`);
  const name = protocol.toLowerCase();
  if (!isProtocol(name)) throw invalid(`Invalid protocol of a port mapping: "${protocol}"`);
  const mapping: Mapping = { protocol: name, hostPort, containerPort };
  if (!hostIP) return mapping;
  const ip = parseIp(hostIP);
  if (!ip) throw invalid(`Invalid host IP address: "${hostIP}"`);
  mapping.family = isV4(ip) ? "ip" : "ip6";
  return isUnspecified(ip) ? mapping : { ...mapping, hostIp: ip };
}

function isPort(port: number): boolean {
  return port > 0 && port <= 0xffff;
}

function isProtocol(name: string): name is Protocol {
  return Object.keys(protocols).includes(name);
}

export function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}

/** What the schema cannot say of the keys about marks. */
export function checkMarks({ markMasqBit, externalSetMarkChain }: PortmapConfig): void {
  if (markMasqBit !== undefined && externalSetMarkChain !== undefined) {
    throw invalid("Cannot specify externalSetMarkChain and markMasqBit");
  }
  if (markMasqBit !== undefined && (markMasqBit < 0 || markMasqBit > 31)) {
    throw invalid("MasqMarkBit must be between 0 and 31");
  }
}

/**
 * The backend that the config asks for, or that its keys need.
 * @returns undefined where both will do
 */
export function requestedBackend(config: PortmapConfig): Backend | undefined {
  const { backend } = config;
  const needs: Record<Backend, string[]> = { nftables: [], iptables: [] };
  if (config.externalSetMarkChain !== undefined) needs.iptables.push("externalSetMarkChain");
  for (const key of Object.values(conditionKeys)) {
    const language = languageOf(config[key]);
    if (language) needs[language].push(key);
  }
  if (backend !== undefined) {
    const other = backend === "iptables" ? "nftables" : "iptables";
    if (needs[other].length > 0) throw wrongBackend(backend, other, needs[other]);
    if (!isBackend(backend)) throw invalid(`unrecognized backend "${backend}"`);
    return backend;
  }
  if (config.externalSetMarkChain === undefined) return undefined;
  if (needs.nftables.length > 0) throw wrongBackend("iptables", "nftables", needs.nftables);
  return "iptables";
}

function isBackend(name: string): name is Backend {
  return name === "nftables" || name === "iptables";
}

function wrongBackend(chosen: string, other: string, keys: readonly string[]): CniError {
  return invalid(
    `${chosen} backend was requested but configuration contains ` +
      `${other}-specific options [${keys.join(" ")}]`,
  );
}

/** The language of conditions, by their first word. */
function languageOf(conditions: readonly string[] | undefined): Backend | undefined {
  const first = conditions?.[0];
  if (!first) return undefined;
  return /^[-!]/.test(first) ? "iptables" : "nftables";
}

/**
 * The addresses of the attachment that ports are mapped to: the first of each family that is the
 * container interface's, or of which nothing is known.
 */
export function addressesOf(result: Result, ifName: string): Cidr[] {
  const candidates = result.ips.filter(({ interface: index = -1 }) => {
    const entry = result.interfaces[index];
    return !entry || (entry.name === ifName && !!entry.sandbox);
  });
  const addresses = candidates.map(({ address }) => address);
  const first4 = addresses.find(({ ip }) => isV4(ip));
  const first6 = addresses.find(({ ip }) => !isV4(ip));
  return [first4, first6].filter((address): address is Cidr => address !== undefined);
}

/** The mappings of one family, without their conditions: those are in one backend's language. */
export interface FamilyMappings extends Omit<Target, "conditions"> {}

/** Those of each family that an address is of; families without a mapping are left out. */
export function byFamily(
  addresses: readonly Cidr[],
  mappings: readonly Mapping[],
): FamilyMappings[] {
  return addresses.flatMap((address) => {
    const family = isV4(address.ip) ? "ip" : "ip6";
    const mine = mappings.filter((mapping) => !mapping.family || mapping.family === family);
    return mine.length > 0 ? [{ family, address, mappings: mine }] : [];
  });
}

/**
 * The plan for nf_tables.
 * @throws CniError UnsupportedField with the key of conditions that are not understood
 */
export function planNatively(config: PortmapConfig, families: readonly FamilyMappings[]): Plan {
  const { snat, masqAll } = config;
  const targets = families.map((each) => ({ ...each, conditions: translate(config, each.family) }));
  return { targets, snat, masqAll };
}

function translate(config: PortmapConfig, family: IpFamily): ExpressionInput[][] {
  const key: ConditionKey = conditionKeys[family];
  const texts = config[key];
  const language = languageOf(texts);
  if (!texts || !language) return [[]];
  try {
    const read = language === "iptables" ? readIptables : readNft;
    return alternatives(read(family, texts));
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new CniError(
      "UnsupportedField",
      `Cannot translate ${key} ${JSON.stringify(texts)} into rules of nf_tables: ${why}`,
    );
  }
}

/** The extra arguments for `iptables`. */
export function iptablesConditions(config: PortmapConfig, family: IpFamily): readonly string[] {
  const texts = config[conditionKeys[family]];
  return languageOf(texts) ? (texts as readonly string[]) : [];
}

/** Whether all conditions are arguments for `iptables`, so that it may be run where we cannot. */
export function isForIptables(config: PortmapConfig): boolean {
  return Object.values(conditionKeys).every((key) => languageOf(config[key]) !== "nftables");
}
