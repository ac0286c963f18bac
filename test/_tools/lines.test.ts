import { build } from "esbuild";
import t from "tap";
import { originsOf } from "../../src/_tools/lines.ts";

t.test("each line of a bundle is traced to its file and line", async (t) => {
  const files: Record<string, string> = {
    "main.ts": 'import { first, second } from "./part.ts";\n\n\nfirst();\nsecond(\n  1,\n);\n',
    "part.ts":
      "// a comment\nexport function first() {\n  return 1;\n}\n\nexport const second = first;\n",
  };
  const { outputFiles } = await build({
    entryPoints: ["main.ts"],
    bundle: true,
    write: false,
    outdir: ".",
    format: "esm",
    sourcemap: "external",
    plugins: [
      {
        name: "memory",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /.*/ }, ({ path }) => ({
            path: path.replace("./", ""),
            namespace: "memory",
          }));
          onLoad({ filter: /.*/, namespace: "memory" }, ({ path }) => ({
            contents: files[path] ?? "",
            loader: "ts",
          }));
        },
      },
    ],
  });
  const map = JSON.parse(outputFiles.find(({ path }) => path.endsWith(".map"))?.text ?? "");
  const code = outputFiles.find(({ path }) => path.endsWith(".js"))?.text ?? "";
  const origins = originsOf(map, code);
  const traced = code.split("\n").map((line, i) => [line, origins[i] ?? ""]);
  t.same(
    traced.filter(([, origin]) => origin),
    [
      ["function first() {", "memory:part.ts:2"],
      ["  return 1;", "memory:part.ts:3"],
      ["}", "memory:part.ts:4"],
      ["var second = first;", "memory:part.ts:6"],
      ["first();", "memory:main.ts:4"],
      ["second(", "memory:main.ts:5"],
      ["  1", "memory:main.ts:6"],
      [");", "memory:main.ts:7"],
    ],
  );
});

t.test("numbers of a source map may be negative and long", async (t) => {
  // Line 1 is line 100,001 of the second file; line 2 is line 1 of the first.
  t.same(originsOf({ sources: ["a", "b"], mappings: "ACgqjGA;ADhqjGA" }, "x\ny"), [
    "b:100001",
    "a:1",
  ]);
  t.same(originsOf({ sources: ["a"], mappings: ";;AAAA,EACA,CAAC;A" }, "\n\n  x\n"), [
    "",
    "",
    "a:2",
    "",
  ]);
});
