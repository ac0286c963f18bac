/**
 * One executable, many names: called as `bridge` it is the bridge plugin; called as `cnibox`, or by
 * any other name, its first argument says what to be.
 *
 * This file is read on every call, so it holds only what every call needs: a plugin, and the
 * operator's tool, are loaded when it is known which one.
 */
import { load as loadModule } from "#load";
import { applets, tools } from "./applets/mod.ts";
import { versionReply } from "./cni/about.ts";
import type { Io, Plugin } from "./cni/outside.ts";
import { standardIo } from "./cni/stdio.ts";
import { trace } from "./cni/trace.ts";
import { sys } from "./sys/sys.ts";

type AppletName = (typeof applets)[number];
type ToolName = (typeof tools)[number];

/**
 * Serves the call that this process was started for.
 *
 * The executable is built from a program that has evaluated this module already, so nothing about
 * the process is looked at before.
 * @returns the exit status
 */
export function main(): number {
  const io = standardIo(load);
  try {
    return serve(io);
  } catch (error) {
    return report(error, io);
  }
}

function serve(io: Io): number {
  const [called = "", ...args] = sys.argv();
  const name = called.slice(called.lastIndexOf("/") + 1);
  if (isApplet(name)) return runApplet(name, args, io);
  if (isTool(name)) return loadModule(name).run(io, args);
  const [first = "", ...others] = args;
  if (isApplet(first)) return runApplet(first, others, io);
  return isTool(first) ? loadModule(first).run(io, others) : runTool(args, io);
}

function runApplet(name: AppletName, args: readonly string[], io: Io): number {
  if (args[0] === "--help" || args[0] === "-h") return runTool(["--help", name], io);
  const [first, ...others] = args;
  if (first !== undefined) {
    const { command } = loadModule(name).applet;
    if (first === command?.name) return command.run(others, io);
  }
  // What skel does too, without loading it and the applet.
  if (io.environ.CNI_COMMAND === "VERSION") {
    io.writeStdout(versionReply());
    return 0;
  }
  return loadModule(name).run(io);
}

function runTool(args: readonly string[], io: Io): number {
  return loadModule("cnibox").run(io, args);
}

function load(name: string): Plugin | undefined {
  return isApplet(name) ? loadModule(name) : undefined;
}

function isApplet(name: string): name is AppletName {
  return (applets as readonly string[]).includes(name);
}

function isTool(name: string): name is ToolName {
  return (tools as readonly string[]).includes(name);
}

/** What nobody expected: the runtime gets an error object all the same, and we learn the place. */
function report(error: unknown, io: Io): number {
  io.writeStderr(`cnibox: ${trace(error)}\n`);
  try {
    const text = error instanceof Error ? error.message : String(error ?? "out of memory");
    const msg = JSON.stringify(text);
    if (io.environ.CNI_COMMAND) io.writeStdout(`{\n    "code": 999,\n    "msg": ${msg}\n}`);
  } catch {
    // Stdout is closed, and that may be what was reported.
  }
  return 1;
}
