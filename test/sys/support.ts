/** What the tests of the addon share: the shape of its errors, and a process of their own. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { isSystemError } from "../../src/sys/sys.ts";

interface Expected {
  code: string;
  syscall: string;
  path?: string;
}

/** That `call` throws a SystemError with these fields, the errno and the message to match. */
export function fails(t: Test, call: () => unknown, expected: Expected, note?: string): void {
  const what = note ?? `${expected.syscall} says ${expected.code}`;
  try {
    call();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { code, syscall, path, errno } = error;
    const known: Record<string, number> = constants.errno;
    t.match({ code, syscall, path }, { path: undefined, ...expected }, what);
    t.equal(errno, known[code], `${what}: errno`);
    const end = path === undefined ? syscall : `${syscall} '${path}'`;
    t.ok(new RegExp(`^${code}: [a-z].*, `).test(error.message), error.message);
    t.ok(error.message.includes(`, ${end}`), `${what}: the message says where`);
    return;
  }
  t.fail(`${what}: did not throw`);
}

/** Runs `code` in a Node of its own, under `wrapper`; there, `sys` is the bare addon. */
export function inNode(code: string, wrapper: string[] = []): SpawnSyncReturns<string> {
  const script = `const sys = require(${JSON.stringify(addonFile())}); ${code}`;
  const [program = "", ...args] = [...wrapper, process.execPath, "-e", script];
  return spawnSync(program, args, { encoding: "utf8" });
}

/** Runs `code` while strace lets a system call fail, e.g. `inject("setns:error=EPERM:when=2", …)`. */
export function inject(fault: string, code: string, ...options: string[]) {
  return inNode(code, [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    ...options,
    "-e",
    `inject=${fault}`,
  ]);
}

function addonFile(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "binding.gyp"))) folder = dirname(folder);
  return join(folder, "build/Release/cnibox.node");
}
