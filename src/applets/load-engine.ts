/**
 * The engine host: each applet is a chunk of bytecode in the executable, read only when called.
 * The Node host has all of them at hand instead: `build/gen/load.ts`.
 */
import type { Io, Plugin } from "../cni/outside.ts";
import type { applets, tools } from "./mod.ts";

/** A tool of the operator: a chunk like an applet, but no plugin. */
export interface Tool {
  /** Returns the exit status. */
  run(io: Io, args: readonly string[]): number;
}

/** The host's loader: evaluates a module of the executable, once; undefined if it has none so named. */
declare function __cniboxLoad(name: string): { default: Plugin | Tool } | undefined;

export function load(name: "cnibox" | (typeof tools)[number]): Tool;
export function load(name: (typeof applets)[number]): Plugin;
/** The plugin that is built in under this name. */
export function load(name: string): Plugin | undefined;
export function load(name: string): Plugin | Tool | undefined {
  return __cniboxLoad(`applet/${name}.js`)?.default;
}
