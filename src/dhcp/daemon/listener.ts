/**
 * The daemon's socket. Of daemons for one socket only one runs: it holds the lock. A socket file that
 * nobody serves is no obstacle.
 */
import { makeDirectories, readText, remove } from "../../kernel/files.ts";
import { constants, isErrno, sys } from "../../sys/sys.ts";
import { unixAddress } from "./addresses.ts";
import { leaseDirectory } from "./places.ts";

export interface Listener {
  readonly fd: number;
  /** The file that is to be removed at the end; systemd's is not ours. */
  readonly ownPath: string | undefined;
}

/** Where systemd's descriptors begin: sd_listen_fds(3). */
const firstGivenFd = 3;

/**
 * Takes the lock, then the socket that systemd gives, or makes one.
 * @param path with the host prefix
 * @throws {Error} another daemon is there, or what the system said
 */
export function openListener(path: string, environ: Readonly<Record<string, string>>): Listener {
  const directory = leaseDirectory(path);
  makeDirectories(directory, 0o700);
  takeLock(`${directory}/lock`, path);
  const given = givenSocket(environ);
  if (given !== undefined) return { fd: given, ownPath: undefined };
  makeDirectories(path.replace(/\/[^/]*$/, "") || "/", 0o700);
  if (answers(path)) throw new Error(`Cannot serve ${path}: another daemon answers there`);
  remove(path);
  const { AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK } = constants;
  const fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sys.bind(fd, unixAddress(path));
  sys.listen(fd, 128);
  return { fd, ownPath: path };
}

/** The kernel drops the lock when this process ends, however it does. */
function takeLock(file: string, path: string): void {
  const { O_CREAT, O_RDWR, LOCK_EX, LOCK_NB } = constants;
  const fd = sys.open(file, O_CREAT | O_RDWR, 0o600);
  try {
    sys.flock(fd, LOCK_EX | LOCK_NB);
  } catch (error) {
    if (!isErrno(error, "EAGAIN")) throw error;
    const pid = readText(file)?.trim();
    throw new Error(`Cannot serve ${path}: a daemon does already${pid ? `, process ${pid}` : ""}`);
  }
  sys.ftruncate(fd, 0);
  sys.write(fd, sys.encodeUtf8(`${sys.getpid()}\n`));
}

/** Whether somebody listens at the socket. */
export function answers(path: string): boolean {
  const fd = sys.socket(constants.AF_UNIX, constants.SOCK_STREAM | constants.SOCK_NONBLOCK, 0);
  try {
    sys.connect(fd, unixAddress(path));
    return true;
  } catch (error) {
    // Its queue is full: there is one all the same.
    if (isErrno(error, "EAGAIN")) return true;
    if (isErrno(error, "ENOENT", "ECONNREFUSED")) return false;
    throw error;
  } finally {
    sys.close(fd);
  }
}

function givenSocket(environ: Readonly<Record<string, string>>): number | undefined {
  if (environ.LISTEN_PID !== String(sys.getpid())) return undefined;
  const count = Number(environ.LISTEN_FDS ?? 0);
  if (!(count > 0)) return undefined;
  if (count !== 1) throw new Error(`Cannot serve ${count} sockets of systemd: one is expected`);
  try {
    sys.getsockname(firstGivenFd);
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new Error(`Cannot serve the descriptor of systemd: ${why}`);
  }
  return firstGivenFd;
}
