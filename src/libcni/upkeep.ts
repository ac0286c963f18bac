/**
 * What is about a network and no one attachment: GC, STATUS, and whether its plugins suit it.
 *
 * Reference: libcni/api.go. Differs on purpose: GC tells of a cache that it cannot read.
 */
import { CniError, errorCodes } from "../cni/errors.ts";
import { current } from "../cni/version-list.ts";
import { decodeVersionInfo, isAtLeast, type VersionInfo } from "../cni/versions.ts";
import { quote } from "../json/quote.ts";
import type { JsonObject } from "../json/types.ts";
import { sys } from "../sys/sys.ts";
import { Cache } from "./cache.ts";
import type { CacheEntry } from "./cache-entry.ts";
import type { NetworkList } from "./config.ts";
import { cniErrorOf, messageOf, throwAll } from "./errors.ts";
import { delList } from "./lists.ts";
import { encode, inject, type PluginConfig } from "./plugin-config.ts";
import { call, find, type Runtime, type RuntimeConfig, type Steps } from "./runtime.ts";

/** An attachment that is still in use. */
export type ValidAttachment = Pick<RuntimeConfig, "containerId" | "ifName">;

/**
 * Deletes what no valid attachment owns: DELs the network's other cached attachments, and has every
 * plugin do its own GC, where the network's version has that. A list with `disableGC` is left alone.
 *
 * @param valid undefined: there is none, so all cached attachments go; the plugins, which are told
 *   nothing of valid ones then, collect what they like
 */
export function* gcList(
  runtime: Runtime,
  list: NetworkList,
  valid?: readonly ValidAttachment[],
): Steps<void> {
  if (list.disableGC) return;
  const errors: unknown[] = [];
  const failed = (what: string, error: unknown) =>
    errors.push(new GcError(`failed to ${what}: ${messageOf(error)}`, error));
  try {
    for (const entry of staleAttachments(runtime, list, valid)) {
      try {
        yield* delList(runtime, list, entry);
      } catch (error) {
        failed(`delete stale attachment ${entry.containerId} ${entry.ifName}`, error);
      }
    }
  } catch (error) {
    failed("list the cached attachments", error);
  }
  for (const plugin of isVersion11(list) ? list.plugins : []) {
    try {
      const stdin = encode(inject(plugin, gcKeys(list, valid)).document);
      yield* call(runtime, find(runtime, plugin.type), "GC", stdin);
    } catch (error) {
      failed(`GC plugin ${plugin.type}`, error);
    }
  }
  throwAll(errors);
}

/** A step of GC has failed; the code is the plugin's, if it had one. */
export class GcError extends CniError {
  constructor(message: string, cause: unknown) {
    super(cniErrorOf(cause)?.code ?? errorCodes.Internal, message);
    this.name = "GcError";
  }
}

/** The cached attachments of a network that are not valid. */
export function staleAttachments(
  { cacheDirectory }: Runtime,
  { name }: NetworkList,
  valid: readonly ValidAttachment[] = [],
): CacheEntry[] {
  return new Cache(cacheDirectory)
    .attachments()
    .filter(
      ({ network, containerId, ifName }) =>
        network === name &&
        !valid.some((one) => one.containerId === containerId && one.ifName === ifName),
    );
}

function gcKeys(
  { name, cniVersion }: NetworkList,
  valid: readonly ValidAttachment[] | undefined,
): JsonObject {
  if (!valid) return { name, cniVersion };
  const attachments = valid.map(({ containerId, ifName }) => ({
    containerID: containerId,
    ifname: ifName,
  }));
  // The specification once had the second name.
  return {
    name,
    cniVersion,
    "cni.dev/valid-attachments": attachments,
    "cni.dev/attachments": attachments,
  };
}

/** Whether each plugin is ready for ADD, as far as it says; the first that is not throws its own error. */
export function* statusList(runtime: Runtime, list: NetworkList): Steps<void> {
  if (!isVersion11(list)) return;
  const { name, cniVersion } = list;
  const programs = list.plugins.map(({ type }) => find(runtime, type));
  for (const [index, program] of programs.entries()) {
    const plugin = list.plugins[index] as PluginConfig;
    yield* call(runtime, program, "STATUS", encode(inject(plugin, { name, cniVersion }).document));
  }
}

function isVersion11({ cniVersion }: NetworkList): boolean {
  try {
    return isAtLeast(cniVersion, "1.1.0");
  } catch {
    return false;
  }
}

/**
 * Whether each plugin is there and speaks the list's version. Returns the capabilities that are
 * enabled, sorted. Throws one Error with all that is wrong: `[e1 e2]`.
 */
export function* validateList(
  runtime: Runtime,
  { plugins, cniVersion }: NetworkList,
): Steps<string[]> {
  const errors: string[] = [];
  for (const { type } of plugins) {
    try {
      yield* requireVersion(runtime, type, cniVersion);
    } catch (error) {
      errors.push(messageOf(error));
    }
  }
  if (errors.length > 0) throw new Error(`[${errors.join(" ")}]`);
  return [...new Set(plugins.flatMap(({ capabilities }) => capabilities))].sort();
}

/** The same of one plugin, with the error as it is. */
export function* validateNetwork(
  runtime: Runtime,
  { type, cniVersion, capabilities }: PluginConfig,
): Steps<string[]> {
  yield* requireVersion(runtime, type, cniVersion);
  return capabilities;
}

function* requireVersion(runtime: Runtime, type: string, version: string): Steps<void> {
  const { supportedVersions } = yield* versionInfo(runtime, type);
  if (supportedVersions.includes(version || "0.1.0")) return;
  throw new Error(`plugin ${type} does not support config version ${quote(version || "0.1.0")}`);
}

/** What a plugin answers to VERSION. One from before that command supports 0.1.0. */
export function* versionInfo(runtime: Runtime, type: string): Steps<VersionInfo> {
  const program = find(runtime, type);
  const stdin = sys.encodeUtf8(`{"cniVersion":"${current}"}`);
  const about = { netns: "dummy", ifName: "dummy" };
  try {
    const probe = { ...runtime, path: ["dummy"] };
    return decodeVersionInfo(yield* call(probe, program, "VERSION", stdin, about));
  } catch (error) {
    if (messageOf(error) !== "unknown CNI_COMMAND: VERSION") throw error;
    return { cniVersion: "0.1.0", supportedVersions: ["0.1.0"] };
  }
}
