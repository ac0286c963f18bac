/**
 * The Node host: the addon is a `.node` file, which node-gyp has made (`npm run build:addon`, or the
 * installation of the npm package) or an npm package of its own brings.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Addon } from "./addon.ts";

const addon = find();
const [script] = process.argv.slice(1);

const host: Addon = {
  ...addon,
  // Node's own argument vector begins with node; Node has made the script's path absolute but has
  // not resolved links, so [0] still ends in the name by which it was called.
  argv: () => process.argv.slice(1),
  executable: () => addon.realpath(script ?? process.execPath),
  // Not the bare system call, so that Node can write its coverage file.
  exit: (status) => process.exit(status),
};
export default host;

/**
 * The addon, from the first of these places that has it: beside this file; build/Release/ of the
 * package that this file is of, be it run from its source or from a bundle; the npm package with
 * the addon for this machine.
 */
function find(): Addon {
  const load = createRequire(import.meta.url);
  const here = dirname(fileURLToPath(import.meta.url));
  const compiled = [here, join(packageFolder(here), "build/Release")]
    .map((folder) => join(folder, "cnibox.node"))
    .find(existsSync);
  if (compiled !== undefined) return load(compiled);
  const platform = `${process.platform}-${process.arch}`;
  const failures: string[] = [];
  // Of two C libraries the addon for the other does not load.
  for (const name of [`cnibox-${platform}-gnu`, `cnibox-${platform}-musl`]) {
    try {
      return load(name);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      failures.push(code === "MODULE_NOT_FOUND" ? `${name} is not installed` : message);
    }
  }
  throw new Error(
    `Cannot load the addon of cnibox for ${platform}: ${failures.join("; ")}. Install cnibox with its ` +
      "optional packages; or, where there are a C++ compiler, make and Python 3, compile it: " +
      "npm rebuild cnibox --ignore-scripts=false",
  );
}

/** The nearest folder above that has binding.gyp; the folder itself if there is none. */
function packageFolder(folder: string): string {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, "binding.gyp"))) return above;
    if (above === dirname(above)) return folder;
  }
}
