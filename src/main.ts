/**
 * One executable, many names: called as `bridge` it is the bridge plugin; called as `cnibox`, or by
 * any other name, its first argument says what to be.
 *
 * This file is read on every call, so it holds only what every call needs: a plugin, and the
 * operator's tool, are loaded when it is known which one.
 */
import { load as loadModule } from "#load";
import { applets } from "./applets/mod.ts";
import { versionReply } from "./cni/about.ts";
import type { Plugin } from "./cni/outside.ts";
import { standardIo } from "./cni/stdio.ts";
import { trace } from "./cni/trace.ts";
import { sys } from "./sys/sys.ts";

type AppletName = (typeof applets)[number];

const io = standardIo(load);

function main(): number {
  const [called = "", ...args] = sys.argv();
  const name = called.slice(called.lastIndexOf("/") + 1);
  if (isApplet(name)) return runApplet(name, args);
  const [first = "", ...others] = args;
  return isApplet(first) ? runApplet(first, others) : runTool(args);
}

function runApplet(name: AppletName, args: readonly string[]): number {
  if (args[0] === "--help" || args[0] === "-h") return runTool(["--help", name]);
  // What skel does too, without loading it and the applet.
  if (io.environ.CNI_COMMAND === "VERSION") {
    io.writeStdout(versionReply());
    return 0;
  }
  return loadModule(name).run(io);
}

function runTool(args: readonly string[]): number {
  return loadModule("cnibox").run(io, args);
}

function load(name: string): Plugin | undefined {
  return isApplet(name) ? loadModule(name) : undefined;
}

function isApplet(name: string): name is AppletName {
  return (applets as readonly string[]).includes(name);
}

/** What nobody expected: the runtime gets an error object all the same, and we learn the place. */
function report(error: unknown): number {
  io.writeStderr(`cnibox: ${trace(error)}\n`);
  try {
    const msg = JSON.stringify(error instanceof Error ? error.message : String(error));
    if (io.environ.CNI_COMMAND) io.writeStdout(`{\n    "code": 999,\n    "msg": ${msg}\n}`);
  } catch {
    // Stdout is closed, and that may be what was reported.
  }
  return 1;
}

let status: number;
try {
  status = main();
} catch (error) {
  status = report(error);
}
sys.exit(status);
