/**
 * Packages the Node host, with the addon and Node itself, as one file: `build/pkg/cnibox`.
 *
 * pkg's classic mode needs a Node that is patched and downloaded, and its `--sea` mode downloads one
 * too; the function behind `--sea` takes the Node that runs, which the command line cannot say.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const folder = resolve("build/pkg");
const executable = join(folder, "cnibox");
const bundle = join(folder, "cnibox.cjs");

await build({
  entryPoints: ["src/node-main.ts"],
  outfile: bundle,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  conditions: ["packaged"],
  logLevel: "warning",
});

// Everything that pkg leaves is below its folder in build/; from there npx finds our postject.
const temporary = join(folder, "tmp");
mkdirSync(temporary, { recursive: true });
Object.assign(process.env, { TMPDIR: temporary, HOME: temporary, npm_config_offline: "true" });
rmSync(executable, { force: true });
const { default: sea } = require("@yao-pkg/pkg/lib-es5/sea.js");
await sea(bundle, {
  useLocalNode: true,
  targets: [
    {
      nodeRange: `node${process.versions.node}`,
      platform: "linux",
      arch: process.arch,
      output: executable,
    },
  ],
  seaConfig: { assets: { "cnibox.node": resolve("build/Release/cnibox.node") } },
});
rmSync(temporary, { recursive: true });
chmodSync(executable, 0o755);

// pkg does not tell when postject has failed: what it leaves is a plain Node then.
const { stdout } = spawnSync(executable, [], {
  argv0: "bridge",
  env: { CNI_COMMAND: "VERSION" },
  encoding: "utf8",
});
if (!stdout.includes("supportedVersions"))
  throw new Error("Cannot package: npm's postject has failed, or is not installed");
console.log(`build/pkg/cnibox: ${statSync(executable).size} bytes`);
