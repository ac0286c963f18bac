/** The config of one plugin: in a list, in a file of a network's folder, or (older) in its own file. */
import { dns } from "../cni/result-read.ts";
import { record, typeError } from "../json/decode.ts";
import { parse } from "../json/parse.ts";
import { serialize } from "../json/serialize.ts";
import { emptyObject, isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import { sys } from "../sys/sys.ts";
import { ConfigError, messageOf, positionOf } from "./errors.ts";

/** The config of one plugin. */
export interface PluginConfig {
  /** The plugin's name. */
  type: string;
  /** The network's name; "" in a list, whose own counts. */
  name: string;
  /** "" where there is none. */
  cniVersion: string;
  /** The capabilities that are true, sorted. */
  capabilities: string[];
  /** All of the config. */
  document: JsonObject;
  /** The text it was read from; of one in a list, its document with sorted keys. */
  bytes: Uint8Array;
}

const prefix = "error parsing configuration: ";

/**
 * Reads a plugin's config from a text.
 * @throws {ConfigError}
 */
export function parsePlugin(bytes: Uint8Array): PluginConfig {
  let document: JsonValue;
  try {
    document = parse(sys.decodeUtf8(bytes));
  } catch (error) {
    throw new ConfigError(prefix + messageOf(error), positionOf(error));
  }
  return readPlugin(document, bytes);
}

/**
 * Reads a plugin's config from a value.
 * @param bytes its text; default: the value with sorted keys
 * @throws {ConfigError}
 */
export function readPlugin(json: JsonValue, bytes?: Uint8Array): PluginConfig {
  const document = isObject(json) ? json : emptyObject();
  let config: Omit<PluginConfig, "document" | "bytes">;
  try {
    config = readFields(json);
  } catch (error) {
    throw new ConfigError(prefix + messageOf(error));
  }
  if (config.type === "") throw new ConfigError(`${prefix}missing 'type'`);
  return { ...config, document, bytes: bytes ?? encode(document) };
}

/**
 * A copy with these keys set.
 * @throws {Error} for a key that is "", and a value that is null
 */
export function inject(plugin: PluginConfig, values: JsonObject): PluginConfig {
  const document = Object.assign(emptyObject(), plugin.document);
  for (const [key, value] of Object.entries(values)) {
    if (key === "") throw new Error("keys cannot be empty");
    if (value === null) throw new Error(`key '${key}' value must not be nil`);
    document[key] = value;
  }
  return readPlugin(document);
}

/** What a plugin reads: compact, sorted. */
export function encode(document: JsonObject): Uint8Array {
  return sys.encodeUtf8(serialize(document, { sorted: true }));
}

/** As the reference's `types.PluginConf` reads it: what is there must be of the right type. */
function readFields(json: JsonValue): Omit<PluginConfig, "document" | "bytes"> {
  const fields = record(json, "types.PluginConf");
  const cniVersion = fields.string("cniVersion");
  const name = fields.string("name");
  const type = fields.string("type");
  const capabilities = readCapabilities(fields.raw("capabilities"), fields.place("capabilities"));
  record(fields.raw("ipam"), "types.IPAM", fields.place("ipam")).string("type");
  dns(fields);
  record(fields.raw("prevResult"), "map[string]interface {}", fields.place("prevResult"));
  fields.list("cni.dev/valid-attachments", "[]types.GCAttachment", (item, place) => {
    const attachment = record(item, "types.GCAttachment", place);
    attachment.string("containerID");
    attachment.string("ifname");
  });
  return { type, name, cniVersion, capabilities };
}

function readCapabilities(value: JsonValue | undefined, place: string): string[] {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) throw typeError(value, "map[string]bool", place);
  return Object.keys(value)
    .filter((name) => {
      const enabled = value[name] ?? false;
      if (typeof enabled !== "boolean") throw typeError(enabled, "bool", place);
      return enabled;
    })
    .sort();
}
