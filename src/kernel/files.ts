/**
 * Files that are there whole or not at all.
 *
 * A write goes to a temporary file in the target's directory, is synced, and then takes the target's
 * name. Each directory has one temporary name, {@link temporaryName}: who writes holds flock(2) on
 * that file, and the kernel drops the lock of a killed writer, so the next writer takes its remains
 * over. Hence at most one stale file is left in a directory, however many writers are killed.
 */
import { constants, isErrno, isSystemError, type SystemError, sys } from "../sys/sys.ts";

/** What an unfinished write may leave in a directory; never the name of anything finished. */
export const temporaryName = ".cnibox-tmp";

const readSize = 64 * 1024;

export interface WriteOptions {
  /** The permissions of the file; default 0600. */
  mode?: number;
  /** Whether the bytes must survive a power cut before the name exists; default true. */
  sync?: boolean;
  /**
   * The caller holds a lock that every writer of this directory takes, so the temporary file needs
   * none of its own.
   */
  locked?: boolean;
}

/** The whole file, or null where there is none. Works for /proc, where files have no size. */
export function readFile(path: string): Uint8Array | null {
  const { O_RDONLY } = constants;
  const fd = absent(() => sys.open(path, O_RDONLY), "read", path);
  if (fd === null) return null;
  try {
    const first = sys.read(fd, readSize);
    // Less than was asked for is nearly always all, but only an empty read says so for sure.
    const parts = [first];
    for (let last = first; last.length > 0; parts.push(last)) last = sys.read(fd, readSize);
    return join(parts);
  } catch (error) {
    throw because("read", path, error);
  } finally {
    sys.close(fd);
  }
}

/** The whole file as UTF-8 text, or null where there is none. */
export function readText(path: string): string | null {
  const data = readFile(path);
  return data && sys.decodeUtf8(data);
}

/**
 * Writes a file in one step: readers see the old content or the new one. A failure leaves the old
 * content and no temporary file.
 */
export function writeAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): void {
  prepare(path, data, options, (temporary) => {
    sys.rename(temporary, path);
    return true;
  });
}

/**
 * Makes a file that must be new: it appears with all its content, or not at all.
 * @returns false, and changes nothing, where the path is taken
 */
export function createExclusive(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): boolean {
  return prepare(path, data, options, (temporary) => {
    let made = true;
    try {
      sys.link(temporary, path);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      made = false;
    }
    sys.unlink(temporary);
    return made;
  });
}

/**
 * Runs `work` while this process alone holds the lock at `path`, and returns what it returns.
 *
 * The lock is flock(2) on an empty file of mode 0750, made when missing; in a directory it is the
 * file `lock`. This is the lock of the reference's host-local (plugins/ipam/host-local/backend/disk),
 * so both programs exclude each other. The directory must exist: ENOENT is thrown otherwise.
 */
export function withLock<T>(path: string, work: () => T): T {
  const fd = openLock(path);
  try {
    try {
      sys.flock(fd, constants.LOCK_EX);
    } catch (error) {
      throw because("lock", path, error);
    }
    return work();
  } finally {
    sys.close(fd);
  }
}

function openLock(path: string): number {
  const { O_CREAT, O_RDONLY } = constants;
  try {
    return sys.open(path, O_CREAT | O_RDONLY, 0o750);
  } catch (error) {
    // open(2) refuses O_CREAT on a directory, which spares a stat on every other path.
    if (isErrno(error, "EISDIR") && !path.endsWith("/lock")) return openLock(`${path}/lock`);
    throw because("lock", path, error);
  }
}

/** Makes a directory and those above it; one that is there is fine. */
export function makeDirectories(path: string, mode = 0o755): void {
  try {
    sys.mkdir(path, mode);
  } catch (error) {
    const parent = path.replace(/\/+[^/]+\/*$/, "");
    if (isErrno(error, "ENOENT") && parent !== "" && parent !== path) {
      makeDirectories(parent, mode);
      makeDirectories(path, mode);
    } else if (!isErrno(error, "EEXIST") || !isDirectory(path)) {
      throw because("make directory", path, error);
    }
  }
}

/** The names in a directory, in no particular order; none where there is no directory. */
export function list(path: string): string[] {
  return absent(() => sys.readdir(path), "list", path) ?? [];
}

/** Removes a file. @returns false where there was none */
export function remove(path: string): boolean {
  return absent(() => sys.unlink(path), "remove", path) !== null;
}

/** Whether something has this name; a link counts, wherever it leads. */
export function exists(path: string): boolean {
  return absent(() => sys.lstat(path), "look at", path) !== null;
}

/** When the file or directory last changed, in seconds since the epoch; null where there is none. */
export function changedAt(path: string): number | null {
  return absent(() => sys.stat(path), "look at", path)?.mtime ?? null;
}

/** Sets the time that {@link changedAt} returns, in whole seconds. */
export function setChangedAt(path: string, time: number): void {
  try {
    sys.utimes(path, time);
  } catch (error) {
    throw because("set the time of", path, error);
  }
}

/** The text of a symbolic link, or null where there is none. */
export function readLink(path: string): string | null {
  return absent(() => sys.readlink(path), "read", path);
}

/**
 * Makes a symbolic link with this text, in place of one that has the name. Two processes must not
 * do so at once. A link is never there in part, not even after a power cut.
 */
export function writeLink(path: string, text: string): void {
  try {
    sys.symlink(text, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw because("write", path, error);
    remove(path);
    writeLink(path, text);
  }
}

function isDirectory(path: string): boolean {
  try {
    return (sys.stat(path).mode & constants.S_IFMT) === constants.S_IFDIR;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** Fills the temporary file and hands it to `publish`, which must take its name away. */
function prepare(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600, sync = true, locked = false }: WriteOptions,
  publish: (temporary: string) => boolean,
): boolean {
  const temporary = path.replace(/[^/]*$/, temporaryName);
  try {
    const fd = locked ? openFresh(temporary, mode) : openOwned(temporary, mode);
    try {
      writeAll(fd, typeof data === "string" ? sys.encodeUtf8(data) : data);
      if (sync) sys.fsync(fd);
      return publish(temporary);
    } catch (error) {
      remove(temporary);
      throw error;
    } finally {
      sys.close(fd);
    }
  } catch (error) {
    throw because("write", path, error);
  }
}

/** A new temporary file; the remains of a killed writer go, since no other writer is alive. */
function openFresh(temporary: string, mode: number): number {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  try {
    return sys.open(temporary, O_CREAT | O_EXCL | O_WRONLY, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    remove(temporary);
    return sys.open(temporary, O_CREAT | O_EXCL | O_WRONLY, mode);
  }
}

/** The temporary file, empty and flocked by us; waits while another writer is at work. */
function openOwned(temporary: string, mode: number): number {
  const { O_CREAT, O_WRONLY, O_NOFOLLOW, LOCK_EX } = constants;
  for (;;) {
    const fd = sys.open(temporary, O_CREAT | O_WRONLY | O_NOFOLLOW, mode);
    let owned = false;
    try {
      sys.flock(fd, LOCK_EX);
      // Whoever held the lock before us may have published the very file that we opened.
      if (namesOpenFile(temporary, fd)) {
        // A second name: its writer was killed between link and unlink, and the other is published.
        if (sys.fstat(fd).nlink > 1) sys.unlink(temporary);
        else owned = true;
      }
      if (!owned) continue;
      sys.ftruncate(fd, 0);
      sys.fchmod(fd, mode);
      return fd;
    } catch (error) {
      owned = false;
      throw error;
    } finally {
      if (!owned) sys.close(fd);
    }
  }
}

function namesOpenFile(path: string, fd: number): boolean {
  try {
    const named = sys.lstat(path);
    const open = sys.fstat(fd);
    return named.ino === open.ino && named.dev === open.dev;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) done += sys.write(fd, data.subarray(done));
}

function join(parts: Uint8Array[]): Uint8Array {
  const filled = parts.filter((part) => part.length > 0);
  if (filled.length === 1 && filled[0]) return filled[0];
  const whole = new Uint8Array(filled.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of filled) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What `work` returns, or null where the path does not exist. */
function absent<T>(work: () => T, verb: string, path: string): T | null {
  try {
    return work();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return null;
    throw because(verb, path, error);
  }
}

/** Puts deed and target before the kernel's reason; the code stays readable for `isErrno`. */
function because(verb: string, path: string, error: unknown): unknown {
  if (!isSystemError(error) || error.message.startsWith("Cannot ")) return error;
  const { code, errno, syscall } = error;
  const told: Partial<SystemError> = { code, errno, syscall, path };
  return Object.assign(new Error(`Cannot ${verb} ${path}: ${error.message}`), told);
}
