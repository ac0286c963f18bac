/** The registry says what is shipped. */
import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { applets } from "../../src/applets/mod.ts";
import { release } from "../../src/cni/release.ts";

/** In the folder, but no applets. */
const others = ["mod.ts", "load-engine.ts"];

t.test("it names every file in the folder, in order", async (t) => {
  const files = readdirSync("src/applets").filter((file) => !others.includes(file));
  t.same([...applets], files.map((file) => file.replace(/\.ts$/, "")).sort());
});

t.test("an applet is called as its file is", async (t) => {
  for (const name of applets) {
    const source = readFileSync(`src/applets/${name}.ts`, "utf8");
    t.match(source, `name: "${name}"`);
    t.match(source, new RegExp(`^/\\*\\*\\n \\* ${name}: `), "its header says what it is");
  }
});

t.test("the release is that of the package", async (t) => {
  t.equal(release, JSON.parse(readFileSync("package.json", "utf8")).version);
});
