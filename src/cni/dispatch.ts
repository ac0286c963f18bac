/** One call of one plugin: gates, config, namespaces, verb, undo. It neither prints nor exits. */
import { lookup } from "../json/lookup.ts";
import type { JsonObject } from "../json/types.ts";
import type { Netns } from "../kernel/netns.ts";
import type { AddCall, Attachment, Call, DelCall, GcCall } from "./applet.ts";
import type { Config, ConfigSchema } from "./config.ts";
import { readPrevResult } from "./convert.ts";
import type { Environment } from "./env.ts";
import { CniError } from "./errors.ts";
import { isOwnNetns, openContainer, openContainerToDelete, ownNetnsError } from "./namespaces.ts";
import type { Outside, Plugin } from "./outside.ts";
import type { Result } from "./result.ts";
import { Undo } from "./undo.ts";
import { readConfig } from "./validate.ts";
import { all, decodeConfigVersion, requireAllowed } from "./versions.ts";

type AnyConfig = Config<ConfigSchema>;
type Parts = Pick<Plugin, "applet" | "validate" | "namespaces">;

/** What a verb works with: the call that all verbs share, and where it came from. */
interface Context {
  plugin: Parts;
  env: Environment;
  base: Call<AnyConfig>;
  document: JsonObject;
  deliver(result: Result): void;
}

const verbs: Readonly<Record<string, (context: Context) => void>> = { ADD, CHECK, DEL, GC, STATUS };

/**
 * Serves one call; see {@link Plugin.serve}.
 * @throws whatever went wrong; what has no CNI code is Internal (999)
 */
export function dispatch(
  plugin: Parts,
  env: Environment,
  outside: Outside,
  deliver: (result: Result) => void,
): void {
  const verb = verbs[env.command];
  if (!verb || !Object.keys(verbs).includes(env.command)) {
    throw new CniError("InvalidEnvironmentVariables", `unknown CNI_COMMAND: ${env.command}`);
  }
  const { request, io } = outside;
  const cniVersion = decodeConfigVersion(request.document);
  requireAllowed(env.command, cniVersion, all);

  const { applet, validate, namespaces } = plugin;
  const config = readConfig(applet.schema, validate, request.document) as AnyConfig;
  const base: Call<AnyConfig> = {
    network: request.network,
    cniVersion,
    config,
    stdin: request.bytes,
    cniArgs: env.args,
    path: env.path,
    host: namespaces?.own() as Netns,
    warn: (message) => io.writeStderr(`${applet.name}: ${message}\n`),
    outside,
  };
  try {
    verb({ plugin, env, base, document: request.document, deliver });
  } finally {
    base.host?.close();
  }
}

function ADD({ plugin: { applet, namespaces }, env, base, document, deliver }: Context): void {
  if (!env.netnsOverride && isOwnNetns(env.netns)) throw ownNetnsError();
  applet.vet?.(base.config);
  const container = (namespaces && openContainer(namespaces, env.netns)) as Netns;
  const undo = new Undo();
  const call: AddCall<AnyConfig> = { ...base, attachment: attachment(env), container, undo };
  definePrevResult(call, () => decodePrevResult(document, base.cniVersion));
  try {
    deliver(applet.add(call));
  } catch (error) {
    for (const failure of undo.run()) base.warn(failure);
    throw error;
  } finally {
    container?.close();
  }
}

function CHECK({ plugin: { applet, namespaces }, env, base, document }: Context): void {
  if (!applet.check) return;
  applet.vet?.(base.config);
  const container = (namespaces && openContainer(namespaces, env.netns)) as Netns;
  const call = { ...base, attachment: attachment(env), container };
  definePrevResult(call, () => decodePrevResult(document, base.cniVersion));
  try {
    applet.check(call);
  } finally {
    container?.close();
  }
}

/**
 * DEL does what it can without the namespace, and then says what was wrong with it. In contrast to
 * the reference it is kept away from the plugin's own namespace, where it would delete the host's
 * interface of that name.
 */
function DEL({ plugin: { applet, namespaces }, env, base, document }: Context): void {
  const isOwn = !env.netnsOverride && isOwnNetns(env.netns);
  const { container, problem } =
    namespaces && !isOwn ? openContainerToDelete(namespaces, env.netns, base.warn) : noContainer;
  const call: DelCall<AnyConfig> = {
    ...base,
    attachment: attachment(env),
    ...(container && { container }),
  };
  definePrevResult(call, () => {
    try {
      return decodePrevResult(document, base.cniVersion);
    } catch (error) {
      base.warn(`going on without prevResult: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  });
  try {
    applet.del(call);
  } finally {
    container?.close();
  }
  if (isOwn) throw ownNetnsError();
  if (problem) throw problem;
}

const noContainer: { container?: Netns; problem?: Error } = {};

/**
 * A runtime that says nothing about valid attachments gets nothing collected: to take that for "none
 * is valid" would cut off every container. An empty list, or null, does mean none.
 */
function GC({ plugin: { applet }, base, document }: Context): void {
  if (!applet.gc) return;
  const keys = ["cni.dev/valid-attachments", "cni.dev/attachments"] as const;
  if (keys.every((key) => lookup(document, key) === undefined)) {
    base.warn(`nothing is collected: the config has no ${keys[0]}`);
    return;
  }
  const config: Partial<Record<(typeof keys)[number], { containerID: string; ifname: string }[]>> =
    base.config;
  const valid: GcCall<AnyConfig>["valid"] = keys.flatMap((key) =>
    (config[key] ?? []).map(({ containerID, ifname }) => ({
      containerId: containerID,
      ifName: ifname,
    })),
  );
  applet.gc({ ...base, valid });
}

function STATUS({ plugin: { applet }, base }: Context): void {
  applet.status?.(base);
}

function attachment({ containerId, ifName, netns }: Environment): Attachment {
  return { containerId, ifName, netns };
}

/** Most verbs of most plugins do not look at it, so it is decoded on first use. */
function definePrevResult(call: object, decode: () => Result | undefined): void {
  let decoded: { result: Result | undefined } | undefined;
  Object.defineProperty(call, "prevResult", {
    enumerable: true,
    get: () => {
      decoded ??= { result: decode() };
      return decoded.result;
    },
  });
}

function decodePrevResult(document: JsonObject, cniVersion: string): Result | undefined {
  return readPrevResult(lookup(document, "prevResult"), cniVersion);
}
