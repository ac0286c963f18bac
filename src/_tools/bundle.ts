/** Bundles TypeScript for the engine: ES modules in the language that it runs. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { originsOf } from "./lines.ts";
import { spellOutPatterns } from "./patterns.ts";
import { unblockVariables } from "./variables.ts";

/**
 * Bundles each entry, and what several of them share, into a module of its own.
 *
 * Beside each module NAME stands `NAME.lines`, which tells where its lines come from.
 * @param root files are named relative to it in stack traces
 * @param entries module name without `.js` → file
 * @returns the names of the modules, in order, and what each imports
 */
export async function bundle(
  root: string,
  entries: Record<string, string>,
  directory: string,
  plugins: Plugin[] = [],
): Promise<Map<string, string[]>> {
  const outdir = resolve(root, directory);
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir,
    write: false,
    metafile: true,
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
    plugins,
    logLevel: "warning",
  });
  rmSync(outdir, { recursive: true, force: true });
  const texts = new Map(outputFiles.map(({ path, text }) => [path, text]));
  const paths = [...texts.keys()].filter((path) => !path.endsWith(".map"));
  for (const path of paths) {
    const code = texts.get(path) ?? "";
    const map = JSON.parse(texts.get(`${path}.map`) ?? "");
    map.sources = map.sources.map((source: string) =>
      // What lazy.ts makes of a file is named by it.
      source.startsWith("lazy:")
        ? source.slice("lazy:".length)
        : relative(root, resolve(dirname(path), source)),
    );
    const origins = originsOf(map, code);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, spellOutPatterns(unblockVariables(code)));
    writeFileSync(`${path}.lines`, origins.map((origin) => `${origin}\n`).join(""));
  }
  const nameOf = (path: string) => relative(outdir, resolve(root, path));
  const names = paths.map(nameOf).sort();
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, out]) => [nameOf(path), out]),
  );
  return new Map(
    names.map((name) => [name, (outputs.get(name)?.imports ?? []).map(({ path }) => nameOf(path))]),
  );
}
