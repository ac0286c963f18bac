/** Builds an engine executable: QuickJS, an addon, and TypeScript as bytecode. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";
import { freeze, runnerOf } from "./freeze.ts";
import { lazyEntries, lazyModules } from "./lazy.ts";

/** The project's folder. Tests are bundled elsewhere, so it is looked for upwards. */
export const root = findRoot(dirname(fileURLToPath(import.meta.url)));

const { include_dir: headers } = createRequire(import.meta.url)("node-api-headers");
const { include_dir: cppHeaders } = createRequire(import.meta.url)("node-addon-api");

export interface EngineOptions {
  /** Module name without `.js` → file; `main` is evaluated when the executable starts. */
  entries: Record<string, string>;
  executable: string;
  /** The modules, beside `main`, that the executable is to have loaded when it starts. */
  frozen?: readonly string[];
  /** Files whose functions load them when they are called; see `lazy.ts`. */
  lazy?: readonly string[];
  /** The addon's C++ files; default: ours. */
  addon?: readonly string[];
  /** What the program is called among the objects; default: cnibox. */
  program?: string;
  /** With AddressSanitizer and its like, to find memory errors. */
  sanitize?: boolean;
}

/**
 * Builds what is out of date. The environment has the tool chain of the target in CC, CXX and STRIP,
 * and in QUICKJS_DIR another copy of QuickJS (of the same version). Throws what it cannot do; the compilers
 * print why.
 */
export async function buildEngine(options: EngineOptions): Promise<void> {
  const { executable, addon, sanitize, frozen, lazy = [] } = options;
  const entries = { ...options.entries, ...lazyEntries(lazy) };
  const objects = `build/obj/${target()}${sanitize ? "-sanitize" : ""}`;
  const program = join(objects, options.program ?? "cnibox");
  const tool = "build/obj/tool";
  const make = (goal: string) =>
    run("make", [
      "--silent",
      "--jobs=2",
      "--file=native/engine/Makefile",
      `OUT=${objects}`,
      `PROGRAM=${program}`,
      `TOOL=${tool}`,
      `INCLUDES=-I${headers} -I${cppHeaders.replaceAll('"', "")}`,
      ...(process.env.QUICKJS_DIR ? [`QUICKJS=${process.env.QUICKJS_DIR}`] : []),
      ...(addon ? [`ADDON=${addon.join(" ")}`] : []),
      ...(sanitize ? ["SANITIZE=1"] : []),
      ...goal.split(" "),
    ]);

  const runner = frozen && !sanitize ? runnerOf(target()) : undefined;
  const linked = frozen && runner ? join(program, "unfrozen") : executable;

  make("compiler objects");
  const modules = join(program, "modules");
  const imports = await bundle(root, entries, modules, [lazyModules(root, lazy)]);
  const names = [...imports.keys()];
  run(join(tool, "compile"), [modules, modules, ...names]);
  const loaded = frozen && runner ? reached(imports, ["main.js", ...frozen]) : new Set();
  const embedded = names.filter((name) => !loaded.has(name));
  writeTable(modules, embedded, join(program, "chunks.c"));
  make(`EXECUTABLE=${linked} ${linked}`);
  if (frozen && runner) {
    freeze(runner, join(root, linked), join(root, executable), join(root, modules), frozen);
  } else if (frozen && !sanitize) {
    console.log(
      `Not frozen, and slower for it: qemu-user-static would run what is for ${target()}`,
    );
  }
}

/** The modules that are loaded with these. */
function reached(imports: Map<string, string[]>, from: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    imports.get(name)?.forEach(visit);
  };
  from.forEach(visit);
  return found;
}

/** The table of modules that the executable embeds; written anew only if a module has changed. */
function writeTable(modules: string, names: readonly string[], path: string): void {
  const files = names.map((name) => join(modules, `${name}.bytecode`));
  const digest = createHash("sha256");
  for (const file of files) digest.update(readFileSync(join(root, file)));
  const text = `/* Made by src/_tools/engine.ts from modules of digest ${digest.digest("hex")}. */
#include "chunks.h"
__asm__(
    ".section .rodata\\n"
${files.map((file, i) => `    "m${i}: .incbin \\"${file}\\"\\nm${i}_end:\\n"`).join("\n")}
    ".previous\\n");
${names.map((_, i) => `extern const unsigned char m${i}[], m${i}_end[];`).join("\n")}
const struct Chunk kChunks[] = {
${names.map((name, i) => `    {"${name}", m${i}, m${i}_end},`).join("\n")}
    {0},
};
`;
  const file = join(root, path);
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}

function findRoot(directory: string): string {
  return existsSync(join(directory, "package.json")) ? directory : findRoot(dirname(directory));
}

/** What the compiler makes code for, such as `x86_64-linux-gnu`. */
function target(): string {
  const { stdout, error } = spawnSync(process.env.CC ?? "cc", ["-dumpmachine"]);
  if (error) throw new Error(`Cannot build: ${error.message}`);
  return stdout.toString().trim();
}

function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (error) throw new Error(`Cannot run ${program}: ${error.message}`);
  if (status !== 0) throw new Error(`Cannot build: ${program} failed`);
}
