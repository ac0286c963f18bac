/** The steps of docs/writing-a-plugin.md lead to a plugin that works: they are run in a copy. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import t from "tap";
import { directory } from "../harness/directory.ts";
import { go } from "../harness/hosts.ts";

interface Step {
  kind: string;
  file: string;
  text: string;
}

const steps: Step[] = [
  ...readFileSync("docs/writing-a-plugin.md", "utf8").matchAll(
    /<!-- (run|output|file)(?:: (\S+))? -->\n```\w*\n(.*?)```/gs,
  ),
].map(([, kind = "", file = "", text = ""]) => ({ kind, file, text }));

/** What a build needs, with what is compiled already: only the new plugin is made. */
function copyOfTheTree(): string {
  const copy = directory(t);
  const options = { recursive: true, preserveTimestamps: true };
  for (const name of ["src", "native", "test", "package.json", "binding.gyp"]) {
    cpSync(name, join(copy, name), options);
  }
  mkdirSync(join(copy, "build"));
  for (const name of ["build/obj", "build/Release"]) {
    if (existsSync(name)) cpSync(name, join(copy, name), options);
  }
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  return copy;
}

const options = {
  timeout: 400_000,
  ...(go || process.env.CNIBOX_ONLY ? { skip: "it builds the executable: natively only" } : {}),
};
t.test("the steps make a plugin that works", options, async (t) => {
  t.equal(steps.length, 7);
  const cwd = copyOfTheTree();
  let said = "";
  for (const { kind, file, text } of steps) {
    if (kind === "output") t.ok(said.endsWith(text), "it says what the page says");
    else if (kind === "file") writeFileSync(join(cwd, file), text);
    else {
      // The addon for Node is not what is tried here.
      const commands = text.replace(
        "npm run build\n",
        "npm run build:gen && npx tsx src/_tools/build-engine.ts\n",
      );
      const env = { ...process.env, CNI_BIN: "build/bin", CNIBOX_DEFER: "" };
      const done = spawnSync("sh", ["-ec", commands], { cwd, env, encoding: "utf8" });
      said = done.stdout;
      if (!t.equal(done.status, 0, text)) t.comment(`${done.stdout}${done.stderr}`);
    }
  }
  t.match(said, /^ok 1 - label is there after ADD, checked, and gone after DEL/m);
});
