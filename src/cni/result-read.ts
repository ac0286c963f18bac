/** Reads results from JSON, in the shape of any version, with the rules and words of the reference. */
import { type Cidr, noCidr, parseCidr } from "../addr/cidr.ts";
import { requireIp } from "../addr/ip.ts";
import { type Fields, record, typeError } from "../json/decode.ts";
import { lookup } from "../json/lookup.ts";
import { parse } from "../json/parse.ts";
import { quote } from "../json/quote.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import { CniError } from "./errors.ts";
import type {
  AnyResult,
  Dns,
  Interface,
  IpConfig,
  Result,
  Result020,
  Result040,
  Route,
} from "./result.ts";
import { decodeConfigVersion } from "./versions.ts";

/** The versions that share a shape. */
export interface Family {
  versions: readonly string[];
  /** How the reference shows the list in its error. */
  shown: string;
  decode(json: JsonValue): AnyResult;
}

/** Oldest first. */
export const families: readonly Family[] = [
  { versions: ["0.1.0", "0.2.0"], shown: "[ 0.1.0 0.2.0]", decode: decode020 },
  { versions: ["0.3.0", "0.3.1", "0.4.0"], shown: "[0.3.0 0.3.1 0.4.0]", decode: decode040 },
  { versions: ["1.0.0", "1.1.0"], shown: "[1.0.0 1.1.0]", decode: decode100 },
];

/** The family of a version; undefined if there is no such version. */
export function familyOf(version: string): Family | undefined {
  return families.find(({ versions }) => versions.includes(version));
}

/**
 * Reads a result in the shape of `version` ("" is 0.1.0). It keeps the version that stands in it,
 * which must be of the same shape.
 *
 * Throws an Error with the text of the reference: pkg/types/create, pkg/types/internal.
 */
export function createResult(version: string, json: JsonValue): AnyResult {
  const family = familyOf(version === "" ? "0.1.0" : version);
  if (!family) throw new Error(`unsupported CNI result version ${quote(version)}`);
  const result = family.decode(json);
  const own = result.cniVersion ?? "";
  if (own === "" && result.family === "0.2.0") result.cniVersion = "0.1.0";
  else if (!family.versions.includes(own)) {
    throw new Error(
      `result type supports ${family.shown} but unmarshalled CNIVersion is ${quote(own)}`,
    );
  }
  return result;
}

/**
 * Reads what a plugin printed. A result without a version has the config's (pkg/invoke/exec.go,
 * fixupResultVersion).
 *
 * Throws an Error with the text of the reference.
 */
export function readPluginResult(text: string, configVersion: string): AnyResult {
  let json: JsonValue = null;
  let version: string;
  try {
    json = parse(text);
    version = record(json, "map[string]interface {}").string("cniVersion") || configVersion;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`failed to unmarshal raw result: ${reason}`);
  }
  const members = isObject(json) ? json : {};
  return createResult(version, { ...members, cniVersion: version });
}

/** Reads a result in the shape of the version that stands in it. */
export function createResultFromItself(json: JsonValue): AnyResult {
  return createResult(decodeConfigVersion(json), json);
}

/**
 * The `prevResult` of a config, in the shape of the config's version; undefined if there is none.
 * A version that is absent from it is taken from the config.
 *
 * @param raw the value in the config
 * @throws {CniError} DecodingFailure, `could not parse prevResult: …`
 */
export function parsePrevResult(
  raw: JsonValue | undefined,
  configVersion: string,
): AnyResult | undefined {
  if (raw === undefined || raw === null) return undefined;
  if (!isObject(raw)) {
    const error = typeError(raw, "map[string]interface {}", "NetConf.prevResult");
    throw new CniError("DecodingFailure", error.message);
  }
  try {
    return createResult(configVersion, withVersion(raw, configVersion));
  } catch (error) {
    throw new CniError(
      "DecodingFailure",
      `could not parse prevResult: ${(error as Error).message}`,
    );
  }
}

function withVersion(raw: JsonObject, version: string): JsonObject {
  const own = lookup(raw, "cniVersion");
  return own === undefined || own === null ? { ...raw, cniVersion: version } : raw;
}

function decode100(json: JsonValue): Result {
  const fields = record(json, "types100.Result");
  return {
    cniVersion: fields.string("cniVersion"),
    interfaces: interfaces(fields, "types100"),
    ips: list(fields, "ips", "[]*types100.IPConfig", (item, place) =>
      ipConfig(record(item, "types100.ipConfig", place)),
    ),
    routes: routes(fields, "[]*types.Route"),
    dns: dns(fields),
  };
}

function decode040(json: JsonValue): Result040 {
  const fields = record(json, "types040.Result");
  return {
    family: "0.4.0",
    cniVersion: fields.string("cniVersion"),
    interfaces: interfaces(fields, "types040"),
    ips: list(fields, "ips", "[]*types040.IPConfig", (item, place) => {
      const members = record(item, "types040.ipConfig", place);
      return { version: members.string("version"), ...ipConfig(members) };
    }),
    routes: routes(fields, "[]*types.Route"),
    dns: dns(fields),
  };
}

function decode020(json: JsonValue): Result020 {
  const fields = record(json, "types020.Result");
  const result: Result020 = {
    family: "0.2.0",
    cniVersion: fields.string("cniVersion"),
    dns: dns(fields),
  };
  for (const key of ["ip4", "ip6"] as const) {
    const value = fields.raw(key) ?? undefined;
    if (value === undefined) continue;
    const members = record(value, "types020.ipConfig", fields.place(key));
    const gateway = members.text("gateway", "net.IP", requireIp);
    result[key] = {
      ip: cidr(members, "ip"),
      ...(gateway && { gateway }),
      routes: routes(members, "[]types.Route"),
    };
  }
  return result;
}

/** Null items have nothing in them and are dropped, but not where others count on their index. */
function list<T>(
  fields: Fields,
  key: string,
  type: string,
  read: (item: JsonValue, place: string) => T,
): T[] {
  const items = fields.list(key, type, (item, place) => (item === null ? item : read(item, place)));
  return (items ?? []).filter((item): item is Awaited<T> & T => item !== null);
}

function interfaces(fields: Fields, type: "types040" | "types100"): Interface[] {
  const items = fields.list("interfaces", `[]*${type}.Interface`, (item, place) => {
    const members = record(item, `${type}.Interface`, place, "Interface.interfaces.");
    const entry: Interface = { name: members.string("name") };
    const mtu = type === "types100" ? members.int("mtu") : undefined;
    const keys =
      type === "types100"
        ? (["mac", "sandbox", "socketPath", "pciID"] as const)
        : (["mac", "sandbox"] as const);
    for (const key of keys) {
      const value = members.string(key);
      if (value !== "") entry[key] = value;
    }
    if (mtu) entry.mtu = mtu;
    return entry;
  });
  return items ?? [];
}

function ipConfig(fields: Fields): IpConfig {
  const index = fields.int("interface");
  const address = cidr(fields, "address");
  const gateway = fields.text("gateway", "net.IP", requireIp);
  return {
    ...(index !== undefined && { interface: index }),
    address,
    ...(gateway && { gateway }),
  };
}

/** In contrast to other fields a null is an error, and so is an empty string. */
function cidr(fields: Fields, key: string): Cidr {
  const value = fields.raw(key);
  if (value === undefined) return noCidr;
  if (value !== null && typeof value !== "string") {
    throw typeError(value, "string", fields.place(key));
  }
  return parseCidr(value ?? "");
}

function routes(fields: Fields, type: string): Route[] {
  return list(fields, "routes", type, (item, place) => {
    const members = record(item, "types.route", place);
    const route: Route = { dst: cidr(members, "dst") };
    const gw = members.text("gw", "net.IP", requireIp);
    if (gw) route.gw = gw;
    for (const key of ["mtu", "advmss", "priority"] as const) {
      const value = members.int(key);
      if (value) route[key] = value;
    }
    for (const key of ["table", "scope"] as const) {
      const value = members.int(key);
      if (value !== undefined) route[key] = value;
    }
    return route;
  });
}

/** The member `dns` of a record. */
export function dns(fields: Fields): Dns {
  const members = record(fields.raw("dns"), "types.DNS", fields.place("dns"), "DNS.dns.");
  const result: Dns = {};
  const domain = members.string("domain");
  if (domain !== "") result.domain = domain;
  for (const key of ["nameservers", "search", "options"] as const) {
    const values = members.strings(key);
    if (values) result[key] = values;
  }
  return result;
}
