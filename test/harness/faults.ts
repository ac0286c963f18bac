/**
 * Making system calls fail, and killing at them, by strace.
 *
 * A clean run is traced once; each of its calls is then a place where a run can be disturbed.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Namespace } from "./namespace.ts";
import { type Config, errorOf, type Plugins } from "./plugins.ts";
import type { Outcome } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";
import type { State } from "./state.ts";

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
export function placesOfAdd(host: Namespace, cni: Plugins, config: Config): Place[] {
  const trace = "/run/trace";
  cni.add(config, { prefix: ["strace", "-f", "-qq", "-s", "24", "-o", trace] });
  const text = readFileSync(host.file(trace), "latin1");
  rmSync(host.file(trace));
  return placesIn(text, (call, args) => call === "read" && args.startsWith("(0,"));
}

/**
 * The calls in what `strace -f -qq` has written, from the first on that `begins` a run; of those
 * before it, only the numbers count.
 */
export function placesIn(trace: string, begins: (call: string, args: string) => boolean): Place[] {
  const counts = new Map<string, number>();
  const places: Place[] = [];
  let started = false;
  for (const line of trace.split("\n")) {
    const [, call, text = ""] = /^\d+ +((?:\w+)(?=\())(.*)$/.exec(line) ?? [];
    if (!call) continue;
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    started ||= begins(call, text);
    if (started && !beyondUs.test(call)) places.push({ call, nth, text: call + text });
  }
  return places;
}

/** The command line that lets one call fail with EIO, or kills the process at it. */
export function disturb({ call, nth }: Place, how: "error=EIO" | "signal=KILL"): string[] {
  const inject = `inject=${call}:${how}:when=${nth}`;
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
}

/**
 * The calls of an ADD, and what stands before it. The parts that outlive attachments exist already,
 * so that whatever is more afterwards is a leak.
 */
export function prepareFaults({ host, container, cni, stateWithout }: Sandbox, config: Config) {
  stateWithout(config);
  const places = placesOfAdd(host, cni, config);
  cni.del(config);
  assert(places.length > 20, `only ${places.length} calls traced`);
  const picture = () => [host.state(), container.state()].map(withoutScratch);
  return { places, picture, before: picture() };
}

/** Whether a failed ADD told of it, where it could. */
export function saysWhy({ call, text }: Place, done: Outcome): boolean {
  if (/^write\(1,/.test(text)) return true; // stdout itself is what failed
  // Not back from another namespace: it stops at once, so that nothing is done in the wrong one.
  if (call === "setns" && done.signal === "SIGABRT") return true;
  try {
    return errorOf(done).msg !== "";
  } catch {
    return false;
  }
}

/**
 * Whether something may stay until the DEL that must follow a failed ADD. A reply that does not
 * arrive tells nothing of the request: the kernel may have done it. (Before it receives, the addon
 * asks by getsockopt what kind of socket it is.)
 */
export function mayStay({ call }: Place): boolean {
  return /^(recv|getsockopt|setns)/.test(call);
}

/**
 * Runs ADD once for each of its system calls, and lets that call fail.
 * @param picture what must be as before, of all that `prepareFaults` prepared
 * @returns what went wrong: nothing, if each time ADD said so in one JSON object and left nothing,
 *   or succeeded because the call does not matter
 */
export function failEach(
  { cni }: Sandbox,
  config: Config,
  { places, picture }: { places: readonly Place[]; picture(): unknown },
): string[] {
  let before = picture();
  const wrong: string[] = [];
  for (const place of places) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "error=EIO") });
    const complain = (what: string) =>
      wrong.push(`${place.text}: ${what}; exit ${done.status ?? done.signal}, ${done.stdout}`);
    if (done.status === 0) {
      if (!JSON.parse(done.stdout).ips) complain("success without a result");
    } else if (!saysWhy(place, done)) complain("no error object");
    else if (!mayStay(place) && !isDeepStrictEqual(picture(), before)) complain("something stays");
    cni.del(config);
    const after = picture();
    if (!isDeepStrictEqual(after, before)) complain("something stays after DEL");
    before = after; // so that what stays is told once
  }
  return wrong;
}

/** Whether a call may change what others see. */
function changes({ call, text }: Place): boolean {
  if (/^open(at)?$/.test(call)) return text.includes("O_CREAT");
  return /^(send|write|link|unlink|rename|symlink|utimensat|mkdir|flock|fchmod|ftruncate|ioctl)/.test(
    call,
  );
}

/**
 * Runs ADD and kills it before and after each of its calls that changes something. In between nothing
 * happens, so that a kill there would leave the same.
 * @param cleanUp what must make things as they were
 * @returns the calls at which it was killed, so that something stayed
 */
export function killEach(
  { cni }: Sandbox,
  config: Config,
  { places, picture }: { places: readonly Place[]; picture(): unknown },
  cleanUp: () => void,
): string[] {
  const chosen = places.filter((place, i) => {
    const previous = places[i - 1];
    return !previous || changes(place) || changes(previous);
  });
  const left: string[] = [];
  let before = picture();
  let reached = 0;
  for (const place of chosen) {
    const done = cni.invoke("ADD", config, { prefix: disturb(place, "signal=KILL") });
    // Waiting for the link takes more or fewer calls from run to run.
    if (done.signal === "SIGKILL") reached++;
    else assert.equal(done.status, 0, `${place.text}: ${done.stdout}${done.stderr}`);
    cleanUp();
    const after = picture();
    if (!isDeepStrictEqual(after, before)) left.push(place.text);
    before = after; // so that what stays is told once
  }
  assert(reached > chosen.length * 0.9, `${reached} of ${chosen.length} calls were reached`);
  return left;
}

/**
 * A file is written beside its place and then renamed. The one scratch file that a directory has
 * outlives a kill; the next writer uses it up.
 */
export function withoutScratch(state: State): State {
  const files = Object.entries(state.files).filter(([path]) => !path.endsWith("/.cnibox-tmp"));
  return { ...state, files: Object.fromEntries(files) };
}
