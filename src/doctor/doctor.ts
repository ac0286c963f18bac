/**
 * `cnibox doctor`: what keeps this node from attaching containers, and what is left of those that are
 * gone. It changes nothing.
 */
import { splitPath } from "../cni/env.ts";
import type { Io } from "../cni/outside.ts";
import { serialize } from "../json/serialize.ts";
import { Netns } from "../kernel/netns.ts";
import { executableDirectory } from "../kernel/paths.ts";
import { messageOf } from "../libcni/errors.ts";
import { defaultCacheDirectory, type Runtime } from "../libcni/runtime.ts";
import { error, type Finding } from "./findings.ts";
import { findLeftovers } from "./leftovers.ts";
import { askPlugins, readNetworks } from "./networks.ts";
import { lookAtPlace } from "./place.ts";

const defaultConfigDirectory = "/etc/cni/net.d";

/**
 * Prints a line for each finding, or with `--json` a list of them.
 * @param plugins the names that `--install` takes
 * @returns whether there is no error; warnings are none
 */
export function doctor(io: Io, args: readonly string[], plugins: readonly string[]): boolean {
  const json = args.includes("--json");
  const rest = args.filter((arg) => arg !== "--json");
  if (rest.length > 0) throw new Error(`doctor takes --json and nothing else, not "${rest[0]}"`);
  const findings = examine(io, plugins);
  if (json) io.writeStdout(`${serialize(findings.map((one) => ({ ...one })))}\n`);
  else {
    const lines = findings.map(
      ({ severity, about, message }) => `${severity}: ${about}: ${message}\n`,
    );
    io.writeStdout(lines.length > 0 ? lines.join("") : "ok\n");
  }
  return !findings.some(({ severity }) => severity === "error");
}

function examine(io: Io, plugins: readonly string[]): Finding[] {
  const { environ } = io;
  const directory = environ.NETCONFPATH || defaultConfigDirectory;
  const runtime: Runtime = {
    path: environ.CNI_PATH ? splitPath(environ.CNI_PATH) : [executableDirectory()],
    environ,
    cacheDirectory: defaultCacheDirectory,
    hasBuiltIn: (type) => io.load(type) !== undefined,
    warn: (message) => io.writeStderr(`Warning: ${message}\n`),
  };
  const host = Netns.own();
  const { networks, findings } = readNetworks(io, runtime, directory);
  if (networks.length + findings.length === 0) {
    findings.push(error(directory, "there is no network config"));
  }
  return [
    ...runtime.path.flatMap((directory) =>
      attempt(directory, () => lookAtPlace(directory, plugins)),
    ),
    ...findings,
    ...networks.flatMap((network) => askPlugins(io, runtime, network)),
    ...attempt(runtime.cacheDirectory, () => findLeftovers(host, networks, runtime.cacheDirectory)),
  ];
}

/** What cannot be looked at is a finding, too, and keeps nobody from looking at the rest. */
function attempt(about: string, look: () => Finding[]): Finding[] {
  try {
    return look();
  } catch (problem) {
    return [error(about, messageOf(problem))];
  }
}
