/**
 * Carries out an operation and waits for it.
 *
 * A plugin whose file is this very executable is called in this process; it has an environment and
 * streams of its own and cannot tell the difference. So a whole list is one process.
 */
import { concat } from "../addr/bytes.ts";
import { isThisExecutable } from "../cni/find-plugin.ts";
import type { Io, Plugin } from "../cni/outside.ts";
import { pluginError, runProcess } from "../cni/plugin-process.ts";
import { sys } from "../sys/sys.ts";
import type { PluginCall, Steps } from "./runtime.ts";

export interface RunOptions {
  /** Milliseconds for each plugin, which is then killed. It needs a process of its own for that. */
  timeout?: number | undefined;
}

/**
 * Runs an operation to its end.
 * @param io where built-in plugins come from, and where what plugins write to stderr goes
 */
export function run<T>(steps: Steps<T>, io: Io, options: RunOptions = {}): T {
  let step = steps.next();
  while (!step.done) {
    let stdout: string;
    try {
      stdout = callPlugin(step.value, io, options);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(stdout);
  }
  return step.value;
}

/** @returns what the plugin printed. @throws {CniError} what it failed with */
function callPlugin(call: PluginCall, io: Io, { timeout }: RunOptions): string {
  const { type, file, environ, stdin } = call;
  const isOurs = file === undefined || isThisExecutable(file);
  const plugin = isOurs && timeout === undefined ? io.load(type) : undefined;
  if (plugin) return callBuiltIn(plugin, call, io);
  if (file !== undefined) return runProcess(file, environ, stdin, io.writeStderr, { timeout });
  const executable = sys.executable();
  const argv = [executable, type];
  return runProcess(executable, environ, stdin, io.writeStderr, { timeout, argv });
}

function callBuiltIn(plugin: Plugin, { environ, stdin }: PluginCall, io: Io): string {
  let stdout = "";
  const stderr: Uint8Array[] = [];
  const status = plugin.run({
    environ,
    readStdin: () => stdin,
    writeStdout(text) {
      stdout += text;
    },
    writeStderr(data) {
      stderr.push(typeof data === "string" ? sys.encodeUtf8(data) : data);
      io.writeStderr(data);
    },
    load: io.load,
  });
  if (status === 0) return stdout;
  throw pluginError(stdout, { status, signal: null, stderr: concat(...stderr) });
}
