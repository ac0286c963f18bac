/** Files, directories, links and locks. What is absent is an answer, not an error. */

import { constants, isErrno, isSystemError, sys } from "../sys/sys.ts";
import { closeQuietly } from "./close.ts";
import { absent, because } from "./file-error.ts";

/** All that is thrown here tells deed and path, and is still a {@link SystemError} with its code. */
export { isErrno, isSystemError, type SystemError } from "../sys/sys.ts";
export { createExclusive, temporaryName, type WriteOptions, writeAtomic } from "./atomic-file.ts";

const readSize = 64 * 1024;

/** The whole file, or null where there is none. Works for /proc, where files have no size. */
export function readFile(path: string): Uint8Array | null {
  const { O_RDONLY } = constants;
  const fd = absent(() => sys.open(path, O_RDONLY, 0, -1, true), "read", path);
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
    closeQuietly(fd);
  }
}

/** The whole file as UTF-8 text, or null where there is none. */
export function readText(path: string): string | null {
  const data = readFile(path);
  return data && sys.decodeUtf8(data);
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
    closeQuietly(fd);
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
  return absent(() => sys.lstat(path, true), "look at", path) !== null;
}

/** When the file or directory last changed, in seconds since the epoch; null where there is none. */
export function changedAt(path: string): number | null {
  return absent(() => sys.stat(path, true), "look at", path)?.mtime ?? null;
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
  return absent(() => sys.readlink(path, true), "read", path);
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
