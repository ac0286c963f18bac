/** Timing whole programs: start to end as the kernel sees it, without a shell or Node's own cost. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { constants, sys } from "../../src/sys/sys.ts";

export interface Program {
  path: string;
  env: Record<string, string>;
  /** What stands on its standard input. */
  input: string;
}

export interface Run {
  /** Milliseconds. */
  wall: number;
  stdout: string;
}

/** Runs a program once, with files for its streams; throws when it fails. */
export function time(directory: string, { path, env, input }: Program): Run {
  const [stdinPath, stdoutPath] = [`${directory}/stdin`, `${directory}/stdout`];
  writeFileSync(stdinPath, input);
  const stdin = openSync(stdinPath, "r");
  const stdout = openSync(stdoutPath, "w");
  const start = sys.clock(constants.CLOCK_MONOTONIC);
  const pid = sys.spawn(path, [path], env, [stdin, stdout, 2]);
  const { status } = sys.waitpid(pid);
  const wall = (sys.clock(constants.CLOCK_MONOTONIC) - start) * 1000;
  closeSync(stdin);
  closeSync(stdout);
  const text = readFileSync(stdoutPath, "utf8");
  if (status !== 0) throw new Error(`${path} ${env.CNI_COMMAND}: exit ${status}: ${text}`);
  return { wall, stdout: text };
}

/** The middle value; of an even number of values the lower middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
