/**
 * Files that are there whole or not at all.
 *
 * A write goes to a temporary file in the target's directory, is synced, and then takes the target's
 * name. Each directory has one temporary name, {@link temporaryName}: who writes holds flock(2) on
 * that file, and the kernel drops the lock of a killed writer, so the next writer takes its remains
 * over. Hence at most one stale file is left in a directory, however many writers are killed.
 */
import { constants, isErrno, sys } from "../sys/sys.ts";
import { closeQuietly, quietly } from "./close.ts";
import { absent, because } from "./file-error.ts";

/** What an unfinished write may leave in a directory; never the name of anything finished. */
export const temporaryName = ".cnibox-tmp";

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
    // Where this fails the file has a second name, until the next writer takes that away.
    quietly(() => sys.unlink(temporary));
    return made;
  });
}

/** Fills the temporary file and hands it to `publish`, which must take its name away. */
function prepare(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600, sync = true, locked = false }: WriteOptions,
  publish: (temporary: string) => boolean,
): boolean {
  const temporary = path.slice(0, path.lastIndexOf("/") + 1) + temporaryName;
  try {
    const fd = locked ? openFresh(temporary, mode) : openOwned(temporary, mode);
    try {
      writeAll(fd, typeof data === "string" ? sys.encodeUtf8(data) : data);
      if (sync) sys.fsync(fd);
      return publish(temporary);
    } catch (error) {
      discard(temporary);
      throw error;
    } finally {
      closeQuietly(fd);
    }
  } catch (error) {
    throw because("write", path, error);
  }
}

function discard(temporary: string): void {
  absent(() => sys.unlink(temporary), "remove", temporary);
}

/** A new temporary file; the remains of a killed writer go, since no other writer is alive. */
function openFresh(temporary: string, mode: number): number {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  try {
    return sys.open(temporary, O_CREAT | O_EXCL | O_WRONLY, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    discard(temporary);
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
      if (!owned) closeQuietly(fd);
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
