/**
 * Calls another plugin for one's own network: an IPAM plugin, mostly.
 *
 * It is looked for in CNI_PATH, as the specification says. If what is found there is this very
 * executable, it is called in this process, as a call of its own; so it is where CNI_PATH has no
 * such plugin and one is built in. Otherwise the program is run.
 */
import { parse } from "../json/parse.ts";
import type { AddCall, Call, CheckCall, DelCall, GcCall, StatusCall } from "./applet.ts";
import { formatResult, toCurrent } from "./convert.ts";
import { readEnvironment } from "./env.ts";
import { findPlugin, isThisExecutable, notFound } from "./find-plugin.ts";
import type { Plugin } from "./outside.ts";
import { PluginCrash, runProcess } from "./plugin-process.ts";
import type { Result } from "./result.ts";
import { createResult, readPluginResult } from "./result-read.ts";

/**
 * ADD of the plugin `name`; its result in the model of 1.1.0.
 *
 * The undo, DEL of the same plugin, is pushed where something may be left behind: after success, and
 * after an end without an error object. A plugin that reports an error cleans up by itself, and a
 * DEL might then take away what an earlier ADD of the same attachment holds.
 * @throws the plugin's own CniError, as it is
 */
export function add(call: AddCall<unknown>, name: string): Result {
  const pushUndo = () => {
    call.undo.push(`undo the ADD of ${name}`, () => run(call, name, "DEL"));
  };
  try {
    const result = run(call, name, "ADD");
    pushUndo();
    return result();
  } catch (error) {
    if (error instanceof PluginCrash) pushUndo();
    throw error;
  }
}

export function check(call: CheckCall<unknown>, name: string): void {
  run(call, name, "CHECK");
}

export function del(call: DelCall<unknown>, name: string): void {
  run(call, name, "DEL");
}

export function gc(call: GcCall<unknown>, name: string): void {
  run(call, name, "GC");
}

export function status(call: StatusCall<unknown>, name: string): void {
  run(call, name, "STATUS");
}

/** Runs the verb; what is returned gives the result of an ADD, and may throw. */
function run(call: Call<unknown>, name: string, command: string): () => Result {
  const file = findPlugin(name, call.path);
  const builtIn = !file || isThisExecutable(file) ? call.outside.io.load(name) : undefined;
  if (builtIn) return callBuiltIn(call, builtIn, command);
  if (!file) throw notFound(name, call.path);
  return callProgram(call, file, command);
}

function callBuiltIn(call: Call<unknown>, plugin: Plugin, command: string): () => Result {
  const { io, request, callers } = call.outside;
  const { name } = plugin.applet;
  if (callers.includes(name)) {
    throw new Error(`Cannot call ${name}: it is already being called (${callers.join(", ")})`);
  }
  const env = readEnvironment({ ...io.environ, CNI_COMMAND: command });
  let result: Result | undefined;
  plugin.serve(env, { io, request, callers: [...callers, name] }, (added) => {
    // What it would have printed: older versions have no place for all of it.
    result = isCurrentShape(call.cniVersion)
      ? added
      : toCurrent(createResult(call.cniVersion, parse(formatResult(added, call.cniVersion))));
  });
  return () => result as Result;
}

function isCurrentShape(version: string): boolean {
  return version === "1.0.0" || version === "1.1.0";
}

function callProgram(call: Call<unknown>, file: string, command: string): () => Result {
  const { io, request } = call.outside;
  const environ = { ...io.environ, CNI_COMMAND: command };
  const stdout = runProcess(file, environ, request.bytes, io.writeStderr);
  return () => toCurrent(readPluginResult(stdout, call.cniVersion));
}
