/** The Node host: the addon is the `.node` file that node-gyp made (`npm run build:addon`). */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Addon } from "./addon.ts";

const addon: Addon = createRequire(import.meta.url)(find());
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

/** In the nearest folder above that has it, be this file run from its source or from a bundle. */
function find(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    for (const name of ["cnibox.node", "build/Release/cnibox.node"]) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
    if (folder === dirname(folder)) throw new Error("Cannot find cnibox.node: it is not built");
  }
}
