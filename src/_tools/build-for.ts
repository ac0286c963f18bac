/**
 * Builds the executable for another processor with Debian's cross compilers.
 *
 *     npm run build:for -- aarch64
 *
 * The result is `build/aarch64/cnibox`. With qemu-user-static it is frozen as the one that is for this
 * machine, and with musl-dev of that architecture it is as small.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./engine.ts";

const [processor = ""] = process.argv.slice(2);
if (!/^[a-z0-9_]+$/.test(processor)) {
  console.error("Usage: npm run build:for -- aarch64");
  process.exit(1);
}
const tool = (name: string) => `${processor}-linux-gnu-${name}`;
if (spawnSync(tool("g++"), ["--version"]).status !== 0) {
  console.error(`Cannot build: there is no ${tool("g++")} (Debian: g++-${processor}-linux-gnu)`);
  process.exit(1);
}
mkdirSync(join(root, "build", processor), { recursive: true });
const builder = ["src/_tools/build-engine.ts", `--out=build/${processor}/cnibox`];
const { status } = spawnSync(join(root, "node_modules/.bin/tsx"), builder, {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, CC: tool("gcc"), CXX: tool("g++"), STRIP: tool("strip") },
});
process.exit(status ?? 1);
