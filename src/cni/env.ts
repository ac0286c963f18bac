/**
 * What the runtime says in the environment, and what is wrong with it.
 *
 * Reference: pkg/skel/skel.go (getCmdArgsFromEnv), pkg/utils/utils.go.
 */
import { utf8Length } from "../addr/bytes.ts";
import { record } from "../json/decode.ts";
import type { JsonValue } from "../json/types.ts";
import { CniError } from "./errors.ts";

/** What the variables say. Those that are not set are "". */
export interface Environment {
  /** The verb, not checked: it may be unknown. */
  command: string;
  containerId: string;
  netns: string;
  ifName: string;
  /** CNI_ARGS, undecoded: see `cni-args.ts`. */
  args: string;
  /** The directories of CNI_PATH. */
  path: string[];
  /** CNI_NETNS_OVERRIDE: the plugin's own namespace may be the container's. */
  netnsOverride: boolean;
}

/** There is no CNI_COMMAND: a person may have called, who is told what the program is. */
export class MissingCommand extends CniError {}

interface Variable {
  name: string;
  /** The commands that need it; "every" is any command, even an unknown one. */
  needed: readonly string[] | "every";
  /** Only asked about where the variable is needed. */
  check?: (value: string) => void;
}

/** In the order in which they are read and reported. */
const variables: readonly Variable[] = [
  { name: "CNI_COMMAND", needed: "every" },
  { name: "CNI_CONTAINERID", needed: ["ADD", "CHECK", "DEL"], check: checkContainerId },
  { name: "CNI_NETNS", needed: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", needed: ["ADD", "CHECK", "DEL"], check: checkInterfaceName },
  { name: "CNI_PATH", needed: ["ADD", "CHECK", "DEL", "GC", "STATUS"] },
];

/**
 * Reads the variables that the command needs. A value that is wrong is reported before those that are
 * missing, as the reference does it.
 *
 * @throws {MissingCommand} if there is no command; then nothing else is needed either
 * @throws {CniError} InvalidEnvironmentVariables
 */
export function readEnvironment(environ: Readonly<Record<string, string>>): Environment {
  const command = get(environ, "CNI_COMMAND");
  const missing: string[] = [];
  for (const { name, needed, check } of variables) {
    if (needed !== "every" && !needed.includes(command)) continue;
    const value = get(environ, name);
    if (value === "") missing.push(name);
    else check?.(value);
  }
  if (missing.length > 0) {
    const message = `required env variables [${missing.join(",")}] missing`;
    const Failure = command === "" ? MissingCommand : CniError;
    throw new Failure("InvalidEnvironmentVariables", message);
  }
  const override = get(environ, "CNI_NETNS_OVERRIDE");
  return {
    command,
    containerId: get(environ, "CNI_CONTAINERID"),
    netns: get(environ, "CNI_NETNS"),
    ifName: get(environ, "CNI_IFNAME"),
    args: get(environ, "CNI_ARGS"),
    path: splitPath(get(environ, "CNI_PATH")),
    netnsOverride: override === "1" || override.toUpperCase() === "TRUE",
  };
}

function get(environ: Readonly<Record<string, string>>, name: string): string {
  return environ[name] ?? "";
}

/** The directories in a PATH-like text; empty ones stay, as the current directory. */
export function splitPath(path: string): string[] {
  return path === "" ? [] : path.split(":");
}

const identifier = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** @throws {CniError} UnknownContainer if it is empty, else InvalidEnvironmentVariables */
export function checkContainerId(id: string): void {
  if (id === "") throw new CniError("UnknownContainer", "missing containerID");
  if (!identifier.test(id)) {
    throw new CniError("InvalidEnvironmentVariables", "invalid characters in containerID", id);
  }
}

/** @throws {CniError} InvalidNetworkConfig */
export function checkNetworkName(name: string): void {
  if (name === "") throw new CniError("InvalidNetworkConfig", "missing network name:");
  if (!identifier.test(name)) {
    throw new CniError("InvalidNetworkConfig", "invalid characters found in network name", name);
  }
}

/** IFNAMSIZ without the final NUL. */
const maxInterfaceNameBytes = 15;

/** `/`, `:`, and what Go's `unicode.IsSpace` says; `\s` is another list. */
const notInInterfaceName =
  /[/:\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** @throws {CniError} InvalidEnvironmentVariables */
export function checkInterfaceName(name: string): void {
  const refuse = (message: string, details?: string): never => {
    throw new CniError("InvalidEnvironmentVariables", message, details);
  };
  if (name === "") refuse("interface name is empty");
  if (utf8Length(name) > maxInterfaceNameBytes) {
    refuse("interface name is too long", "interface name should be less than 16 characters");
  }
  if (name === "." || name === "..") refuse("interface name is . or ..");
  if (notInInterfaceName.test(name)) {
    refuse("interface name contains / or : or whitespace characters");
  }
}

/**
 * The network's name in a config that a plugin was given.
 * @throws {CniError} DecodingFailure if it is no string, InvalidNetworkConfig if it may not be so
 */
export function decodeNetworkName(config: JsonValue): string {
  let name: string;
  try {
    const type = 'struct { Name string "json:\\"name\\"" }';
    name = record(config, type, undefined, ".").string("name");
  } catch (error) {
    throw new CniError(
      "DecodingFailure",
      `error unmarshall network config: ${(error as Error).message}`,
    );
  }
  if (name === "") throw new CniError("InvalidNetworkConfig", "missing network name");
  checkNetworkName(name);
  return name;
}
