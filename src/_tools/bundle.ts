/** Bundles TypeScript for the engine: ES modules in the language that it runs. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { build } from "esbuild";
import { originsOf } from "./lines.ts";

/**
 * Bundles each entry, and what several of them share, into a module of its own.
 *
 * Beside each module NAME stands `NAME.lines`, which tells where its lines come from.
 * @param root files are named relative to it in stack traces
 * @param entries module name without `.js` → file
 * @returns the names of the modules, in order
 */
export async function bundle(
  root: string,
  entries: Record<string, string>,
  directory: string,
): Promise<string[]> {
  const outdir = resolve(root, directory);
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir,
    write: false,
    bundle: true,
    splitting: true,
    chunkNames: "chunk-[hash]",
    format: "esm",
    platform: "neutral",
    conditions: ["engine"],
    sourcemap: "external",
    sourcesContent: false,
    // The engine has ES2021 and class fields; what else it lacks of ES2022 is lowered.
    target: "es2022",
    supported: {
      "class-static-blocks": false,
      "class-private-brand-check": false,
      "regexp-match-indices": false,
      "top-level-await": false,
    },
    logLevel: "warning",
  });
  rmSync(outdir, { recursive: true, force: true });
  const names: string[] = [];
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    if (!path.endsWith(".map")) {
      writeFileSync(path, text);
      names.push(relative(outdir, path));
      continue;
    }
    const map = JSON.parse(text);
    map.sources = map.sources.map((source: string) =>
      relative(root, resolve(dirname(path), source)),
    );
    writeFileSync(
      path.replace(/map$/, "lines"),
      originsOf(map)
        .map((line) => `${line}\n`)
        .join(""),
    );
  }
  return names.sort();
}
