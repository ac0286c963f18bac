/**
 * Which plugins are under test.
 *
 * CNI_BIN names their directory: `build/bin` (the default) has our executable under every plugin's
 * name, `build/bin-node` the same code on Node, `/usr/lib/cni` the Go plugins. The black-box tests
 * run against all of them; where we differ from Go on purpose a test says so with {@link differs},
 * and what Go does not do at all is tested with `onlyOurs`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";

export const cniBin = resolve(process.env.CNI_BIN ?? "build/bin");

/** The path of a plugin under test. */
export function pluginPath(name: string): string {
  const path = join(cniBin, name);
  if (!existsSync(path)) throw new Error(`Cannot test ${name}: ${path} is missing (npm run build)`);
  return path;
}

/** Whether the directory holds the Go plugins. */
export function isGo(directory: string): boolean {
  const bridge = realpathSync(join(directory, "bridge"));
  return readFileSync(bridge).includes(Buffer.from("Go buildinf:"));
}

/** True when Go plugins are under test. */
export const go = existsSync(join(cniBin, "bridge")) && isGo(cniBin);

/** True when our code runs on Node, whose own threads make system calls, too. */
export const onNode = existsSync(join(cniBin, "bridge")) && !isElf(join(cniBin, "bridge"));

function isElf(path: string): boolean {
  return readFileSync(path).subarray(1, 4).toString() === "ELF";
}

const specVersions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/** From which version on a verb, or the `interfaces` list of results, exists. */
const since = { interfaces: "0.3.0", CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/** The versions that the plugins under test speak: all seven, or less on an old Go build. */
export const versions = {
  all: supportedVersions(),
  /** Those that have a verb (or the `interfaces` list). */
  with(feature: keyof typeof since): string[] {
    const first = specVersions.indexOf(since[feature]);
    return versions.all.filter((version) => specVersions.indexOf(version) >= first);
  },
  /** Those that do not have it. */
  without(feature: keyof typeof since): string[] {
    const having = versions.with(feature);
    return versions.all.filter((version) => !having.includes(version));
  },
  get latest(): string {
    return versions.all[versions.all.length - 1] ?? "1.1.0";
  },
};

function supportedVersions(): string[] {
  if (!go) return specVersions; // ours must have them all: no excuse is asked for
  const asked = spawnSync(pluginPath("bridge"), {
    env: { CNI_COMMAND: "VERSION" },
    encoding: "utf8",
  });
  return JSON.parse(asked.stdout).supportedVersions;
}

/** A value that differs on purpose between Go and us, with the reason. */
export function differs<T>(_why: string, values: { go: T; ours: T }): T {
  return go ? values.go : values.ours;
}
