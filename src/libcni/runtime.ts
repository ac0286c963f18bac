/**
 * What every operation works with: the runtime around it, and the calls of plugins.
 *
 * An operation is a generator: it yields each call that it wants to be made and gets back what the
 * plugin printed, or what the call threw. So one code serves a caller that waits (`run.ts`) and one
 * that does not (the library for Node).
 */
import { findPlugin, notFound } from "../cni/find-plugin.ts";
import { quote } from "../json/quote.ts";
import type { JsonObject } from "../json/types.ts";
import { PluginFailedError } from "./errors.ts";
import type { PluginConfig } from "./plugin-config.ts";
import { type TraceContext, traceVariables } from "./trace-context.ts";

/** Where plugins and cached results are, and who hears of what goes wrong by the way. */
export interface Runtime {
  /** The directories of plugins: CNI_PATH. */
  path: readonly string[];
  /** The environment that plugins inherit. */
  environ: Readonly<Record<string, string>>;
  /** Results are cached in its folder `results`; see {@link defaultCacheDirectory}. */
  cacheDirectory: string;
  /** Whether a plugin that `path` lacks is there all the same. */
  hasBuiltIn(type: string): boolean;
  /** A line for the operator. */
  warn(message: string): void;
  /** Handed on to the plugins; default: what `environ` has. */
  trace?: TraceContext | undefined;
}

export const defaultCacheDirectory = "/var/lib/cni";

/** One container's part in a network. */
export interface RuntimeConfig {
  containerId: string;
  /** The path of the network namespace; "" where DEL has none. */
  netns: string;
  ifName: string;
  /** CNI_ARGS, in order. */
  args?: readonly (readonly [key: string, value: string])[] | undefined;
  /** By capability: what plugins that declare it get as `runtimeConfig`. */
  capabilityArgs?: JsonObject | undefined;
}

/** A plugin to be called. */
export interface PluginCall {
  type: string;
  /** Its file; undefined for one that is built in and nowhere in the path. */
  file: string | undefined;
  environ: Record<string, string>;
  /** The config. */
  stdin: Uint8Array;
}

/** An operation: takes what each plugin printed, and may be thrown what its call threw. */
export type Steps<T> = Generator<PluginCall, T, string>;

/** A plugin that was found. */
export type Program = Pick<PluginCall, "type" | "file">;

/** @throws Error in the words of the reference */
export function find({ path, hasBuiltIn }: Runtime, type: string): Program {
  const file = findPlugin(type, path);
  if (file === undefined && !hasBuiltIn(type)) throw notFound(type, path);
  return { type, file };
}

/**
 * Calls a plugin.
 * @param about the attachment; GC and STATUS have none
 * @returns what it printed
 */
export function* call(
  runtime: Runtime,
  program: Program,
  command: string,
  stdin: Uint8Array,
  about: Partial<RuntimeConfig> = {},
): Steps<string> {
  const { containerId = "", netns = "", ifName = "", args = [] } = about;
  const variables = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifName,
    CNI_ARGS: args.map(([key, value]) => `${key}=${value}`).join(";"),
    CNI_PATH: runtime.path.join(":"),
  };
  const trace = runtime.trace ? traceVariables(runtime.trace) : {};
  return yield { ...program, environ: { ...runtime.environ, ...variables, ...trace }, stdin };
}

/** How the messages of a list name a plugin. */
export function describe({ type, name }: PluginConfig): string {
  return `type=${quote(type)}${name === "" ? "" : ` name=${quote(name)}`}`;
}

/** Does something for one plugin of a list; what it throws becomes a {@link PluginFailedError}. */
export function naming<T>(plugin: PluginConfig, verb: "add" | "delete", work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new PluginFailedError(describe(plugin), verb, error);
  }
}
