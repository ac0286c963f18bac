/**
 * What is cached of an attachment, as text. Older runtimes cached the result alone.
 *
 * Reference: libcni/api.go, `cachedInfo`; the keys and their order are its.
 */
import { parseBase64, toBase64 } from "../addr/base64.ts";
import { toJson } from "../cni/convert.ts";
import type { AnyResult } from "../cni/result.ts";
import { record, typeError } from "../json/decode.ts";
import { parse } from "../json/parse.ts";
import { serialize } from "../json/serialize.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import type { RuntimeConfig } from "./runtime.ts";

const kind = "cniCacheV1";

/** A cached attachment. */
export interface CacheEntry extends RuntimeConfig {
  network: string;
  args: [key: string, value: string][] | undefined;
  capabilityArgs: JsonObject | undefined;
  /** The list, or plugin, that ADD was called with. */
  config: Uint8Array;
  /** The last plugin's result, undecoded; undefined where it had none. */
  result: JsonObject | undefined;
}

/** What a file of the cache holds. */
export type CacheContent =
  | { kind: "entry"; entry: CacheEntry }
  /** Anything else: perhaps a bare result. */
  | { kind: "other"; json: JsonValue; says: string };

export function formatEntry(
  network: string,
  { containerId, netns, ifName, args, capabilityArgs }: RuntimeConfig,
  config: Uint8Array,
  result: AnyResult | undefined,
): string {
  const entry = {
    kind,
    containerId,
    config: toBase64(config),
    ifName,
    networkName: network,
    netns: netns || undefined,
    cniArgs: args?.length ? args : undefined,
    capabilityArgs: sorted(capabilityArgs),
    result: sorted(result && (parse(serialize(toJson(result))) as JsonObject)),
  };
  return serialize(entry);
}

/** With its keys in order; undefined where there are none. */
function sorted(value: JsonObject | undefined): JsonValue | undefined {
  if (!value || Object.keys(value).length === 0) return undefined;
  return parse(serialize(value, { sorted: true }));
}

/** Throws an Error, in the words of the reference, where the text is not JSON or not of the right types. */
export function parseContent(text: string): CacheContent {
  const json = parse(text);
  const fields = record(json, "libcni.cachedInfo");
  const says = fields.string("kind");
  if (says !== kind) return { kind: "other", json, says };
  return {
    kind: "entry",
    entry: {
      network: fields.string("networkName"),
      containerId: fields.string("containerId"),
      ifName: fields.string("ifName"),
      netns: fields.string("netns"),
      config: decodeBytes(fields.string("config")),
      args: fields.list("cniArgs", "[][2]string", readPair),
      capabilityArgs: readMap(fields.raw("capabilityArgs"), fields.place("capabilityArgs")),
      result: readMap(fields.raw("result"), fields.place("result")),
    },
  };
}

function decodeBytes(text: string): Uint8Array {
  const bytes = parseBase64(text);
  if (!bytes) throw new Error("illegal base64 data");
  return bytes;
}

/** As Go reads a `[2]string`: what is missing is "", what is more is dropped. */
function readPair(item: JsonValue, place: string): [string, string] {
  if (!Array.isArray(item)) throw typeError(item, "[2]string", place);
  const [key = "", value = ""] = item.map((part) => {
    if (typeof part !== "string") throw typeError(part, "string", place);
    return part;
  });
  return [key, value];
}

function readMap(value: JsonValue | undefined, place: string): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw typeError(value, "map[string]interface {}", place);
  return value;
}
