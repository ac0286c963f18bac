/**
 * Network configs: a list of plugins, or (older) one plugin.
 *
 * Reference: libcni/conf.go, whose words the errors have.
 */

import { current } from "../cni/version-list.ts";
import { isGreater } from "../cni/versions.ts";
import { typeError } from "../json/decode.ts";
import { parse } from "../json/parse.ts";
import { quote } from "../json/quote.ts";
import { serialize } from "../json/serialize.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import { sys } from "../sys/sys.ts";
import { ConfigError, messageOf, positionOf } from "./errors.ts";
import { type PluginConfig, readPlugin } from "./plugin-config.ts";

/** A network: its plugins, in the order of ADD. */
export interface NetworkList {
  name: string;
  /** The version that all plugins are called with; "" where there is none. */
  cniVersion: string;
  disableCheck: boolean;
  disableGC: boolean;
  /** The folder of the network's name is not looked into. */
  loadOnlyInlinedPlugins: boolean;
  plugins: PluginConfig[];
  /** What it was read from, without the plugins of the folder. The cache keeps it. */
  bytes: Uint8Array;
}

const prefix = "error parsing configuration list: ";

/**
 * Reads a list.
 * @throws {ConfigError}
 */
export function parseList(bytes: Uint8Array): NetworkList {
  const document = readDocument(bytes);
  const { name, cniVersion = "" } = document;
  if (name === undefined) throw failure("no name");
  if (typeof name !== "string") throw failure(`invalid name type ${goType(name)}`);
  if (typeof cniVersion !== "string") {
    throw failure(`invalid cniVersion type ${goType(cniVersion)}`);
  }
  const list: NetworkList = {
    name,
    cniVersion: selectVersion(cniVersion, document.cniVersions),
    disableCheck: readFlag(document, "disableCheck"),
    disableGC: readFlag(document, "disableGC"),
    loadOnlyInlinedPlugins: readFlag(document, "loadOnlyInlinedPlugins"),
    plugins: [],
    bytes,
  };
  const { plugins } = document;
  if (plugins === undefined) {
    if (!list.loadOnlyInlinedPlugins) return list;
    throw failure("`loadOnlyInlinedPlugins` is true, and no 'plugins' key");
  }
  if (!Array.isArray(plugins)) throw failure(`invalid 'plugins' type ${goType(plugins)}`);
  if (plugins.length === 0) throw failure("no plugins in list");
  list.plugins = plugins.map(readInlined);
  return list;
}

/** The list that a single plugin's config stands for. */
export function listOf(plugin: PluginConfig): NetworkList {
  const { name, cniVersion, document } = plugin;
  const text = serialize({ name, cniVersion, plugins: [document] }, { sorted: true });
  return parseList(sys.encodeUtf8(text));
}

function readDocument(bytes: Uint8Array): JsonObject {
  let document: JsonValue;
  try {
    document = parse(sys.decodeUtf8(bytes));
    if (document !== null && !isObject(document)) {
      throw typeError(document, "map[string]interface {}");
    }
  } catch (error) {
    throw new ConfigError(prefix + messageOf(error), positionOf(error));
  }
  return document ?? {};
}

function readInlined(plugin: JsonValue, index: number): PluginConfig {
  try {
    return readPlugin(plugin);
  } catch (error) {
    throw new ConfigError(`failed to parse plugin config ${index}: ${messageOf(error)}`);
  }
}

/** The highest of the versions that we know, as it is spelled; `version` if there is no such. */
function selectVersion(version: string, versions: JsonValue | undefined): string {
  if (versions === undefined) return version;
  // The reference names the type that it wants, not the one that it found.
  if (!Array.isArray(versions)) throw failure("invalid type for cniVersions: []interface {}");
  const candidates = versions.filter((entry, index): entry is string => {
    if (typeof entry !== "string") {
      throw failure(`invalid type for cniVersions index ${index}: ${goType(entry)}`);
    }
    return isKnown(entry, `invalid cniVersions entry ${entry} at index ${index}`);
  });
  if (version !== "" && isKnown(version, `invalid cniVersion ${version}`)) candidates.push(version);
  return candidates.length === 0
    ? version
    : candidates.reduce((best, next) => (isGreater(best, next) ? best : next));
}

function isKnown(version: string, what: string): boolean {
  try {
    return !isGreater(version, current);
  } catch (error) {
    throw failure(`${what}: ${messageOf(error)}`);
  }
}

function readFlag(document: JsonObject, key: string): boolean {
  const value = document[key];
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") throw failure(`invalid type ${goType(value)} for ${key}`);
  const text = value.toLowerCase();
  if (text === "true" || text === "false") return text === "true";
  throw failure(`invalid value ${quote(text)} for ${key}`);
}

function failure(what: string): ConfigError {
  return new ConfigError(prefix + what);
}

/** What Go calls the type of a decoded value. */
function goType(value: JsonValue): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "object") return "map[string]interface {}";
  if (typeof value === "number") return "float64";
  return typeof value === "boolean" ? "bool" : "string";
}
