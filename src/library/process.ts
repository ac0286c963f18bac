/** Runs plugins in processes of their own, without waiting in this thread. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { StringDecoder } from "node:string_decoder";
import { fileURLToPath } from "node:url";
import { CniError } from "../cni/errors.ts";
import { PluginCrash, pluginError, startError } from "../cni/plugin-process.ts";
import type { PluginCall } from "../libcni/runtime.ts";

/** What a plugin may print; more is a mistake. */
const maxOutput = 16 * 1024 * 1024;
/** Of stderr this much is kept for the error. */
const keptStderr = 64 * 1024;
/** Milliseconds; a program that is just being installed may be open for writing: soon it is not. */
const longestWait = 2560;

/** The script that is every plugin of this package. */
export function builtInProgram(): string {
  return fileURLToPath(new URL("cnibox.js", import.meta.url));
}

/** Hears what a plugin writes to stderr, as it comes. */
export type StderrListener = (text: string, plugin: string) => void;

/**
 * Calls a plugin; one that has no file is taken from this package.
 *
 * @param signal kills the plugin, and the processes that it has started, when it is aborted; the
 *   promise is settled after their end
 * @returns what the plugin printed
 * @throws {CniError} the plugin's own error; a {@link PluginCrash} where it had none, also if it was
 *   killed
 */
export async function runPlugin(
  call: PluginCall,
  onStderr: StderrListener | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { type, file } = call;
  const [program, args] =
    file === undefined ? [process.execPath, [builtInProgram(), type]] : [file, []];
  for (let wait = 10; ; wait *= 2) {
    try {
      return await runOnce(program, args, call, onStderr, signal);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      if (error.code !== "ETXTBSY" || wait > longestWait) {
        throw startError(program, error.code, error.message);
      }
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

/** The program was not started. */
class StartError extends Error {
  readonly code: string;

  constructor({ code = "", message }: NodeJS.ErrnoException) {
    super(message);
    this.code = code;
  }
}

function runOnce(
  program: string,
  args: readonly string[],
  { type, environ, stdin }: PluginCall,
  onStderr: StderrListener | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  return new Promise((done, failed) => {
    if (signal?.aborted) throw new CniError("Unknown", "netplugin was not started: aborted");
    // A process group of its own, so that its children can be killed with it.
    const child = start(program, args, environ);
    const stdout = new Collector(maxOutput);
    const stderr = new Collector(keptStderr);
    const decoder = new StringDecoder("utf8"); // A chunk may end within a character.
    const tell = (text: string) => {
      if (text !== "") onStderr?.(text, type);
    };
    const kill = () => killGroup(child);
    signal?.addEventListener("abort", kill);
    child.stdout.on("data", (data: Buffer) => {
      stdout.add(data);
      if (stdout.isOver) kill();
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr.add(data);
      tell(decoder.write(data));
    });
    child.stderr.on("end", () => tell(decoder.end()));
    child.stdin.on("error", () => {}); // The plugin need not read what it is given.
    child.stdin.end(stdin);
    child.on("error", (error: Error) => {
      signal?.removeEventListener("abort", kill);
      if (child.pid === undefined) failed(new StartError(error));
    });
    child.on("close", (status, signalName) => {
      signal?.removeEventListener("abort", kill);
      if (child.pid === undefined) return;
      if (stdout.isOver) {
        const message = `netplugin failed: its output exceeds ${maxOutput} bytes`;
        return failed(new PluginCrash("Unknown", message));
      }
      if (status === 0) return done(stdout.bytes().toString());
      const number = signalName === null ? null : constants.signals[signalName];
      const ending = { status, signal: number, stderr: stderr.bytes() };
      failed(pluginError(stdout.bytes().toString(), ending));
    });
  });
}

function start(program: string, args: readonly string[], env: Record<string, string>) {
  try {
    return spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  } catch (error) {
    throw new StartError(error as Error); // E2BIG, for one
  }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // They have all ended.
  }
}

/** The beginning of a stream. */
class Collector {
  readonly #parts: Buffer[] = [];
  readonly #limit: number;
  #length = 0;
  /** There was more than the limit. */
  isOver = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(data: Buffer): void {
    const room = this.#limit - this.#length;
    this.isOver ||= data.length > room;
    this.#parts.push(data.subarray(0, room));
    this.#length += Math.min(data.length, room);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
