/** Where plugins are: CNI_PATH. */

import { quote } from "../json/quote.ts";
import { constants, sys } from "../sys/sys.ts";

/**
 * The file that a plugin name stands for: the first regular file of that name in these directories
 * (links are followed, the execute bit is not asked for, as in the reference: pkg/invoke/find.go).
 * @returns undefined where no directory has it
 * @throws for a name that is none, in the words of the reference
 */
export function findPlugin(name: string, path: readonly string[]): string | undefined {
  if (name === "") throw new Error("no plugin name provided");
  if (/[/\0]/.test(name) || name === "." || name === "..") {
    throw new Error(`invalid plugin name: ${name}`);
  }
  for (const directory of path) {
    if (directory === "") continue;
    const file = `${directory}/${name}`;
    if (isRegularFile(file)) return file;
  }
  return undefined;
}

/** What is said where a plugin is in no directory. */
export function notFound(name: string, path: readonly string[]): Error {
  if (path.length === 0) return new Error("no paths provided");
  return new Error(`failed to find plugin ${quote(name)} in path [${path.join(" ")}]`);
}

/** Whether a file is the executable that runs now, be it through a link. */
export function isThisExecutable(file: string): boolean {
  try {
    const found = sys.stat(file);
    const own = sys.stat(sys.executable());
    return found.dev === own.dev && found.ino === own.ino;
  } catch {
    // Our own file was replaced or removed: then it is another one.
    return false;
  }
}

function isRegularFile(file: string): boolean {
  try {
    const found = sys.stat(file, true);
    return found !== null && (found.mode & constants.S_IFMT) === constants.S_IFREG;
  } catch {
    return false;
  }
}
