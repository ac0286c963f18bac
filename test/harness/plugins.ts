/** Calling plugins as a runtime does: environment, config on stdin, result or error on stdout. */
import { cniBin, pluginPath, versions } from "./hosts.ts";
import type { Json, Namespace } from "./namespace.ts";
import type { Outcome, RunOptions } from "./processes.ts";

/** Where IPAM plugins may stand that are not under test: the reference's, of Debian's package. */
const others = ["/usr/lib/cni"];

/** A network config; `name` and `cniVersion` are filled in when the keys are absent. */
export interface Config {
  type: string;
  [key: string]: unknown;
}

export interface CallOptions {
  /** Default: the sandbox's container. A string is passed as it is, "" as no namespace at all. */
  container?: Namespace | string;
  /** Default: `c1`. */
  containerId?: string;
  /** Default: `eth0`. */
  ifName?: string;
  /** CNI_ARGS. */
  args?: string;
  /** More environment; wins over all the above. */
  env?: Record<string, string>;
  prevResult?: Json;
  /** What stands before the plugin on the command line, e.g. strace. */
  prefix?: string[];
  /** The directory of plugins to use instead of the one under test. */
  bin?: string;
  /** Milliseconds. */
  timeout?: number;
}

/** A plugin's error object. */
export class CniFailure extends Error {
  readonly code: number;
  readonly msg: string;
  readonly details: string | undefined;

  constructor(error: { code: number; msg: string; details?: string }) {
    super(error.details ? `${error.msg}; ${error.details}` : error.msg);
    this.code = error.code;
    this.msg = error.msg;
    this.details = error.details;
  }
}

/** One ADDed attachment, with the calls that follow an ADD. */
export interface Attached {
  result: Json;
  check(): void;
  del(): void;
}

export class Plugins {
  readonly #host: Namespace;
  readonly #container: Namespace;

  constructor(host: Namespace, container: Namespace) {
    this.#host = host;
    this.#container = container;
  }

  /** ADD; returns the result. Throws a {@link CniFailure} with the plugin's error. */
  add(config: Config, options: CallOptions = {}): Json {
    return resultOf(this.invoke("ADD", config, options));
  }

  async addAsync(config: Config, options: CallOptions = {}): Promise<Json> {
    return resultOf(await this.#call("runAsync", "ADD", config, options));
  }

  /** ADD; the handle remembers config and result for CHECK and DEL. */
  attach(config: Config, options: CallOptions = {}): Attached {
    const result = this.add(config, options);
    const later = { ...options, prevResult: result };
    return {
      result,
      check: () => this.check(config, later),
      del: () => this.del(config, later),
    };
  }

  check(config: Config, options: CallOptions = {}): void {
    nothingPrinted(this.invoke("CHECK", config, options));
  }

  del(config: Config, options: CallOptions = {}): void {
    nothingPrinted(this.invoke("DEL", config, options));
  }

  async delAsync(config: Config, options: CallOptions = {}): Promise<void> {
    nothingPrinted(await this.#call("runAsync", "DEL", config, options));
  }

  /** GC; `valid` lists what the runtime still knows. */
  gc(
    config: Config,
    valid: { containerID: string; ifname: string }[],
    options: CallOptions = {},
  ): void {
    nothingPrinted(
      this.invoke("GC", { ...config, "cni.dev/valid-attachments": valid }, gcOptions(options)),
    );
  }

  status(config: Config, options: CallOptions = {}): void {
    nothingPrinted(this.invoke("STATUS", config, gcOptions(options)));
  }

  version(type: string): { cniVersion: string; supportedVersions: string[] } {
    return JSON.parse(this.invoke("VERSION", { type }).stdout);
  }

  /** One call, unjudged: for tests of the protocol itself. */
  invoke(command: string, config: Config, options: CallOptions = {}): Outcome {
    return this.#call("run", command, config, options);
  }

  /** Runs a plugin with exactly this environment and input. */
  raw(plugin: string, options: RunOptions): Outcome {
    return this.#host.run([pluginPath(plugin)], options);
  }

  /** The command line, environment and input of a call. */
  prepare(command: string, config: Config, options: CallOptions) {
    const bin = options.bin ?? cniBin;
    const container = options.container ?? this.#container;
    const env: Record<string, string> = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: options.containerId ?? "c1",
      CNI_NETNS: typeof container === "string" ? container : container.netns,
      CNI_IFNAME: options.ifName ?? "eth0",
      CNI_ARGS: options.args ?? "",
      CNI_PATH: [bin, ...others].join(":"),
      ...options.env,
    };
    const given = { cniVersion: versions.latest, name: "net1", ...config };
    const prevResult = options.prevResult ? { prevResult: options.prevResult } : {};
    const plugin = options.bin ? `${bin}/${config.type}` : pluginPath(config.type);
    return {
      argv: [...(options.prefix ?? []), plugin],
      run: {
        env,
        input: JSON.stringify({ ...given, ...prevResult }),
        ...(options.timeout ? { timeout: options.timeout } : {}),
      },
    };
  }

  #call<M extends "run" | "runAsync">(
    method: M,
    command: string,
    config: Config,
    options: CallOptions,
  ): ReturnType<Namespace[M]> {
    const call = this.prepare(command, config, options);
    return this.#host[method](call.argv, call.run) as ReturnType<Namespace[M]>;
  }
}

/** GC and STATUS are about a network, not about an attachment. */
function gcOptions(options: CallOptions): CallOptions {
  const none = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "" };
  return { ...options, env: { ...none, ...options.env } };
}

/** The result that a successful ADD printed. */
export function resultOf(done: Outcome): Json {
  judge(done);
  return JSON.parse(done.stdout);
}

function nothingPrinted(done: Outcome): void {
  judge(done);
  if (done.stdout !== "") throw new Error(`stdout should be empty, but is: ${done.stdout}`);
}

/** Throws what a failed plugin printed; anything but one error object is a breach of protocol. */
function judge(done: Outcome): void {
  if (done.status === 0) return;
  throw new CniFailure(errorOf(done));
}

/** The error object of a failed call. */
export function errorOf(done: Outcome): { code: number; msg: string; details?: string } {
  const shown = `exit ${done.status ?? done.signal}, stdout: ${done.stdout}, stderr: ${done.stderr}`;
  if (done.status !== 1) throw new Error(`A failed plugin exits with 1: ${shown}`);
  let error: Json;
  try {
    error = JSON.parse(done.stdout);
  } catch {
    throw new Error(`A failed plugin prints one JSON object: ${shown}`);
  }
  if (typeof error.code !== "number" || typeof error.msg !== "string") {
    throw new Error(`An error has code and msg: ${shown}`);
  }
  return error;
}
