/**
 * Results from any version to any other, and into text.
 *
 * Versions that share a shape differ in nothing else; the shapes are a chain, so there is one
 * converter for each step of it and each direction.
 *
 * Reference: pkg/types/internal/convert.go, pkg/types/020, 040 and 100.
 */
import { formatCidr } from "../addr/cidr.ts";
import { formatIp, type Ip, isV4 } from "../addr/ip.ts";
import { serializePlain } from "../json/serialize.ts";
import type { JsonValue, Serializable } from "../json/types.ts";
import {
  type AnyResult,
  type Dns,
  type Interface,
  type IpConfig,
  type IpConfig020,
  isEmptyDns,
  type Result,
  type Result020,
  type Result040,
  type Route,
} from "./result.ts";
import { families, familyOf, parsePrevResult } from "./result-read.ts";
import { current } from "./versions.ts";

/**
 * The result as one of `version` ("" is 0.1.0): itself if it has that version already. A result
 * without a version has the last one of its shape, and gets it written in.
 *
 * Towards 0.1.0 and 0.2.0 much is lost; without any address it throws
 * `cannot convert: no valid IP addresses`.
 */
export function convertResult(result: AnyResult, version: string): AnyResult {
  const target = version === "" ? "0.1.0" : version;
  result.cniVersion ||= result.family ?? current;
  if (result.cniVersion === target) return result;
  const from = familyOf(result.cniVersion);
  const to = familyOf(target);
  if (!from || !to) {
    throw new Error(`no converter for CNI result version ${result.cniVersion} to ${target}`);
  }
  let step = families.indexOf(from);
  const last = families.indexOf(to);
  let converted = result;
  while (step !== last) {
    if (step < last) {
      converted = upward(converted);
      step++;
    } else {
      converted = downward(converted);
      step--;
    }
  }
  return { ...converted, cniVersion: target };
}

/** The result in the model of 1.1.0. */
export function toCurrent(result: AnyResult): Result {
  return convertResult(result, current) as Result;
}

/**
 * The `prevResult` of a config in the model of 1.1.0; undefined if there is none.
 * @throws {CniError} see `parsePrevResult`
 */
export function readPrevResult(
  raw: JsonValue | undefined,
  configVersion: string,
): Result | undefined {
  const result = parsePrevResult(raw, configVersion);
  return result && toCurrent(result);
}

/**
 * The text that a plugin prints: the result as one of `version`, four spaces a level, no newline at
 * the end. Throws what `convertResult` throws.
 */
export function formatResult(result: AnyResult, version: string): string {
  const printed = convertResult(result, version);
  return serializePlain(toJson(printed), printed.family ? null : sortedKeys);
}

/** All keys of a result of 1.x: the reference prints that through a map, and therefore sorted. */
const sortedKeys = [
  ...["address", "advmss", "cniVersion", "dns", "domain", "dst", "gateway", "gw", "interface"],
  ...["interfaces", "ips", "mac", "mtu", "name", "nameservers", "options", "pciID", "priority"],
  ...["routes", "sandbox", "scope", "search", "socketPath", "table"],
];

/** The members of a result as they are printed, in the order of the reference's records. */
export function toJson(result: AnyResult): { [key: string]: Serializable | undefined } {
  const cniVersion = result.cniVersion || undefined;
  switch (result.family) {
    case "0.2.0": {
      const ip4 = result.ip4 && ip020Json(result.ip4);
      const ip6 = result.ip6 && ip020Json(result.ip6);
      return { cniVersion, ip4, ip6, dns: dnsJson(result.dns) };
    }
    case "0.4.0":
      return {
        cniVersion,
        interfaces: unlessEmpty(result.interfaces.map(interfaceJson)),
        ips: unlessEmpty(result.ips.map((ip) => ({ version: ip.version, ...ipJson(ip) }))),
        routes: unlessEmpty(result.routes.map(routeJson)),
        dns: dnsJson(result.dns),
      };
    default:
      return {
        cniVersion,
        interfaces: unlessEmpty(result.interfaces.map(interfaceJson)),
        ips: unlessEmpty(result.ips.map(ipJson)),
        routes: unlessEmpty(result.routes.map(routeJson)),
        dns: isEmptyDns(result.dns) ? undefined : dnsJson(result.dns),
      };
  }
}

function upward(result: AnyResult): AnyResult {
  return result.family === "0.2.0" ? from020(result) : from040(result as Result040);
}

function downward(result: AnyResult): AnyResult {
  return result.family === "0.4.0" ? to020(result) : to040(result as Result);
}

function from020({ ip4, ip6, dns }: Result020): Result040 {
  const ips = [];
  const routes: Route[] = [];
  for (const [version, ip] of [["4", ip4] as const, ["6", ip6] as const]) {
    if (!ip) continue;
    ips.push({ version, address: ip.ip, ...(ip.gateway && { gateway: ip.gateway }) });
    routes.push(...ip.routes);
  }
  return { family: "0.4.0", interfaces: [], ips, routes, dns };
}

function to020({ ips, routes, dns }: Result040): Result020 {
  const ip4 = firstOf("4", ips, routes);
  const ip6 = firstOf("6", ips, routes);
  if (!ip4 && !ip6) throw new Error("cannot convert: no valid IP addresses");
  return { family: "0.2.0", ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns };
}

/** The first address with this label, whatever its family, and the routes of the label's family. */
function firstOf(
  version: "4" | "6",
  ips: Result040["ips"],
  routes: readonly Route[],
): IpConfig020 | undefined {
  const first = ips.find((ip) => ip.version === version);
  if (!first) return undefined;
  return {
    ip: first.address,
    ...(first.gateway && { gateway: first.gateway }),
    routes: routes
      .filter(({ dst }) => isV4(dst.ip) === (version === "4"))
      .map(({ dst, gw }) => (gw ? { dst, gw } : { dst })),
  };
}

function from040({ interfaces, ips, routes, dns }: Result040): Result {
  const addresses = ips.map(({ version: _label, ...ip }) => ip);
  return { interfaces: [...interfaces], ips: addresses, routes: [...routes], dns };
}

function to040({ interfaces, ips, routes, dns }: Result): Result040 {
  return {
    family: "0.4.0",
    interfaces: interfaces.map(({ name, mac, sandbox }) => ({
      name,
      ...(mac !== undefined && { mac }),
      ...(sandbox !== undefined && { sandbox }),
    })),
    ips: ips.map((ip) => ({ version: isV4(ip.address.ip) ? "4" : "6", ...ip })),
    routes: [...routes],
    dns,
  };
}

type Members = { [key: string]: Serializable | undefined };

function interfaceJson({ name, mac, mtu, sandbox, socketPath, pciID }: Interface): Members {
  return {
    name,
    mac: mac || undefined,
    mtu: mtu || undefined,
    sandbox: sandbox || undefined,
    socketPath: socketPath || undefined,
    pciID: pciID || undefined,
  };
}

function ipJson({ interface: index, address, gateway }: IpConfig): Members {
  return { interface: index, address: formatCidr(address), gateway: ipText(gateway) };
}

function ip020Json({ ip, gateway, routes }: IpConfig020): Members {
  return {
    ip: formatCidr(ip),
    gateway: ipText(gateway),
    routes: unlessEmpty(routes.map(routeJson)),
  };
}

function routeJson({ dst, gw, mtu, advmss, priority, table, scope }: Route): Members {
  return {
    dst: formatCidr(dst),
    gw: ipText(gw),
    mtu: mtu || undefined,
    advmss: advmss || undefined,
    priority: priority || undefined,
    table,
    scope,
  };
}

function dnsJson({ nameservers, domain, search, options }: Dns): Members {
  return {
    nameservers: unlessEmpty(nameservers),
    domain: domain || undefined,
    search: unlessEmpty(search),
    options: unlessEmpty(options),
  };
}

function ipText(ip: Ip | undefined): string | undefined {
  return ip && (formatIp(ip) || undefined);
}

function unlessEmpty<T>(items: T[] | undefined): T[] | undefined {
  return items?.length ? items : undefined;
}
