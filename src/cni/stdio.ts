/** The real standard streams. They may be non-blocking, closed, or broken pipes. */
import { concat } from "../addr/bytes.ts";
import { constants, isErrno, sys } from "../sys/sys.ts";
import type { Io } from "./outside.ts";

const [stdin, stdout, stderr] = [0, 1, 2] as const;
const readSize = 64 * 1024;

/** @param load gives the built-in plugins */
export function standardIo(load: Io["load"]): Io {
  occupy();
  return {
    environ: sys.environ(),
    readStdin: () => readAll(stdin),
    writeStdout: (text) => writeAll(stdout, sys.encodeUtf8(text)),
    writeStderr: (data) => {
      try {
        writeAll(stderr, typeof data === "string" ? sys.encodeUtf8(data) : data);
      } catch {
        // Whoever started us does not want to hear it.
      }
    },
    load,
  };
}

/**
 * A standard descriptor that is closed would be given to the next file or socket that is opened, and
 * that would then get what is printed. It is taken, in a mode in which using it still fails.
 */
function occupy(): void {
  const { O_RDONLY, O_WRONLY, POLLNVAL } = constants;
  const found = sys.poll([stdin, 0, stdout, 0, stderr, 0], 0);
  for (const fd of [stdin, stdout, stderr]) {
    if (found[fd] === POLLNVAL) sys.open("/dev/null", fd === stdin ? O_WRONLY : O_RDONLY);
  }
}

function readAll(fd: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = whenReady(fd, constants.POLLIN, () => sys.read(fd, readSize));
    if (part.length === 0) return parts.length === 1 ? (parts[0] as Uint8Array) : concat(...parts);
    parts.push(part);
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    done += whenReady(fd, constants.POLLOUT, () => sys.write(fd, data.subarray(done)));
  }
}

/** A descriptor that a shell or runtime made non-blocking is waited for. */
function whenReady<T>(fd: number, events: number, act: () => T): T {
  for (;;) {
    try {
      return act();
    } catch (error) {
      if (!isErrno(error, "EAGAIN")) throw error;
      sys.poll([fd, events], -1);
    }
  }
}
