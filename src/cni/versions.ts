/** Versions of the CNI spec: which there are, how they compare, who understands which. */
import { type Fields, record } from "../json/decode.ts";
import { parse as parseJson } from "../json/parse.ts";
import { quote, quoteList } from "../json/quote.ts";
import type { JsonValue } from "../json/types.ts";
import { CniError } from "./errors.ts";
import { all } from "./version-list.ts";

export { all, current } from "./version-list.ts";

/** Those with `ip4` and `ip6` in the result. */
export const legacy = ["0.1.0", "0.2.0"] as const;

/** `version` and all after it. Throws if there is no such version. */
export function startingFrom(version: (typeof all)[number]): string[] {
  const index = all.indexOf(version);
  if (index < 0) throw new Error(`Cannot list versions from ${quote(version)}: no such version`);
  return all.slice(index);
}

export type Triple = [major: number, minor: number, micro: number];

const parts = ["major", "minor", "micro"] as const;

/**
 * The numbers of a version: 1 to 3 parts, absent ones are 0; "" is 0.1.0. Parts are what Go's Atoi
 * reads, signs and leading zeros included. Throws an Error in the words of the reference.
 */
export function parse(version: string): Triple {
  if (version === "") return [0, 1, 0];
  const texts = version.split(".");
  if (texts.length > parts.length)
    throw new Error(`invalid version ${quote(version)}: too many parts`);
  const triple: Triple = [0, 0, 0];
  texts.forEach((text, i) => {
    const problem = !/^[+-]?[0-9]+$/.test(text)
      ? "invalid syntax"
      : isOutOfRange(text)
        ? "value out of range"
        : undefined;
    if (problem) {
      const part = quote(text);
      throw new Error(
        `failed to convert ${parts[i]} version part ${part}: strconv.Atoi: parsing ${part}: ${problem}`,
      );
    }
    triple[i] = Number(text);
  });
  return triple;
}

/** True if the digits do not fit into 64 bits. */
function isOutOfRange(text: string): boolean {
  const digits = text.replace(/^[+-]?0*/, "");
  const limit = text.startsWith("-") ? "9223372036854775808" : "9223372036854775807";
  return digits.length > limit.length || (digits.length === limit.length && digits > limit);
}

/** Negative, 0 or positive. Throws what `parse` throws, about the first argument first. */
export function compare(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

export function isAtLeast(version: string, minimum: string): boolean {
  return compare(version, minimum) >= 0;
}

export function isGreater(a: string, b: string): boolean {
  return compare(a, b) > 0;
}

/**
 * The `cniVersion` of a config; 0.1.0 if it has none.
 * @throws {CniError} DecodingFailure, `decoding version from network config: …`
 */
export function decodeConfigVersion(config: JsonValue): string {
  try {
    const type = 'struct { CNIVersion string "json:\\"cniVersion\\"" }';
    return record(config, type, undefined, ".").string("cniVersion") || "0.1.0";
  } catch (error) {
    throw new CniError(
      "DecodingFailure",
      `decoding version from network config: ${(error as Error).message}`,
    );
  }
}

/** What a plugin answers to VERSION. */
export interface VersionInfo {
  cniVersion: string;
  supportedVersions: string[];
}

/**
 * Reads a plugin's answer to VERSION. One of 0.2.0 may leave its list out.
 * Throws an Error, `decoding version info: …`.
 */
export function decodeVersionInfo(text: string): VersionInfo {
  let cniVersion: string;
  let supportedVersions: string[] | undefined;
  try {
    const fields: Fields = record(parseJson(text), "version.pluginInfo");
    cniVersion = fields.string("cniVersion");
    supportedVersions = fields.strings("supportedVersions");
  } catch (error) {
    throw new Error(`decoding version info: ${(error as Error).message}`);
  }
  if (cniVersion === "") throw new Error("decoding version info: missing field cniVersion");
  if (supportedVersions?.length) return { cniVersion, supportedVersions };
  if (cniVersion === "0.2.0") return { cniVersion, supportedVersions: [...legacy] };
  throw new Error("decoding version info: missing field supportedVersions");
}

/**
 * That a plugin supports the config's version, to the letter: "1.0" is not "1.0.0".
 * @throws {CniError} IncompatibleVersion
 */
export function requireSupported(version: string, supported: readonly string[]): void {
  if (supported.includes(version)) return;
  throw new CniError(
    "IncompatibleVersion",
    "incompatible CNI versions",
    `config is ${quote(version)}, plugin supports ${quoteList(supported)}`,
  );
}

/** The verbs that later versions brought. */
const firstVersions: Readonly<Record<string, string>> = {
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/**
 * That a plugin may be called with this verb and config version.
 *
 * As in the reference (pkg/skel/skel.go) only the first supported version that is not older than the
 * config's decides about CHECK, GC and STATUS.
 *
 * @throws {CniError} DecodingFailure for versions that are none, else IncompatibleVersion
 */
export function requireAllowed(
  command: string,
  configVersion: string,
  supported: readonly string[],
): void {
  const first = firstVersions[command];
  if (first !== undefined) {
    if (!atLeast(configVersion, first)) throw refusal("config", command);
    if (!supported.some((version) => atLeast(version, configVersion))) {
      throw refusal("plugin", command);
    }
  }
  requireSupported(configVersion, supported);
}

function atLeast(version: string, minimum: string): boolean {
  try {
    return isAtLeast(version, minimum);
  } catch (error) {
    throw new CniError("DecodingFailure", (error as Error).message);
  }
}

function refusal(whose: string, command: string): CniError {
  return new CniError("IncompatibleVersion", `${whose} version does not allow ${command}`);
}
