/**
 * The Node host as one file: the addon is an asset of the executable that `npm run package` makes.
 *
 * The dynamic loader wants a file, so the addon is written to one that has no name (O_TMPFILE):
 * nothing is left behind, and the file system may be as bare as that of a plugin often is.
 */
import { constants, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { getRawAsset } from "node:sea";
import type { Addon } from "./addon.ts";

const anonymous = 0o20000000 | constants.O_DIRECTORY; // O_TMPFILE, include/uapi/asm-generic/fcntl.h
const addon = loadFrom([tmpdir(), "/dev/shm", "/run", "/var/tmp"]);

const host: Addon = {
  ...addon,
  argv: () => process.argv.slice(1),
  exit: (status) => process.exit(status),
};
export default host;

/** The first of the directories that allows an unnamed file with code in it. */
function loadFrom(directories: readonly string[]): Addon {
  const failures: string[] = [];
  for (const directory of directories) {
    try {
      const fd = openSync(directory, anonymous | constants.O_RDWR, 0o700);
      writeSync(fd, new Uint8Array(getRawAsset("cnibox.node") as ArrayBuffer));
      const module = { exports: {} };
      process.dlopen(module, `/proc/self/fd/${fd}`);
      return module.exports as Addon;
    } catch (error) {
      failures.push(`${directory}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(`Cannot load the addon: no directory takes it (${failures.join("; ")})`);
}
