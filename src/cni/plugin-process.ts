/** Calls a plugin that is another program, and makes of what it leaves a result or an error. */
import { quote } from "../json/quote.ts";
import { type ExecOptions, type ExecOutput, exec } from "../kernel/exec.ts";
import { isSystemError, sys } from "../sys/sys.ts";
import { CniError, fromErrorJson } from "./errors.ts";

/** A plugin that failed without an error object of its own: it may have left something behind. */
export class PluginCrash extends CniError {}

/** How a plugin ended, and what it said. */
export type Ending = Omit<ExecOutput, "stdout">;

/**
 * Runs the plugin at `path` with the config on stdin, and returns its stdout.
 *
 * Its stderr is handed to `onStderr` as it comes.
 * @param more a time limit in milliseconds, and another argument vector than the path
 * @throws {CniError} the plugin's own error, or a {@link PluginCrash} in the words of the reference
 *   (pkg/invoke/raw_exec.go), code 0
 */
export function runProcess(
  path: string,
  environ: Record<string, string>,
  config: Uint8Array,
  onStderr: (data: Uint8Array) => void,
  more: Pick<ExecOptions, "timeout" | "argv"> = {},
): string {
  let output: ExecOutput;
  try {
    output = exec(path, { environ, input: config, onStderr, ...more });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!isSystemError(error)) throw new PluginCrash("Unknown", `netplugin failed: ${reason}`);
    throw startError(path, error.code, reason);
  }
  const stdout = sys.decodeUtf8(output.stdout);
  if (output.status !== 0) throw pluginError(stdout, output);
  return stdout;
}

/**
 * A plugin that could not be started.
 * @param code of the system error, e.g. `ENOENT`
 * @param reason said where the code has no phrase
 */
export function startError(path: string, code: string, reason: string): CniError {
  const phrase = execPhrases[code] ?? reason;
  return new CniError(
    "Unknown",
    `netplugin failed with no error message: fork/exec ${path}: ${phrase}`,
  );
}

/** The error that a plugin's output stands for, where it has not succeeded; it keeps the stderr. */
export function pluginError(stdout: string, ending: Ending): CniError {
  const stderr = sys.decodeUtf8(ending.stderr);
  const error = decodeError(stdout, stderr, ending);
  if (stderr !== "") error.stderr = stderr;
  return error;
}

function decodeError(stdout: string, stderr: string, output: Ending): CniError {
  if (stdout === "") {
    const ending = describeEnding(output);
    return new PluginCrash(
      "Unknown",
      stderr === ""
        ? `netplugin failed with no error message: ${ending}`
        : `netplugin failed: ${quote(stderr)}: ${ending}`,
    );
  }
  try {
    return fromErrorJson(stdout);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return new PluginCrash(
      "Unknown",
      `netplugin failed but error parsing its diagnostic message ${quote(stdout)}: ${reason}`,
    );
  }
}

function describeEnding({ status, signal, timedOut }: Ending): string {
  if (signal === null) return `exit status ${status}`;
  const why = timedOut ? " (its time was up)" : "";
  return `signal: ${signalPhrases[signal] ?? `signal ${signal}`}${why}`;
}

/** The words of Go's syscall package, which are the kernel's. */
const execPhrases: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOEXEC: "exec format error",
  ETXTBSY: "text file busy",
  E2BIG: "argument list too long",
  ENOMEM: "cannot allocate memory",
};

/** Signals that end a process, by the numbers that are the same on all our architectures. */
const signalPhrases: Readonly<Record<number, string>> = {
  1: "hangup",
  2: "interrupt",
  3: "quit",
  4: "illegal instruction",
  5: "trace/breakpoint trap",
  6: "aborted",
  8: "floating point exception",
  9: "killed",
  11: "segmentation fault",
  13: "broken pipe",
  14: "alarm clock",
  15: "terminated",
};
