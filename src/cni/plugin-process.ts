/** Calls a plugin that is another program, and makes of what it leaves a result or an error. */
import { quote } from "../json/quote.ts";
import { type ExecOutput, exec } from "../kernel/exec.ts";
import { isSystemError, sys } from "../sys/sys.ts";
import { CniError, fromErrorJson } from "./errors.ts";

/** A plugin that failed without an error object of its own: it may have left something behind. */
export class PluginCrash extends CniError {}

/**
 * Runs the plugin at `path` with the config on stdin, and returns its stdout.
 *
 * Its stderr is handed to `onStderr` as it comes.
 * @throws {CniError} the plugin's own error, or a {@link PluginCrash} in the words of the reference
 *   (pkg/invoke/raw_exec.go), code 0
 */
export function runProcess(
  path: string,
  environ: Record<string, string>,
  config: Uint8Array,
  onStderr: (data: Uint8Array) => void,
): string {
  let output: ExecOutput;
  try {
    output = exec(path, { environ, input: config, onStderr });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!isSystemError(error)) throw new PluginCrash("Unknown", `netplugin failed: ${reason}`);
    const phrase = execPhrases[error.code] ?? reason;
    const message = `netplugin failed with no error message: fork/exec ${path}: ${phrase}`;
    throw new CniError("Unknown", message);
  }
  const stdout = sys.decodeUtf8(output.stdout);
  if (output.status !== 0) throw processError(stdout, output);
  return stdout;
}

function processError(stdout: string, output: ExecOutput): CniError {
  if (stdout === "") {
    const stderr = sys.decodeUtf8(output.stderr);
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

function describeEnding({ status, signal }: ExecOutput): string {
  if (signal === null) return `exit status ${status}`;
  return `signal: ${signalPhrases[signal] ?? `signal ${signal}`}`;
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
