/** Directories of plugins, as a runtime has them, for the two hosts of our code. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";

/** Links every applet's name to a program; returns the directory. */
function linkApplets(directory: string, program: string): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const name of applets()) symlinkSync(relative(directory, program), join(directory, name));
  return directory;
}

/** The names in the registry: what `mod.ts` lists is what is shipped. */
function applets(): string[] {
  const [, list = ""] =
    /applets = \[([^\]]*)\]/.exec(readFileSync("src/applets/mod.ts", "utf8")) ?? [];
  const names = [...list.matchAll(/"([a-z-]+)"/g)].map(([, name]) => name ?? "");
  if (names.length === 0) throw new Error("Cannot find the list of applets in src/applets/mod.ts");
  return names;
}

/** `build/bin`: the executable. Absent while it is not built. */
export function engineDirectory(executable = "build/cnibox", directory = "build/bin") {
  return existsSync(executable) ? linkApplets(directory, executable) : undefined;
}

/** `build/bin-node`: the same code on Node. */
export function nodeDirectory() {
  const script = "build/node/cnibox.mjs";
  return existsSync(script) ? linkApplets("build/bin-node", script) : undefined;
}
