/**
 * Modules of which most calls have no use, loaded when one of their functions is called.
 *
 * Whoever imports such a module gets, in the engine's executable, functions of the same names that
 * load it first. The Node host, which has all code at hand, is built without this.
 */
import { readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Plugin } from "esbuild";

/** @param files relative to `root`; they may export functions only */
export function lazyModules(root: string, files: readonly string[]): Plugin {
  const paths = new Set(files.map((file) => join(root, file)));
  return {
    name: "lazy-modules",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\.ts$/ }, ({ path, kind, resolveDir }) => {
        const file = join(resolveDir, path);
        return kind !== "entry-point" && paths.has(file)
          ? { path: relative(root, file), namespace: "lazy", sideEffects: false }
          : undefined;
      });
      onLoad({ filter: /.*/, namespace: "lazy" }, ({ path }) => ({
        contents: forwarders(join(root, path)),
      }));
    },
  };
}

/** The entries that make modules of their own of them: name → file. */
export function lazyEntries(files: readonly string[]): Record<string, string> {
  return Object.fromEntries(files.map((file) => [nameOf(file), file]));
}

function nameOf(file: string): string {
  return `lazy/${basename(file, ".ts")}`;
}

function forwarders(path: string): string {
  const exports = [...readFileSync(path, "utf8").matchAll(/^export (?!type |interface )(.*)$/gm)];
  const lines = exports.map(([, declaration = ""]) => {
    const name = /^function (\w+)\(/.exec(declaration)?.[1];
    if (!name) throw new Error(`Cannot load ${path} lazily: export ${declaration}`);
    return `export const ${name} = (...all) => load().${name}(...all);`;
  });
  const load = `const load = () => globalThis.__cniboxLoad(${JSON.stringify(`${nameOf(path)}.js`)});`;
  return `${load}\n${lines.join("\n")}\n`;
}
