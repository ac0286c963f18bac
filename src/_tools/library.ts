/**
 * Builds the npm library below `build/library/`: what `exports` and `bin` of package.json lead to.
 *
 * - `cjs/`: the code, once, with modules that the entries share; and the types.
 * - `esm/`: modules that export the same objects. So there is one copy of the code in a process,
 *   however it is imported, and `instanceof` holds.
 *
 * esbuild shares modules between entries only where it makes ES modules; what it has made is turned
 * into CommonJS file by file.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, type Plugin, transformSync } from "esbuild";

const out = resolve("build/library");
/** What is imported by name, and the program. */
const libraries = ["index", "netns"];
const program = "cnibox";
/** What is loaded when it is called, each from a file of its own. */
const loaded = readdirSync("build/gen/applets").map((file) => basename(file, ".ts"));

/** As `build/gen/load.ts`, which loads all of them at once. */
const loadWhenCalled: Plugin = {
  name: "load-when-called",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#load$/ }, ({ path }) => ({ path, namespace: "load-when-called" }));
    onLoad({ filter: /.*/, namespace: "load-when-called" }, () => ({
      // The file is put together where esbuild does not look for it.
      contents: `const files = new Map(${JSON.stringify(loaded)}.map((name) =>
          [name, ["./called-", name, ".js"].join("")]));
        export function load(name) {
          const file = files.get(name);
          return file && require(file).default;
        }`,
    }));
  },
};

rmSync(out, { recursive: true, force: true });
await buildCode();
buildTypes();

async function buildCode(): Promise<void> {
  const { outputFiles, metafile } = await build({
    entryPoints: {
      ...Object.fromEntries(libraries.map((name) => [name, `src/library/${name}.ts`])),
      [program]: "src/node-main.ts",
      ...Object.fromEntries(
        loaded.map((name) => [`called-${name}`, `build/gen/applets/${name}.ts`]),
      ),
    },
    plugins: [loadWhenCalled],
    outdir: out,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    chunkNames: "shared-[hash]",
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "warning",
  });
  for (const { path, text } of outputFiles) {
    write(`cjs/${relative(out, path)}`, toCommonJs(text));
  }
  write("cjs/package.json", '{ "type": "commonjs" }\n');
  chmodSync(join(out, `cjs/${program}.js`), 0o755);
  for (const name of libraries) {
    const [, made] =
      Object.entries(metafile.outputs).find(
        ([, { entryPoint }]) => entryPoint === `src/library/${name}.ts`,
      ) ?? [];
    const names = (made?.exports ?? []).sort().join(", ");
    write(`esm/${name}.js`, `export { ${names} } from "../cjs/${name}.js";\n`);
    write(`esm/${name}.d.ts`, `export * from "../cjs/${name}.js";\n`);
    write(`cjs/${name}.d.ts`, `export * from "./types/library/${name}.js";\n`);
  }
}

function toCommonJs(code: string): string {
  const isProgram = code.includes("sys.exit(main())");
  const made = transformSync(code, {
    format: "cjs",
    platform: "node",
    target: "node20",
    define: { "import.meta.url": "__moduleUrl" },
    banner: code.includes("import.meta.url")
      ? 'const __moduleUrl = require("node:url").pathToFileURL(__filename).href;'
      : "",
  }).code;
  return isProgram ? `#!/usr/bin/env node\n${made}` : made;
}

/** The declarations of the library, and of what it speaks of: no more than can be reached. */
function buildTypes(): void {
  const all = join(out, "all-types");
  const tsc = resolve("node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", "src/library/tsconfig.emit.json", "--outDir", all];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error("Cannot build the library: tsc has failed");
  const reached = new Set<string>();
  const queue = libraries.map((name) => join(all, `library/${name}.d.ts`));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    const text = readFileSync(file, "utf8").replace(
      /((?:from |import\()")(\.[^"]*)\.ts"/g,
      (_all, start: string, path: string) => {
        queue.push(resolve(dirname(file), `${path}.d.ts`));
        return `${start}${path}.js"`;
      },
    );
    write(`cjs/types/${relative(all, file)}`, text);
  }
  rmSync(all, { recursive: true });
}

function write(path: string, content: string): void {
  const file = join(out, path);
  if (existsSync(file)) throw new Error(`Cannot build the library: ${path} is made twice`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
