/**
 * Making system calls fail, and killing at them, by strace.
 *
 * A clean run is traced once; each of its calls is then a place where a run can be disturbed.
 */
import { readFileSync, rmSync } from "node:fs";
import type { Namespace } from "./namespace.ts";
import type { CallOptions, Config, Plugins } from "./plugins.ts";

/** One system call of a run: the n-th (from 1) of its name. */
export interface Place {
  call: string;
  nth: number;
  /** As strace shows it, for messages. */
  text: string;
}

/** Memory, clocks and the end: no plugin's code can do better there than the C library does. */
const beyondUs =
  /^(brk|mmap|munmap|mremap|mprotect|madvise|exit_group|rt_sig\w+|futex|clock_\w+|gettimeofday)$/;

/**
 * Runs ADD under strace and returns its calls from the reading of stdin on; what is before is the
 * start of the program, which has done nothing yet.
 */
export function placesOfAdd(
  host: Namespace,
  cni: Plugins,
  config: Config,
  options: CallOptions,
): Place[] {
  const trace = "/run/trace";
  cni.add(config, { ...options, prefix: ["strace", "-f", "-qq", "-s", "24", "-o", trace] });
  const lines = readFileSync(host.file(trace), "latin1").split("\n");
  rmSync(host.file(trace));
  const counts = new Map<string, number>();
  const places: Place[] = [];
  let started = false;
  for (const line of lines) {
    const [, call, text] = /^\d+ +((?:\w+)(?=\())(.*)$/.exec(line) ?? [];
    if (!call) continue;
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    started ||= call === "read" && text?.startsWith("(0,") === true;
    if (started && !beyondUs.test(call)) places.push({ call, nth, text: call + text });
  }
  return places;
}

/** The command line that lets one call fail with EIO, or kills the process at it. */
export function disturb({ call, nth }: Place, how: "error=EIO" | "signal=KILL"): string[] {
  const inject = `inject=${call}:${how}:when=${nth}`;
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
}
