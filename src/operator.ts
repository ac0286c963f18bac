/** `cnibox` by its own name: the operator's tool. A chunk of its own, which plugin calls never load. */
import { applets, plugins, tools } from "./applets/mod.ts";
import { CniError, toErrorJson } from "./cni/errors.ts";
import { help } from "./cni/help.ts";
import type { Io } from "./cni/outside.ts";
import { release } from "./cni/release.ts";
import { suggest } from "./cni/suggest.ts";
import { all } from "./cni/versions.ts";
import { doctor } from "./doctor/doctor.ts";
import { install, type Method } from "./install.ts";
import { validate } from "./validate.ts";

/** What `load("cnibox")` gives. */
export interface Tool {
  /** @returns the exit status */
  run(io: Io, args: readonly string[]): number;
}

const usage = `Usage: cnibox PLUGIN                          be the plugin; so does a link of its name
       cnibox cnitool                         networks by hand; so does a link of its name
       cnibox PLUGIN --help                   its config keys
       cnibox validate [FILE|DIR...]          look over network configs
       cnibox doctor [--json]                 what keeps this node from attaching, what is left over
       cnibox --list                          the plugins
       cnibox --install [--hard|--copy] DIR   put cnibox and a link for each plugin into DIR
       cnibox --version
With --all, --list and --install take the sample for plugin writers, too.
`;

/** A mistake in how we were called. */
class UsageError extends Error {}

/** One that returns false has found something wrong, and has said so. */
const commands = new Map<string, (io: Io, args: readonly string[]) => unknown>([
  ["--list", list],
  ["--version", version],
  ["--help", showHelp],
  ["-h", showHelp],
  ["--install", installLinks],
  ["validate", validate],
  ["doctor", (io, args) => doctor(io, args, plugins)],
]);

const tool: Tool = {
  run(io, args) {
    const [first, ...others] = args;
    try {
      // A config whose "type" is a name that we do not know: the runtime waits for an error object.
      if (first === undefined && io.environ.CNI_COMMAND) return refuseCall(io);
      const command = commands.get(first ?? "--help");
      if (!command) throw unknown(first ?? "");
      return command(io, others) === false ? 1 : 0;
    } catch (error) {
      io.writeStderr(`cnibox: ${error instanceof Error ? error.message : error}\n`);
      if (error instanceof UsageError) io.writeStderr(usage);
      return 1;
    }
  },
};
export default tool;

function refuseCall(io: Io): number {
  const message = `Cannot tell which plugin to be: the name must be one of ${plugins.join(", ")}`;
  io.writeStdout(toErrorJson(new CniError("InvalidNetworkConfig", message)));
  return 1;
}

function list(io: Io, args: readonly string[]): void {
  const [option] = args;
  if (option !== undefined && option !== "--all") throw new UsageError(`unknown option ${option}`);
  const names = option ? applets : plugins;
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map(
    (name) => `${name.padEnd(width)}  ${io.load(name)?.applet.summary ?? ""}\n`,
  );
  io.writeStdout(lines.join(""));
}

function version(io: Io): void {
  io.writeStdout(`cnibox ${release}, CNI ${all.join(", ")}\n`);
}

function showHelp(io: Io, [name]: readonly string[]): void {
  if (name === undefined) {
    io.writeStdout(`cnibox ${release}: the CNI plugins in one file\n\n${usage}`);
    return;
  }
  const plugin = io.load(name);
  if (!plugin) throw unknown(name);
  io.writeStdout(help(plugin.applet));
}

function installLinks(io: Io, args: readonly string[]): void {
  let method: Method = "symbolic";
  let names: readonly string[] = plugins;
  const directories: string[] = [];
  for (const arg of args) {
    if (arg === "--hard") method = "hard";
    else if (arg === "--copy") method = "copy";
    else if (arg === "--all") names = applets;
    else if (arg.startsWith("-")) throw new UsageError(`unknown option ${arg}`);
    else directories.push(arg);
  }
  const [directory] = directories;
  if (directory === undefined || directories.length > 1) {
    throw new UsageError("--install takes one directory");
  }
  install(directory, names, method, (line) => io.writeStdout(`${line}\n`));
}

function unknown(name: string): Error {
  const what = name.startsWith("-") ? "option" : "plugin";
  const meant = suggest(name, [...applets, ...tools, ...commands.keys()]);
  const hint = meant ? `; did you mean ${meant}?` : "; see cnibox --list";
  return new Error(`unknown ${what} "${name}"${hint}`);
}
