/** The reference's libcni, of Debian's packages, as a program: built when it is first asked for. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { resolve } from "node:path";

const source = "test/conformance/go-runtime/main.go";
const program = resolve("build/go-runtime/go-runtime");

/** Where Debian's package golang-github-appc-cni-dev puts the sources. */
export const goSources = "/usr/share/gocode/src/github.com/containernetworking/cni/libcni";

/** The path of the program; undefined where there is no Go, or no libcni for it. */
export function goRuntime(): string | undefined {
  if (!existsSync(goSources) || spawnSync("go", ["version"]).error) return undefined;
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync("build/go-runtime", { recursive: true });
  const done = spawnSync("go", ["build", "-o", program, resolve(source)], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      GO111MODULE: "off",
      GOPATH: "/usr/share/gocode",
      GOCACHE: resolve("build/go-runtime/cache"),
      GOFLAGS: "-p=1",
    },
  });
  if (done.status !== 0) throw new Error(`Cannot build ${source}: ${done.stderr}`);
  return program;
}
