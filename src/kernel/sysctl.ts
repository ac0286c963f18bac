/** The kernel's network settings of one namespace: `sysctl net...`, files below /proc/sys. */

import { constants, isSystemError, sys } from "../sys/sys.ts";
import { closeQuietly } from "./close.ts";
import { describeErrno } from "./errno-table.ts";
import { KernelError } from "./errors.ts";
import type { Netns } from "./netns.ts";

const root = "/proc/sys";

/**
 * A path is given in parts, `"net", "ipv4", "conf", "eth0.5", "arp_notify"`: so a name may hold dots.
 * A failure is a KernelError.
 */
export class Sysctl {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** The value, without the newline at its end. */
  read(...path: string[]): string {
    return this.#use("read", path, constants.O_RDONLY, (fd) => {
      let text = "";
      for (;;) {
        const data = sys.read(fd, 4096);
        if (data.length === 0) return text.endsWith("\n") ? text.slice(0, -1) : text;
        text += sys.decodeUtf8(data);
      }
    });
  }

  /** As `read`, but undefined if there is no such setting. */
  readIfPresent(...path: string[]): string | undefined {
    try {
      return this.read(...path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Writes the value as it is. The kernel takes a setting as one write. */
  write(value: string, ...path: string[]): void {
    this.#use("write", path, constants.O_WRONLY | constants.O_TRUNC, (fd) => {
      sys.write(fd, sys.encodeUtf8(value));
    });
  }

  /**
   * As `write`, but does nothing if there is no such setting (a kernel without IPv6, say).
   * @returns whether there is one
   */
  writeIfPresent(value: string, ...path: string[]): boolean {
    try {
      this.write(value, ...path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  #use<T>(verb: string, path: string[], flags: number, act: (fd: number) => T): T {
    const shown = path.join("/");
    if (path.some((part) => part === "" || part === "." || part === ".." || part.includes("/"))) {
      throw new KernelError(`Cannot ${verb} sysctl "${shown}": Invalid argument`, "EINVAL");
    }
    try {
      const fd = sys.open(`${root}/${shown}`, flags, 0, this.#netns.fd);
      try {
        return act(fd);
      } finally {
        closeQuietly(fd);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const { words } = describeErrno(error.errno);
      throw new KernelError(`Cannot ${verb} sysctl "${shown}": ${words}`, error.code);
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof KernelError && error.code === "ENOENT";
}
