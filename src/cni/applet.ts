/**
 * What an applet is, and what its verbs are called with.
 *
 * An applet takes a call and returns a value. It never reads the environment, prints or exits:
 * only `skel.ts` does. Whatever `add` makes, it pushes the undo of on `call.undo` on the next line.
 */
import type { Netns } from "../kernel/netns.ts";
import type { Config, ConfigSchema } from "./config.ts";
import type { Io, Outside } from "./outside.ts";
import type { Result } from "./result.ts";
import type { Undo } from "./undo.ts";

/** The attachment that a verb is about, as the runtime named it. */
export interface Attachment {
  containerId: string;
  /** CNI_IFNAME. */
  ifName: string;
  /** CNI_NETNS, exactly as given; empty where the runtime gave none. */
  netns: string;
}

/** What every verb gets. */
export interface Call<C> {
  /** The network's name. */
  network: string;
  /** The config's version, one of `versions.all`. */
  cniVersion: string;
  /** The validated config, defaults filled in. */
  config: C;
  /** The config as it came in: delegates get these bytes unchanged. */
  stdin: Uint8Array;
  /** CNI_ARGS, undecoded; `env.ts` has the reader. */
  cniArgs: string;
  /** The directories of CNI_PATH. */
  path: string[];
  /** The namespace that the plugin was started in. */
  host: Netns;
  /** Writes a line for the operator to stderr. */
  warn(message: string): void;
  /** The way to other plugins: `delegate.ts` and `ipam.ts` take it. */
  outside: Outside;
}

export interface AddCall<C> extends Call<C> {
  attachment: Attachment;
  container: Netns;
  /**
   * The result of the plugin before this one in the chain, in the internal model (1.1.0). It is
   * decoded when it is first looked at, and that throws if it is damaged.
   */
  readonly prevResult?: Result;
  undo: Undo;
}

export interface CheckCall<C> extends Call<C> {
  attachment: Attachment;
  container: Netns;
  readonly prevResult?: Result;
}

export interface DelCall<C> extends Call<C> {
  attachment: Attachment;
  /** Absent where the namespace is not given, is gone, or is the plugin's own. */
  container?: Netns;
  /** Absent also where it is damaged: DEL goes on without, with a warning. */
  readonly prevResult?: Result;
}

export interface GcCall<C> extends Call<C> {
  /**
   * The attachments that the runtime still knows. All others *of this network* may go; what belongs
   * to other networks, or to no network, must stay. Where the runtime did not say which are valid,
   * `gc` is not called at all.
   */
  valid: readonly Pick<Attachment, "containerId" | "ifName">[];
}

export type StatusCall<C> = Call<C>;

/** What is asked for, whoever asks. */
export type Asked<C> = Pick<Call<C>, "config" | "cniVersion" | "stdin" | "cniArgs">;

/** A plugin. A verb that is absent succeeds and prints nothing, as in the reference. */
export interface Applet<S extends ConfigSchema = ConfigSchema> {
  /** The plugin's name: the file's name and argv[0]. */
  name: string;
  /** One line for `cnibox --list`. */
  summary: string;
  /** The applet's own config keys; those that every plugin has are added by `config.ts`. */
  schema: S;
  /** The keys of CNI_ARGS that it reads, and what they are. */
  cniArgs?: Readonly<Record<string, string>>;
  /**
   * Refuses a config that ADD and CHECK cannot work with, before a namespace is opened. DEL is never
   * refused: there may be something to take away from before the config was as it is.
   */
  vet?(config: Config<S>): void;
  /**
   * For `cnibox validate`, which asks this after `vet`: reads what ADD reads of the config only when it gets
   * there, and throws what ADD would.
   */
  inspect?(asked: Asked<Config<S>>): void;
  add(call: AddCall<Config<S>>): Result;
  check?(call: CheckCall<Config<S>>): void;
  del(call: DelCall<Config<S>>): void;
  gc?(call: GcCall<Config<S>>): void;
  status?(call: StatusCall<Config<S>>): void;
  /**
   * False: the plugin works without namespaces, as IPAM plugins do. None is opened then: `host` and
   * `container` throw when they are used.
   */
  needsNetns?: boolean;
  /** What the program is beside a plugin, where its first argument is `name`: a daemon. */
  command?: {
    name: string;
    /** @returns the exit status */
    run(args: readonly string[], io: Pick<Io, "environ" | "writeStdout" | "writeStderr">): number;
  };
}

/** Types an applet by its schema. */
export function defineApplet<const S extends ConfigSchema>(applet: Applet<S>): Applet<S> {
  return applet;
}
