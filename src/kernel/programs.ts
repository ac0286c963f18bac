/** Other programs of this host, as the environment's PATH has them. */
import { constants, sys } from "../sys/sys.ts";
import { exec } from "./exec.ts";

/** How a program ended, and what it said. */
export interface ProgramOutput {
  /** The exit status; null where a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** The file that a shell would run for `name`; undefined if PATH has none. */
export function findProgram(name: string): string | undefined {
  const { S_IFMT, S_IFREG } = constants;
  for (const folder of (sys.environ().PATH ?? "").split(":")) {
    const path = `${folder || "."}/${name}`;
    try {
      const { mode } = sys.stat(path);
      if ((mode & S_IFMT) === S_IFREG && (mode & 0o111) !== 0) return path;
    } catch {
      // Not there, or not for us to see: the next folder may have it.
    }
  }
  return undefined;
}

/**
 * Runs a program in this process's environment, and waits for its end.
 * @param netns a descriptor of the network namespace that it runs in; default: ours
 */
export function runProgram(path: string, args: readonly string[], netns?: number): ProgramOutput {
  const { status, stdout, stderr } = exec(path, {
    argv: [path, ...args],
    environ: sys.environ(),
    netns,
  });
  return { status, stdout: sys.decodeUtf8(stdout), stderr: sys.decodeUtf8(stderr) };
}
