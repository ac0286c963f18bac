/**
 * Run by npm when the package is installed: compiles the addon, unless the npm package with the
 * compiled addon for this machine is there. Plain JavaScript that needs Node alone.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const platform = `${process.platform}-${process.arch}`;

// The sources are not in the package: this is a checkout, where `npm run build` compiles.
if (!existsSync(join(root, "src"))) install();

function install() {
  if (!existsSync(join(root, "build/library"))) {
    fail("it was packed before it was built (npm run build:library)");
  } else if (!isPrebuilt()) compile();
}

function isPrebuilt() {
  const load = createRequire(import.meta.url);
  return ["gnu", "musl"].some((library) => {
    try {
      load(`cnibox-${platform}-${library}`);
      return true;
    } catch {
      return false; // not there, or for another C library
    }
  });
}

function compile() {
  const [program, ...start] = nodeGyp();
  const prefix = dirname(dirname(process.execPath));
  // Headers beside the running Node make a download needless.
  const headers = existsSync(join(prefix, "include/node/node_api.h"));
  // Not `rebuild`, which would empty build/.
  const args = ["configure", "build", "--loglevel=warn", "--jobs=max"];
  if (headers) args.push(`--nodedir=${prefix}`);
  const { status } = spawnSync(program, [...start, ...args], { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  fail(`the package cnibox-${platform}-gnu, which has the compiled addon for this
machine, is not installed or does not load here; and the addon could not be compiled (see above).
Either install with optional packages (without --omit=optional), or provide what compiling needs:
  Debian, Ubuntu:  apt-get install g++ make python3
  Alpine:          apk add g++ make python3 linux-headers
  Fedora:          dnf install gcc-c++ make python3
${headers ? "" : "and the headers of Node, which node-gyp downloads where it may.\n"}`);
}

function fail(why) {
  console.error(`\nCannot install cnibox: ${why}`);
  process.exitCode = 1;
}

/** npm brings a node-gyp and says where it is; other package managers put it into the path. */
function nodeGyp() {
  const script = process.env.npm_config_node_gyp;
  return script ? [process.execPath, script] : ["node-gyp"];
}
