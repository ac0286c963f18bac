/**
 * Running commands inside a sandbox.
 *
 * A sandbox is a mount namespace and some network namespaces, held by one sleeping process. Its
 * /run, /var/lib and /sys are its own, so nothing a case does is seen outside of it, and all of it
 * is gone with the last process. The sleeper reads a pipe whose only writer is this test process:
 * however the tests end, the sandbox ends with them.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a command left behind. */
export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Uint8Array;
  /** Replaces the environment, except PATH. */
  env?: Record<string, string>;
  /** Milliseconds; then the command is killed. */
  timeout?: number;
}

let lifeline: number | undefined;

/** The write end that keeps sleepers asleep: a FIFO without a name, reached through /proc. */
function lifelinePath(): string {
  if (lifeline === undefined) {
    const dir = mkdtempSync(join(tmpdir(), "cnibox-"));
    const fifo = join(dir, "lifeline");
    spawnSync("mkfifo", [fifo]);
    lifeline = openSync(fifo, "r+");
    rmSync(dir, { recursive: true });
  }
  return `/proc/${process.pid}/fd/${lifeline}`;
}

/** Lets go of all sandboxes that are still held. */
export function dropLifeline(): void {
  if (lifeline !== undefined) closeSync(lifeline);
  lifeline = undefined;
}

const setUp = `
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t sysfs sysfs /sys
ip netns add c1
ip link set lo up
# A new namespace inherits these from the machine's own.
echo 0 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
# Addresses of the host side are usable at once, so that a ping need not wait for DAD.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
cat <"$0" >/dev/null 2>&1 &
echo $!
`;

/** Makes the namespaces; returns the process id of their sleeper. */
export function startSleeper(): number {
  const made = spawnSync(
    "unshare",
    ["--mount", "--net", "--propagation", "private", "sh", "-c", setUp, lifelinePath()],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
  );
  const pid = Number(made.stdout.trim());
  if (made.status !== 0 || !pid) {
    const how = made.error ?? made.signal ?? `exit ${made.status}`;
    throw new Error(`Cannot make a sandbox (root is needed): ${how}: ${made.stdout}${made.stderr}`);
  }
  return pid;
}

/** Kills every process of the sandbox: only what was started in it shares its mount namespace. */
export function killSandbox(sleeper: number): void {
  const namespace = mountNamespace(String(sleeper));
  if (namespace === undefined || namespace === mountNamespace("self")) return;
  // Held open, since with the last of its processes the number could become that of a new one.
  const held = openSync(`/proc/${sleeper}/ns/mnt`, "r");
  try {
    for (const pid of readdirSync("/proc")) {
      if (/^\d+$/.test(pid) && mountNamespace(pid) === namespace) kill(Number(pid));
    }
  } finally {
    closeSync(held);
  }
}

function mountNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined; // ended meanwhile
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended meanwhile
  }
}

/** Runs a command to its end. `enter` is the nsenter command line that leads into the sandbox. */
export function run(enter: string[], argv: string[], options: RunOptions = {}): Outcome {
  const [program = "", ...args] = [...enter, ...argv];
  const done = spawnSync(program, args, {
    encoding: "utf8",
    input: options.input ?? "",
    env: { PATH: process.env.PATH, ...options.env },
    timeout: options.timeout ?? 60_000,
    killSignal: "SIGKILL",
    maxBuffer: 64 << 20,
  });
  if (done.error && !isUnread(done.error)) throw done.error;
  return { status: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr };
}

/** Whether a program has just not read what it was given: it may end before, and ran all the same. */
export function isUnread(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPIPE";
}

/** As {@link run}, but does not wait. */
export function runAsync(enter: string[], argv: string[], options: RunOptions = {}) {
  const child = start(enter, argv, options.env);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  child.stdin?.on("error", () => {}); // a program may end without reading
  child.stdin?.end(options.input ?? "");
  return new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, ...output }));
  });
}

/** Starts a command that goes on while the test does other things; it ends with the sandbox. */
export function start(
  enter: string[],
  argv: string[],
  env: Record<string, string> = {},
): ChildProcess {
  const [program = "", ...args] = [...enter, ...argv];
  return spawn(program, args, { env: { PATH: process.env.PATH, ...env } });
}
