/**
 * Compiles the addon for Node: binding.gyp → build/Release/cnibox.node.
 *
 * The headers beside the running node are used if it has any, so that nothing is downloaded; else
 * node-gyp fetches them. `configure build` and not `rebuild`, which would empty build/.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const prefix = dirname(dirname(process.execPath));
const gyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");

const options = ["--loglevel=warn", "--jobs=max"];
if (existsSync(join(prefix, "include/node/node_api.h"))) options.push(`--nodedir=${prefix}`);

const { status } = spawnSync(process.execPath, [gyp, "configure", "build", ...options], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
