/**
 * ADD, CHECK and DEL of a network that is one plugin: the older form, whose name and version stand in
 * the plugin's config. Errors are the plugin's own.
 *
 * Reference: libcni/api.go.
 */
import type { AnyResult } from "../cni/result.ts";
import { readPluginResult } from "../cni/result-read.ts";
import { isAtLeast } from "../cni/versions.ts";
import { quote } from "../json/quote.ts";
import { Cache } from "./cache.ts";
import { CacheError, CheckNotSupportedError, messageOf } from "./errors.ts";
import { cachedResult, checkNames, request, resultToDelete } from "./lists.ts";
import type { PluginConfig } from "./plugin-config.ts";
import { call, find, type Runtime, type RuntimeConfig, type Steps } from "./runtime.ts";

/** @throws {CniError} the plugin's, or {@link CacheError} */
export function* addNetwork(
  runtime: Runtime,
  plugin: PluginConfig,
  about: RuntimeConfig,
): Steps<AnyResult> {
  const program = find(runtime, plugin.type);
  checkNames(plugin.name, about);
  const stdin = request(plugin, plugin, about, undefined);
  const stdout = yield* call(runtime, program, "ADD", stdin, about);
  const result = readPluginResult(stdout, plugin.cniVersion || "0.1.0");
  try {
    new Cache(runtime.cacheDirectory).write(plugin.name, about, plugin.bytes, result);
  } catch (error) {
    const what = `failed to set network ${quote(plugin.name)} cached result: ${messageOf(error)}`;
    throw new CacheError(what, result);
  }
  return result;
}

/** @throws {CheckNotSupportedError} for versions before 0.4.0 */
export function* checkNetwork(
  runtime: Runtime,
  plugin: PluginConfig,
  about: RuntimeConfig,
): Steps<void> {
  if (!isAtLeast(plugin.cniVersion, "0.4.0")) throw new CheckNotSupportedError(plugin.cniVersion);
  const stdin = request(plugin, plugin, about, cachedResult(runtime, plugin, about));
  yield* call(runtime, find(runtime, plugin.type), "CHECK", stdin, about);
}

export function* delNetwork(
  runtime: Runtime,
  plugin: PluginConfig,
  about: RuntimeConfig,
): Steps<void> {
  checkNames(plugin.name, about);
  const cache = new Cache(runtime.cacheDirectory);
  const prevResult = resultToDelete(runtime, cache, plugin, about);
  const stdin = request(plugin, plugin, about, prevResult);
  yield* call(runtime, find(runtime, plugin.type), "DEL", stdin, about);
  cache.forget(plugin.name, about);
}
