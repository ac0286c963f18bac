/**
 * `cnibox --install`: the executable and a name for each plugin, in a directory that a runtime may be
 * using. Each name is made aside and then takes its place by rename(2), so there is no moment at
 * which a plugin is missing, half written, or leads nowhere.
 */
import { equal } from "./addr/bytes.ts";
import { readFile, writeAtomic } from "./kernel/files.ts";
import { constants, isErrno, sys } from "./sys/sys.ts";

/** What stands under a plugin's name: a link relative to `cnibox`, the same file, or a copy. */
export type Method = "symbolic" | "hard" | "copy";

const executableName = "cnibox";
const temporary = ".cnibox-link";

/**
 * Installs into `directory`, which must exist. What is already as it should be is left alone; files
 * of other names are not touched.
 *
 * The executable comes first, and failing it changes nothing. Plugins are then replaced one by one.
 * @param say gets a line for each thing done, and one at the end
 * @throws Error `Cannot install ...`; the plugins named in the lines before are installed
 */
export function install(
  directory: string,
  plugins: readonly string[],
  method: Method,
  say: (line: string) => void,
): void {
  if (!isDirectory(directory)) throw new Error(`Cannot install into ${directory}: no directory`);
  const executable = `${directory}/${executableName}`;
  const content = readFile(sys.executable());
  if (!content) throw new Error(`Cannot install ${executable}: ${sys.executable()} is gone`);
  if (!isElf(content)) {
    throw new Error(`Cannot install ${sys.executable()}: a script is nothing without its addon`);
  }

  const changed: string[] = [];
  const put = (path: string, isDone: () => boolean, make: () => void) => {
    if (isDone()) return;
    try {
      make();
    } catch (error) {
      throw new Error(`Cannot install ${path}: ${error instanceof Error ? error.message : error}`);
    }
    changed.push(path);
    say(`installed ${path}`);
  };
  const copy = (path: string) =>
    put(
      path,
      () => isCopy(path, content),
      () => writeAtomic(path, content, { mode: 0o755 }),
    );

  copy(executable);
  for (const plugin of plugins) {
    const path = `${directory}/${plugin}`;
    if (method === "copy") copy(path);
    else if (method === "hard") {
      put(
        path,
        () => isSameFile(path, executable),
        () => replace(directory, path, (aside) => sys.link(executable, aside)),
      );
    } else {
      put(
        path,
        () => isLinkTo(path, executableName),
        () => replace(directory, path, (aside) => sys.symlink(executableName, aside)),
      );
    }
  }
  const kept = plugins.length + 1 - changed.length;
  say(`${changed.length} installed, ${kept} already there`);
}

function isElf(content: Uint8Array): boolean {
  return equal(content.subarray(0, 4), Uint8Array.of(0x7f, 0x45, 0x4c, 0x46));
}

/** A link cannot be made over a name that is taken: it is made aside and renamed. */
function replace(directory: string, path: string, make: (aside: string) => void): void {
  const aside = `${directory}/${temporary}.${sys.getpid()}`;
  removeIfThere(aside);
  make(aside);
  try {
    sys.rename(aside, path);
  } finally {
    // rename(2) of two names of one file does nothing and leaves both.
    removeIfThere(aside);
  }
}

function removeIfThere(path: string): void {
  try {
    sys.unlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return (sys.stat(path).mode & constants.S_IFMT) === constants.S_IFDIR;
  } catch {
    return false;
  }
}

/** A file of its own, executable, with this content. */
function isCopy(path: string, content: Uint8Array): boolean {
  try {
    const { mode, size } = sys.lstat(path);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || (mode & 0o111) !== 0o111) return false;
    if (size !== content.length) return false;
  } catch {
    return false;
  }
  return equal(readFile(path) ?? new Uint8Array(0), content);
}

function isSameFile(a: string, b: string): boolean {
  try {
    const left = sys.lstat(a);
    const right = sys.lstat(b);
    return left.dev === right.dev && left.ino === right.ino;
  } catch {
    return false;
  }
}

function isLinkTo(path: string, target: string): boolean {
  try {
    return sys.readlink(path) === target;
  } catch {
    return false;
  }
}
