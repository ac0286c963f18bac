/**
 * ADD, CHECK and DEL of a list of plugins.
 *
 * Reference: libcni/api.go. Differs on purpose: all plugins are found before the first is called; a
 * failed ADD can be rolled back; DEL goes on to the other plugins when one has failed, and then
 * reports all that went wrong.
 */
import { convertResult, toJson } from "../cni/convert.ts";
import { checkContainerId, checkInterfaceName, checkNetworkName } from "../cni/env.ts";
import { PluginCrash } from "../cni/plugin-process.ts";
import type { AnyResult } from "../cni/result.ts";
import { readPluginResult } from "../cni/result-read.ts";
import { isAtLeast } from "../cni/versions.ts";
import { quote } from "../json/quote.ts";
import { emptyObject, type JsonObject, type JsonValue } from "../json/types.ts";
import { Cache } from "./cache.ts";
import type { NetworkList } from "./config.ts";
import {
  CacheError,
  CheckNotSupportedError,
  messageOf,
  PluginFailedError,
  throwAll,
} from "./errors.ts";
import { encode, type PluginConfig } from "./plugin-config.ts";
import {
  call,
  describe,
  find,
  naming,
  type Program,
  type Runtime,
  type RuntimeConfig,
  type Steps,
} from "./runtime.ts";

export interface AddOptions {
  /** Whether what the plugins of a failed ADD have done is undone: DEL of each that succeeded. */
  rollback?: boolean;
}

/** What the plugins of a network share. */
type Network = Pick<NetworkList, "name" | "cniVersion">;

/** A plugin of a list, and its program. */
interface Found {
  plugin: PluginConfig;
  program: Program;
}

/**
 * ADDs a container to a network: each plugin gets the result of the one before. The last result is
 * cached and returned as it is; undefined if the list is empty.
 * @throws {PluginFailedError} or {@link CacheError}
 */
export function* addList(
  runtime: Runtime,
  list: NetworkList,
  about: RuntimeConfig,
  { rollback = false }: AddOptions = {},
): Steps<AnyResult | undefined> {
  const found = list.plugins.map((plugin, index) =>
    naming(plugin, "add", () => {
      const program = find(runtime, plugin.type);
      if (index === 0) checkNames(list.name, about);
      return { plugin, program };
    }),
  );
  const done: Found[] = [];
  let result: AnyResult | undefined;
  for (const one of found) {
    try {
      result = yield* addOne(runtime, list, one, about, result);
      done.push(one);
    } catch (error) {
      // One that has reported an error has cleaned up; its DEL might take what an earlier ADD holds.
      if (error instanceof PluginCrash) done.push(one);
      if (rollback) yield* undo(runtime, list, done, about, result);
      throw new PluginFailedError(describe(one.plugin), "add", error);
    }
  }
  try {
    new Cache(runtime.cacheDirectory).write(list.name, about, list.bytes, result);
  } catch (error) {
    if (rollback) yield* undo(runtime, list, done, about, result);
    const what = `failed to set network ${quote(list.name)} cached result: ${messageOf(error)}`;
    throw new CacheError(what, rollback ? undefined : result);
  }
  return result;
}

function* addOne(
  runtime: Runtime,
  list: NetworkList,
  { plugin, program }: Found,
  about: RuntimeConfig,
  prevResult: AnyResult | undefined,
): Steps<AnyResult> {
  const stdin = request(list, plugin, about, prevResult);
  const stdout = yield* call(runtime, program, "ADD", stdin, about);
  return readPluginResult(stdout, list.cniVersion || "0.1.0");
}

function* undo(
  runtime: Runtime,
  list: NetworkList,
  done: readonly Found[],
  about: RuntimeConfig,
  result: AnyResult | undefined,
): Steps<void> {
  for (const { plugin, program } of [...done].reverse()) {
    try {
      const prevResult = isAtLeast(list.cniVersion, "0.4.0") ? result : undefined;
      const stdin = request(
        list,
        plugin,
        about,
        prevResult && convertResult(prevResult, list.cniVersion),
      );
      yield* call(runtime, program, "DEL", stdin, about);
    } catch (error) {
      runtime.warn(`Cannot undo the ADD of plugin ${describe(plugin)}: ${messageOf(error)}`);
    }
  }
}

/**
 * CHECKs an attachment: each plugin gets the cached result of ADD. The first error is thrown as it
 * is.
 * @throws {CheckNotSupportedError} for versions before 0.4.0
 */
export function* checkList(runtime: Runtime, list: NetworkList, about: RuntimeConfig): Steps<void> {
  if (!isAtLeast(list.cniVersion, "0.4.0")) throw new CheckNotSupportedError(list.cniVersion);
  if (list.disableCheck) return;
  const prevResult = cachedResult(runtime, list, about);
  const found = list.plugins.map((plugin) => ({ plugin, program: find(runtime, plugin.type) }));
  for (const { plugin, program } of found) {
    const stdin = request(list, plugin, about, prevResult);
    yield* call(runtime, program, "CHECK", stdin, about);
  }
}

/** The cached result for CHECK. */
export function cachedResult(
  runtime: Runtime,
  { name, cniVersion }: Network,
  about: RuntimeConfig,
): AnyResult | undefined {
  try {
    return new Cache(runtime.cacheDirectory).result(name, about, cniVersion);
  } catch (error) {
    throw new Error(`failed to get network ${quote(name)} cached result: ${messageOf(error)}`);
  }
}

/**
 * DELs an attachment: each plugin, last first, gets the cached result of ADD. A damaged one is
 * forgotten, and DEL goes on without. When a plugin fails the others are called all the same, and the
 * cached result stays for the next try.
 * @throws {PluginFailedError} or several of them
 */
export function* delList(runtime: Runtime, list: NetworkList, about: RuntimeConfig): Steps<void> {
  checkNames(list.name, about);
  const cache = new Cache(runtime.cacheDirectory);
  const prevResult = resultToDelete(runtime, cache, list, about);
  const errors: unknown[] = [];
  for (const plugin of [...list.plugins].reverse()) {
    try {
      const stdin = request(list, plugin, about, prevResult);
      yield* call(runtime, find(runtime, plugin.type), "DEL", stdin, about);
    } catch (error) {
      errors.push(new PluginFailedError(describe(plugin), "delete", error));
    }
  }
  throwAll(errors);
  cache.forget(list.name, about);
}

/**
 * The cached result for DEL: none before 0.4.0, and none where it is damaged, which is then forgotten.
 */
export function resultToDelete(
  runtime: Runtime,
  cache: Cache,
  { name, cniVersion }: Network,
  about: RuntimeConfig,
): AnyResult | undefined {
  if (!isAtLeast(cniVersion, "0.4.0")) return undefined;
  try {
    return cache.result(name, about, cniVersion);
  } catch (error) {
    runtime.warn(`going on without the cached result: ${messageOf(error)}`);
    cache.forget(name, about);
    return undefined;
  }
}

/** @throws {CniError} */
export function checkNames(network: string, { containerId, ifName }: RuntimeConfig): void {
  checkContainerId(containerId);
  checkNetworkName(network);
  checkInterfaceName(ifName);
}

/** The config that a plugin gets: the list's name and version, the result before, the capabilities. */
export function request(
  { name, cniVersion }: Network,
  { document, capabilities }: PluginConfig,
  { capabilityArgs = {} }: RuntimeConfig,
  prevResult: AnyResult | undefined,
): Uint8Array {
  const made: JsonObject = Object.assign(emptyObject(), document, { name, cniVersion });
  if (prevResult) made.prevResult = toJson(prevResult) as JsonObject;
  const given = capabilities.filter((key) => Object.keys(capabilityArgs).includes(key));
  if (given.length > 0) {
    const runtimeConfig = emptyObject();
    for (const key of given) runtimeConfig[key] = capabilityArgs[key] as JsonValue;
    made.runtimeConfig = runtimeConfig;
  }
  return encode(made);
}
