/**
 * Runs another program: bytes in, bytes out.
 *
 * One poll(2) loop serves all three pipes, so a child that writes before it reads, or never reads,
 * cannot block us, and we cannot block it.
 */
import { concat } from "../addr/bytes.ts";
import { constants, isErrno, sys } from "../sys/sys.ts";
import { readText } from "./files.ts";

export interface ExecOptions {
  /** The argument vector, `[0]` included; default: the path alone. */
  argv?: string[];
  environ: Record<string, string>;
  /** What the child reads on stdin; default: nothing. */
  input?: Uint8Array;
  /** Gets what the child writes to stderr, as it comes. */
  onStderr?(data: Uint8Array): void;
  /** The most bytes that stdout may give; default 16 MiB. */
  limit?: number;
  /** A descriptor of the network namespace to run in; default: ours. */
  netns?: number | undefined;
  /** Milliseconds; then the program is killed (its children are not). Default: no end. */
  timeout?: number | undefined;
}

export interface ExecOutput {
  stdout: Uint8Array;
  /** The first 64 KiB. */
  stderr: Uint8Array;
  /** The exit status; null where a signal ended the child. */
  status: number | null;
  /** The number of that signal, or null. */
  signal: number | null;
  /** It was killed because its time was up. */
  timedOut?: true;
}

const readSize = 64 * 1024;
/** PIPE_BUF: what POLLOUT promises that a pipe takes without blocking (pipe(7)). */
const writeSize = 4096;
const keptStderr = 64 * 1024;
const defaultLimit = 16 * 1024 * 1024;

/**
 * Runs the program at `path` and waits for its end.
 *
 * @throws SystemError what execve(2) said; a file that is still open for writing (ETXTBSY) is tried
 *   again for about 5 s. Error, where the child writes more than `limit`: it is then killed.
 */
export function exec(path: string, options: ExecOptions): ExecOutput {
  const clock = new Clock(options.timeout);
  const { child, stdin, stdout, stderr } = start(path, options);
  const input = new Writer(stdin, options.input ?? new Uint8Array(0));
  const output = new Reader(stdout, options.limit ?? defaultLimit);
  const errors = new Reader(stderr, keptStderr, options.onStderr);
  try {
    input.closeIfDone();
    while (!clock.isOver && (input.open || output.open || errors.open)) {
      step(input, output, errors, clock.left);
    }
    if (output.excess) {
      throw new Error(`Cannot run ${path}: its output exceeds ${output.limit} bytes`);
    }
    clock.untilEnd(child);
    if (clock.isOver) sys.kill(child, constants.SIGKILL);
  } catch (error) {
    sys.kill(child, constants.SIGKILL);
    sys.waitpid(child);
    throw error;
  } finally {
    for (const end of [input, output, errors]) end.close();
  }
  return {
    stdout: output.bytes(),
    stderr: errors.bytes(),
    ...sys.waitpid(child),
    ...(clock.isOver && { timedOut: true as const }),
  };
}

/** The time that a program has; without a limit it is never over. */
class Clock {
  readonly #end: number | undefined;
  /** Set when it was looked at too late, and stays set. */
  isOver = false;

  constructor(timeout: number | undefined) {
    this.#end = timeout === undefined ? undefined : this.#now() + timeout;
  }

  #now(): number {
    return sys.clock(constants.CLOCK_MONOTONIC) * 1000;
  }

  /** Milliseconds, as poll(2) wants them. */
  get left(): number {
    if (this.#end === undefined) return -1;
    const left = Math.ceil(this.#end - this.#now());
    this.isOver ||= left <= 0;
    return Math.max(left, 0);
  }

  /** Waits until the child has ended or the time is over; it may live on with its pipes closed. */
  untilEnd(child: number): void {
    if (this.#end === undefined) return;
    while (!this.isOver && isAlive(child)) sys.poll([], Math.min(this.left, 5));
  }
}

/** Whether a child that was not waited for is more than a zombie: proc(5), the state in stat. */
function isAlive(child: number): boolean {
  const stat = readText(`/proc/${child}/stat`);
  return stat !== null && !/\) Z /.test(stat);
}

function step(input: Writer, output: Reader, errors: Reader, timeout: number): void {
  const { POLLIN, POLLOUT } = constants;
  const ends = [input, output, errors].filter((end) => end.open);
  const asked = ends.flatMap((end) => [end.fd, end === input ? POLLOUT : POLLIN]);
  const ready = sys.poll(asked, timeout);
  for (const [index, end] of ends.entries()) {
    if (ready[index]) end.move();
  }
  if (output.excess) for (const end of ends) end.close();
}

interface Started {
  child: number;
  stdin: number;
  stdout: number;
  stderr: number;
}

function start(path: string, options: ExecOptions): Started {
  const open: number[] = [];
  const pipe = () => {
    const ends = sys.pipe();
    open.push(...ends);
    return ends;
  };
  try {
    const [childIn, stdin] = pipe();
    const [stdout, childOut] = pipe();
    const [stderr, childErr] = pipe();
    const child = spawn(path, options, [childIn, childOut, childErr]);
    for (const fd of [childIn, childOut, childErr]) sys.close(fd);
    return { child, stdin, stdout, stderr };
  } catch (error) {
    for (const fd of open) sys.close(fd);
    throw error;
  }
}

/** A program that is just being installed may be open for writing: soon it is not. */
function spawn(path: string, options: ExecOptions, stdio: [number, number, number]): number {
  for (let wait = 10; ; wait *= 2) {
    try {
      return sys.spawn(path, options.argv ?? [path], options.environ, stdio, options.netns);
    } catch (error) {
      if (!isErrno(error, "ETXTBSY") || wait > 2560) throw error;
      sys.poll([], wait);
    }
  }
}

class Writer {
  readonly fd: number;
  readonly #data: Uint8Array;
  #written = 0;
  open = true;

  constructor(fd: number, data: Uint8Array) {
    this.fd = fd;
    this.#data = data;
  }

  move(): void {
    try {
      const next = this.#data.subarray(this.#written, this.#written + writeSize);
      this.#written += sys.write(this.fd, next);
    } catch (error) {
      // The child need not read what it is given.
      if (!isErrno(error, "EPIPE")) throw error;
      this.#written = this.#data.length;
    }
    this.closeIfDone();
  }

  closeIfDone(): void {
    if (this.#written >= this.#data.length) this.close();
  }

  close(): void {
    if (this.open) sys.close(this.fd);
    this.open = false;
  }
}

class Reader {
  readonly fd: number;
  readonly limit: number;
  readonly #onData: ((data: Uint8Array) => void) | undefined;
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  open = true;

  constructor(fd: number, limit: number, onData?: (data: Uint8Array) => void) {
    this.fd = fd;
    this.limit = limit;
    this.#onData = onData;
  }

  get excess(): boolean {
    return this.#length > this.limit;
  }

  move(): void {
    const data = sys.read(this.fd, readSize);
    if (data.length === 0) {
      this.close();
      return;
    }
    if (!this.excess) this.#parts.push(data);
    this.#length += data.length;
    this.#onData?.(data);
  }

  close(): void {
    if (this.open) sys.close(this.fd);
    this.open = false;
  }

  /** What was read, cut at the limit. */
  bytes(): Uint8Array {
    return concat(...this.#parts).subarray(0, this.limit);
  }
}
