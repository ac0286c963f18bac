/** What a container runtime does with networks: the operations of libcni, as promises. */
import { dirname } from "node:path";
import { load } from "#load";
import { applets } from "../applets/mod.ts";
import { toCurrent, toJson } from "../cni/convert.ts";
import { splitPath } from "../cni/env.ts";
import { emptyResult, type AnyResult as InternalResult } from "../cni/result.ts";
import type { VersionInfo } from "../cni/versions.ts";
import { current } from "../cni/versions.ts";
import type { JsonObject } from "../json/types.ts";
import { Cache } from "../libcni/cache.ts";
import type { CacheEntry } from "../libcni/cache-entry.ts";
import type { NetworkList } from "../libcni/config.ts";
import { CacheError } from "../libcni/errors.ts";
import { addList, checkList, delList } from "../libcni/lists.ts";
import {
  defaultCacheDirectory,
  type Runtime,
  type RuntimeConfig,
  type Steps,
} from "../libcni/runtime.ts";
import type { TraceContext } from "../libcni/trace-context.ts";
import { gcList, statusList, validateList, versionInfo } from "../libcni/upkeep.ts";
import { drive } from "./drive.ts";
import { builtInProgram, runPlugin, type StderrListener } from "./process.ts";
import { type AnyResult, plain, type Result } from "./results.ts";

/** Where plugins and cached results are, and who hears of what goes wrong by the way. */
export interface CniOptions {
  /**
   * The directories of plugins. Default: those of the environment variable CNI_PATH, else
   * `/opt/cni/bin`. None: there are only the plugins of this package.
   */
  path?: readonly string[] | undefined;
  /**
   * Whether a plugin that `path` lacks is taken from this package. It is run by Node then, which takes
   * longer to start than a plugin does to work. Default: true.
   */
  builtIn?: boolean | undefined;
  /** Where results are kept, below `results/`. Default: `/var/lib/cni`, as other runtimes have it. */
  cacheDirectory?: string | undefined;
  /** The environment that plugins inherit. Default: that of the process at the time of the call. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Hears what plugins write to stderr, as it comes. An error has it too, as `stderr`. */
  onStderr?: StderrListener | undefined;
  /** Hears what an operation got over, e.g. a damaged cached result. Default: a process warning. */
  onWarning?: ((message: string) => void) | undefined;
}

/** A container's part in a network. */
export interface Attachment {
  containerId: string;
  /** The path of the network namespace, e.g. `/run/netns/blue`; may be left out for DEL. */
  netns?: string | undefined;
  /** The name of the interface in the container, e.g. `eth0`. */
  ifName: string;
  /** CNI_ARGS. */
  args?: Readonly<Record<string, string>> | undefined;
  /**
   * By capability, what the plugins that declare it get as `runtimeConfig`, e.g.
   * `{ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] }`.
   */
  capabilityArgs?: JsonObject | undefined;
}

/** An attachment of which an ADD is cached. */
export interface CachedAttachment extends Attachment {
  network: string;
  netns: string;
  /** The text of the config that ADD was called with. */
  config: string;
  /** What ADD returned, in the version that it had. */
  result?: AnyResult | undefined;
}

/** What every operation takes. */
export interface CallOptions {
  /**
   * When it is aborted, the plugin that runs is killed, with the processes that it has started; none
   * is called after it, and the promise is rejected with the signal's reason: an `AbortError`, or a
   * `TimeoutError` of `AbortSignal.timeout()`. It is settled after the plugin's end.
   *
   * An ADD that was aborted may have left something behind: call {@link Cni.del}, or use `rollback`.
   */
  signal?: AbortSignal | undefined;
  /** Handed on to the plugins. */
  trace?: TraceContext | undefined;
}

/** What {@link Cni.add} takes. */
export interface AddOptions extends CallOptions {
  /**
   * When a plugin fails, or the operation is aborted: call DEL of what was called before, last first,
   * before the promise is rejected. The signal does not interrupt that. Default: false, as the
   * specification has it: the runtime calls DEL.
   */
  rollback?: boolean | undefined;
}

/**
 * The operations on networks. Nothing is kept in it but the options, so that several operations may
 * run at once; those on one container are the caller's to put in order.
 *
 * No operation waits in the calling thread: a plugin is a process.
 *
 * @example
 * const cni = new Cni({ path: ["/opt/cni/bin"] });
 * const network = await loadNetwork("/etc/cni/net.d", "web");
 * const eth0 = { containerId: "blue", netns: "/run/netns/blue", ifName: "eth0" };
 * const result = await cni.add(network, eth0, { signal: AbortSignal.timeout(10_000) });
 * console.log(result.ips?.[0]?.address);
 * await cni.del(network, eth0);
 */
export class Cni {
  readonly #options: CniOptions;

  constructor(options: CniOptions = {}) {
    this.#options = options;
  }

  /**
   * ADDs a container to a network: calls each plugin with the result of the one before. The last
   * result is cached, for the other operations.
   *
   * @returns the last result, in the newest version; see {@link convertResult} for others
   * @throws {PluginFailedError} whose `reason` is the plugin's {@link CniError}; {@link CacheError},
   *   where all plugins have succeeded
   */
  async add(
    network: NetworkList,
    attachment: Attachment,
    options: AddOptions = {},
  ): Promise<Result> {
    const { rollback = false } = options;
    const about = runtimeConfig(attachment);
    const steps = addList(this.#runtime(options), network, about, { rollback });
    try {
      return resultOf(await this.#drive(steps, options, rollback));
    } catch (error) {
      if (!(error instanceof CacheError) || !error.result) throw error;
      throw new CacheError(error.message, resultOf(error.result as InternalResult));
    }
  }

  /**
   * CHECKs that an attachment is as ADD has left it. The cached result of ADD must be there.
   *
   * Does nothing for a network with `disableCheck`.
   * @throws {CniError} the first plugin's that finds fault; {@link CheckNotSupportedError} for
   *   versions before 0.4.0
   */
  async check(
    network: NetworkList,
    attachment: Attachment,
    options: CallOptions = {},
  ): Promise<void> {
    const about = runtimeConfig(attachment);
    await this.#drive(checkList(this.#runtime(options), network, about), options);
  }

  /**
   * DELs an attachment: calls each plugin, last first, and forgets the cached result. It may be
   * repeated, and the namespace may be gone.
   *
   * When a plugin fails the others are called all the same.
   * @throws {PluginFailedError}, or {@link SeveralErrors} of them
   */
  async del(
    network: NetworkList,
    attachment: Attachment,
    options: CallOptions = {},
  ): Promise<void> {
    const about = runtimeConfig(attachment);
    await this.#drive(delList(this.#runtime(options), network, about), options);
  }

  /**
   * Deletes what no valid attachment owns: DELs the other cached attachments of the network, and has
   * each plugin look for what it has left behind (GC, since version 1.1.0).
   *
   * Does nothing for a network with `disableGC`.
   * @param valid the attachments that are in use. An empty list means that none is
   * @throws {GcError}, or {@link SeveralErrors} of them
   */
  async gc(
    network: NetworkList,
    valid: readonly Pick<Attachment, "containerId" | "ifName">[],
    options: CallOptions = {},
  ): Promise<void> {
    await this.#drive(gcList(this.#runtime(options), network, valid), options);
  }

  /**
   * Asks each plugin whether it is ready for ADD (STATUS). Does nothing for versions before 1.1.0.
   * @throws {CniError} the first plugin's that is not; code 50 or 51, mostly
   */
  async status(network: NetworkList, options: CallOptions = {}): Promise<void> {
    await this.#drive(statusList(this.#runtime(options), network), options);
  }

  /**
   * Finds out whether each plugin is there and supports the network's version. What stands in the
   * plugins' configs is {@link validateConfig}'s to check.
   *
   * @returns the capabilities that the network's plugins declare, sorted
   * @throws {Error} that says all that is wrong
   */
  async validate(network: NetworkList, options: CallOptions = {}): Promise<string[]> {
    return await this.#drive(validateList(this.#runtime(options), network), options);
  }

  /** Asks a plugin which versions of the specification it supports. */
  async version(plugin: string, options: CallOptions = {}): Promise<VersionInfo> {
    return await this.#drive(versionInfo(this.#runtime(options), plugin), options);
  }

  /**
   * What ADD returned, in the newest version; undefined if nothing is cached.
   * @throws {Error} where the file is damaged
   */
  async cachedResult(
    network: Pick<NetworkList, "name">,
    attachment: Pick<Attachment, "containerId" | "ifName">,
  ): Promise<Result | undefined> {
    const result = this.#cache().result(network.name, attachment, current);
    return result && resultOf(result);
  }

  /**
   * The attachments that are cached, of all networks: all, or those of one container. Damaged files
   * are passed over.
   */
  async attachments(containerId = ""): Promise<CachedAttachment[]> {
    return this.#cache().attachments(containerId).map(cachedAttachment);
  }

  #cache(): Cache {
    return new Cache(this.#options.cacheDirectory ?? defaultCacheDirectory);
  }

  #runtime({ trace }: CallOptions): Runtime {
    const { path, builtIn = true, cacheDirectory, env = process.env } = this.#options;
    const { onWarning = (message: string) => process.emitWarning(message, "CniWarning") } =
      this.#options;
    const directories = path ?? (env.CNI_PATH ? splitPath(env.CNI_PATH) : ["/opt/cni/bin"]);
    return {
      // Plugins take an empty one for a mistake.
      path: directories.length > 0 || !builtIn ? directories : [dirname(builtInProgram())],
      environ: Object.fromEntries(
        Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
      cacheDirectory: cacheDirectory ?? defaultCacheDirectory,
      hasBuiltIn: (type) => builtIn && isBuiltIn(type),
      warn: onWarning,
      trace,
    };
  }

  #drive<T>(steps: Steps<T>, { signal }: CallOptions, cleansUp = false): Promise<T> {
    const { onStderr } = this.#options;
    const run = (call: Parameters<typeof runPlugin>[0], until: AbortSignal | undefined) =>
      runPlugin(call, onStderr, until);
    return drive(steps, run, { signal, cleansUp });
  }
}

function isBuiltIn(type: string): boolean {
  return (applets as readonly string[]).includes(type) && load(type) !== undefined;
}

function runtimeConfig({ containerId, netns = "", ifName, args, capabilityArgs }: Attachment) {
  const about: RuntimeConfig = { containerId, netns, ifName };
  if (args) about.args = Object.entries(args);
  if (capabilityArgs) about.capabilityArgs = capabilityArgs;
  return about;
}

function resultOf(result: InternalResult | undefined): Result {
  return plain<Result>(toJson({ ...toCurrent(result ?? emptyResult()), cniVersion: current }));
}

function cachedAttachment(entry: CacheEntry): CachedAttachment {
  const { network, containerId, netns, ifName, args, capabilityArgs, config, result } = entry;
  const found: CachedAttachment = {
    network,
    containerId,
    netns,
    ifName,
    config: Buffer.from(config).toString(),
  };
  if (args) found.args = Object.fromEntries(args);
  if (capabilityArgs) found.capabilityArgs = plain(capabilityArgs);
  if (result) found.result = plain(result);
  return found;
}
