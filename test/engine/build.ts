/** Builds the checks, for Node and for the engine; what is up to date is left alone. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { buildEngine, root } from "../../src/_tools/engine.ts";

const { include_dir: headers } = createRequire(import.meta.url)("node-api-headers");
const { include_dir: cppHeaders } = createRequire(import.meta.url)("node-addon-api");

const checks = "test/engine/checks";
const addonFolder = "test/engine/addon";
const output = "build/engine-checks";

/** @returns the command that runs the checks on Node */
export async function buildForNode(): Promise<string[]> {
  const addon = join(root, output, "addon.node");
  const script = join(root, output, "on-node.mjs");
  mkdirSync(join(root, output), { recursive: true });
  const all = readdirSync(join(root, addonFolder)).map((name) => join(root, addonFolder, name));
  const sources = all.filter((file) => file.endsWith(".cc") && !file.endsWith("/collect.cc"));
  const modified = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (modified(addon) < Math.max(...all.map(modified))) {
    const { status } = spawnSync(
      process.env.CXX ?? "c++",
      [
        "-shared",
        "-fPIC",
        "-O1",
        "-std=gnu++17",
        "-DNAPI_VERSION=8",
        "-DNAPI_CPP_EXCEPTIONS",
      ].concat(`-I${headers}`, `-I${cppHeaders}`, "-o", addon, sources),
      { stdio: "inherit" },
    );
    if (status !== 0) throw new Error("Cannot build the checks' addon for Node");
  }
  await build({
    absWorkingDir: root,
    entryPoints: [join(checks, "on-node.ts")],
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "warning",
  });
  return [process.execPath, "--expose-gc", script, addon];
}

/**
 * @param how `sanitize`: with AddressSanitizer, and the collector forced often; `frozen`: with the modules
 *   evaluated
 * @returns the executable
 */
export async function buildForEngine(how?: "sanitize" | "frozen"): Promise<string> {
  const executable = join(output, `on-engine-${how ?? "plain"}`);
  await buildEngine({
    program: `checks-${how ?? "plain"}`,
    entries: {
      main: join(checks, "on-engine.ts"),
      "applet/loaded": join(checks, "loaded.ts"),
      "applet/failing": join(checks, "failing.ts"),
    },
    executable,
    addon: readdirSync(join(root, addonFolder))
      .filter((name) => name.endsWith(".cc"))
      .map((name) => join(addonFolder, name)),
    sanitize: how === "sanitize",
    ...(how === "frozen" && { frozen: ["applet/loaded.js"] }),
  });
  return join(root, executable);
}
