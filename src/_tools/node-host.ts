/**
 * Builds the Node host, `build/node/cnibox.mjs`: an executable script in one file, beside which (or
 * in build/Release/) the addon is looked for.
 */
import { chmodSync } from "node:fs";
import { build } from "esbuild";

const script = "build/node/cnibox.mjs";
await build({
  entryPoints: ["src/node-main.ts"],
  outfile: script,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  banner: { js: "#!/usr/bin/env node" },
  sourcemap: true,
  logLevel: "warning",
});
chmodSync(script, 0o755);
