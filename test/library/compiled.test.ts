/** What `npm pack` makes of a checkout: installed where no compiled addon is to be had. */
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { go } from "../harness/hosts.ts";
import { emptyProject, install, run, succeed } from "./npm.ts";

const packed = emptyProject();
const skip = go || process.env.CNIBOX_ONLY ? { skip: "it is about Node: natively only" } : {};

t.before(() => {
  if (!skip.skip)
    succeed(".", "npm", "pack", "--ignore-scripts", "--silent", `--pack-destination=${packed}`);
});

function tarball(): string {
  const [name = ""] = readdirSync(packed).filter((file) => file.endsWith(".tgz"));
  return join(packed, name);
}

t.test("with a compiler the installation compiles the addon", skip, async (t) => {
  const project = emptyProject();
  // Without optimisation it takes less time, and is no less compiled.
  const { status, output } = install(project, [tarball()], { env: { CXXFLAGS: "-O0" } });
  t.equal(status, 0, output);
  t.ok(existsSync(join(project, "node_modules/cnibox/build/Release/cnibox.node")));
  writeFileSync(
    join(project, "use.mjs"),
    `import { currentVersion } from "cnibox";
import { Netns } from "cnibox/netns";
console.log(currentVersion, Netns.own().links.get(1).name);`,
  );
  t.equal(succeed(project, "node", "use.mjs"), "1.1.0 lo\n");
});

t.test("without one the installation fails, and says what to do", skip, async (t) => {
  const project = emptyProject();
  mkdirSync(join(project, "bin"));
  for (const name of ["node", "npm", "sh"]) {
    const [path = ""] = succeed(".", "which", name).split("\n");
    symlinkSync(path, join(project, "bin", name));
  }
  const { status, output } = install(project, [tarball()], {
    env: { PATH: join(project, "bin") },
  });
  t.equal(status, 1);
  t.match(output, /Cannot install cnibox: the package cnibox-linux-\w+-gnu,/);
  t.match(output, /apt-get install g\+\+ make python3/);
});

t.test("installed without scripts, the library says what is missing", skip, async (t) => {
  const project = emptyProject();
  const { status, output } = install(project, [tarball()], { flags: ["--ignore-scripts"] });
  t.equal(status, 0, output);
  for (const flags of [
    ["-e", "require('cnibox')"],
    ["--input-type=module", "-e", "import 'cnibox/netns'"],
  ]) {
    const ran = run(project, ["node", ...flags]);
    t.equal(ran.status, 1);
    t.match(
      ran.output,
      /Error: Cannot load the addon of cnibox for linux-\w+: cnibox-linux-\w+-gnu is not installed; .* npm rebuild cnibox/,
    );
  }
});

t.test("a package that was not built says so when it is installed", skip, async (t) => {
  const unbuilt = emptyProject();
  for (const name of ["package.json", "binding.gyp", "native/install.mjs"]) {
    cpSync(name, join(unbuilt, name));
  }
  succeed(unbuilt, "npm", "pack", "--ignore-scripts", "--silent");
  const [name = ""] = readdirSync(unbuilt).filter((file) => file.endsWith(".tgz"));
  const { status, output } = install(emptyProject(), [join(unbuilt, name)]);
  t.equal(status, 1);
  t.match(output, /Cannot install cnibox: it was packed before it was built/);
});

t.test("in a checkout the install script does nothing", skip, async (t) => {
  const { status, output } = run(".", [process.execPath, "native/install.mjs"], { PATH: "" });
  t.equal(status, 0);
  t.equal(output, "");
});
