/** `cnibox validate`: network configs looked over, without a runtime. */
import { splitPath } from "./cni/env.ts";
import type { Io } from "./cni/outside.ts";
import { readFile } from "./kernel/files.ts";
import { ConfigError, messageOf } from "./libcni/errors.ts";
import { lint } from "./libcni/lint.ts";
import { configFiles } from "./libcni/load.ts";

const extensions = [".conf", ".conflist", ".json"];

/**
 * Prints what is found in each file, and in each config of each directory.
 * @param paths default: the directory of the runtime's configs
 * @returns whether there is no mistake
 */
export function validate(io: Io, paths: readonly string[]): boolean {
  const given = paths.length > 0 ? paths : [io.environ.NETCONFPATH || "/etc/cni/net.d"];
  let isGood = true;
  for (const path of given) {
    const files = configsAt(path);
    if (files.length === 0) throw new Error(`no network config in ${path}`);
    for (const file of files) {
      const lines = look(io, file);
      isGood &&= !lines.some((line) => line.startsWith("error: "));
      io.writeStdout(
        (lines.length > 0 ? lines : ["ok"]).map((line) => `${file}: ${line}\n`).join(""),
      );
    }
  }
  return isGood;
}

function configsAt(path: string): string[] {
  try {
    return configFiles(path, extensions);
  } catch {
    return [path]; // a file
  }
}

function look(io: Io, file: string): string[] {
  const path = splitPath(io.environ.CNI_PATH ?? "");
  try {
    const bytes = readFile(file);
    if (!bytes) return ["error: it is not there"];
    const findings = lint(file, bytes, { load: io.load, path });
    return findings.map(({ kind, message }) =>
      kind === "mistake" ? `error: ${message}` : `note: ${message}`,
    );
  } catch (error) {
    const position = error instanceof ConfigError && error.position ? `${error.position}: ` : "";
    return [`error: ${position}${messageOf(error)}`];
  }
}
