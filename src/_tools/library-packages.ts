/**
 * Packs the npm library as it is released: `build/npm/*.tgz`, one package with the code, and one with
 * the compiled addon for each kind of machine, which the first names as optional dependencies. npm
 * installs the one that suits; where there is none the addon is compiled (`native/install.mjs`).
 *
 * The addon for this machine is in build/Release/. Those for others are taken from
 * `build/artifacts/cnibox.PLATFORM.node`, where whoever has compiled them puts them.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

const out = resolve("build/npm");
const main = join(out, "cnibox");
const platforms = join(main, "npm");
const artifacts = resolve("build/artifacts");

/** As @napi-rs/cli names them. */
const architectures: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };
const libraries = ["gnu", "musl"];

rmSync(out, { recursive: true, force: true });
mkdirSync(main, { recursive: true });
mkdirSync(artifacts, { recursive: true });
copyFileSync("build/Release/cnibox.node", join(artifacts, `cnibox.${ownPlatform()}.node`));
unpackMain();
napi("create-npm-dirs", "--npm-dir", "npm");
napi("artifacts", "--output-dir", artifacts, "--npm-dir", "npm");
napi("pre-publish", "--npm-dir", "npm", "--no-gh-release", "--skip-optional-publish");
changePackage(({ napi: _, ...rest }) => rest);
const folders = [main, ...readdirSync(platforms).map((name) => join(platforms, name))];
run("npm", ["pack", "--silent", "--pack-destination", out, ...folders], ".");

/** What `npm pack` makes of this checkout, without what is of use only here. */
function unpackMain(): void {
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", out], ".");
  const [tarball = ""] = readdirSync(out).filter((name) => name.endsWith(".tgz"));
  run("tar", ["-xf", join(out, tarball), "--strip-components=1"], main);
  rmSync(join(out, tarball));
  changePackage(({ devDependencies: _, imports: __, scripts, napi, ...rest }) => ({
    ...rest,
    scripts: { install: scripts.install },
    napi: { ...napi, targets: napi.targets.filter(isCompiled) },
  }));
}

// biome-ignore lint/suspicious/noExplicitAny: package.json has many members, and few matter here
type Package = any;

function changePackage(change: (content: Package) => Package): void {
  const file = join(main, "package.json");
  const changed = change(JSON.parse(readFileSync(file, "utf8")));
  writeFileSync(file, `${JSON.stringify(changed, null, 2)}\n`);
}

/** Whether the addon for a target, e.g. `x86_64-unknown-linux-gnu`, is there. */
function isCompiled(target: string): boolean {
  return Object.entries(architectures).some(([arch, name]) =>
    libraries.some(
      (library) =>
        target === `${name}-unknown-linux-${library}` &&
        existsSync(join(artifacts, `cnibox.linux-${arch}-${library}.node`)),
    ),
  );
}

function ownPlatform(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `linux-${process.arch}-${header.glibcVersionRuntime ? "gnu" : "musl"}`;
}

function napi(...args: string[]): void {
  run(resolve("node_modules/.bin/napi"), args, main);
}

function run(program: string, args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot run ${program} ${args[0]}: ${stdout}${stderr}`);
}
