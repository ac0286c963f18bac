/** Whether the configured networks could attach a container now. */
import { isThisExecutable } from "../cni/find-plugin.ts";
import type { Io } from "../cni/outside.ts";
import { current } from "../cni/version-list.ts";
import { isAtLeast } from "../cni/versions.ts";
import { readFile } from "../kernel/files.ts";
import type { NetworkList } from "../libcni/config.ts";
import { messageOf } from "../libcni/errors.ts";
import { lint } from "../libcni/lint.ts";
import { type Loaded, loadEach } from "../libcni/load.ts";
import { encode, inject } from "../libcni/plugin-config.ts";
import { run } from "../libcni/run.ts";
import { call, find, type Runtime } from "../libcni/runtime.ts";
import { error, type Finding } from "./findings.ts";

/** A network that can be read, and the file that it is in. */
export interface Network {
  file: string;
  list: NetworkList;
}

/** All configs of a directory: those that can be read, and what is wrong with any. */
export function readNetworks(io: Io, runtime: Runtime, directory: string) {
  const networks: Network[] = [];
  const findings: Finding[] = [];
  for (const { file, list, error: problem } of loadEach(directory)) {
    if (list) networks.push({ file, list });
    else findings.push(error(file, messageOf(problem)));
    if (list) findings.push(...mistakesIn(io, runtime, file));
  }
  return { networks, findings };
}

function mistakesIn(io: Io, { path }: Runtime, file: Loaded["file"]): Finding[] {
  const bytes = readFile(file);
  if (!bytes) return [];
  return lint(file, bytes, { load: io.load, path })
    .filter(({ kind }) => kind === "mistake")
    .map(({ message }) => error(file, message));
}

/**
 * Asks each plugin of a network whether ADD would work: STATUS. Our own are asked whatever the
 * network's version is, others only if that has STATUS.
 */
export function askPlugins(io: Io, runtime: Runtime, { list }: Network): Finding[] {
  return list.plugins.flatMap((plugin) => {
    try {
      const program = find(runtime, plugin.type);
      const { file } = program;
      const isOurs = file === undefined || (isThisExecutable(file) && io.load(plugin.type));
      const cniVersion = isOurs ? current : list.cniVersion;
      if (!isAtLeast(cniVersion || "0.1.0", "1.1.0")) return [];
      const stdin = encode(inject(plugin, { name: list.name, cniVersion }).document);
      run(call(runtime, program, "STATUS", stdin), io);
      return [];
    } catch (problem) {
      return [error(list.name, `${plugin.type}: ${messageOf(problem)}`)];
    }
  });
}
