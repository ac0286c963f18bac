/**
 * Network configs from a directory: `*.conflist`, each with the plugins in a folder of the network's
 * name, and (older) `*.conf` and `*.json` with one plugin.
 *
 * Reference: libcni/conf.go. Differs on purpose: a broken file is passed over, unless it says that it
 * is the wanted network; errors name the file and the place in it; a network's name is checked before
 * it is taken for a folder's.
 */
import { checkNetworkName } from "../cni/env.ts";
import { parse } from "../json/parse.ts";
import { isObject } from "../json/types.ts";
import { readFile } from "../kernel/files.ts";
import { constants, isErrno, isSystemError, sys } from "../sys/sys.ts";
import { listOf, type NetworkList, parseList } from "./config.ts";
import { ConfigError, messageOf, NoConfigsFoundError, NotFoundError } from "./errors.ts";
import { type PluginConfig, parsePlugin } from "./plugin-config.ts";

/** Where lists come before single plugins, whatever their names. */
const kinds = [
  { extensions: [".conflist"], read: readListFile },
  { extensions: [".conf", ".json"], read: (file: string) => listOf(readPluginFile(file)) },
] as const;

/** A file that may be a network's config: the network, or why it is none. */
export type Loaded =
  | { file: string; list: NetworkList; error?: undefined }
  | { file: string; list?: undefined; error: unknown };

/**
 * The network called `name`: the first list of that name, else the first single plugin, in the order
 * of the files' names.
 * @throws {NotFoundError} or {@link NoConfigsFoundError}; {@link ConfigError} where the network's
 *   own file is wrong
 */
export function loadNetwork(directory: string, name: string): NetworkList {
  const skipped: string[] = [];
  let files = 0;
  for (const { file, list, error } of loadEach(directory)) {
    files++;
    if (list?.name === name) return list;
    if (list) continue;
    if (namedIn(file) === name) throw error;
    skipped.push(messageOf(error));
  }
  if (files === 0) throw new NoConfigsFoundError(directory);
  throw new NotFoundError(directory, name, skipped);
}

/** All of a directory, in the order in which `loadNetwork` looks at them. */
export function* loadEach(directory: string): Generator<Loaded, void, void> {
  for (const { extensions, read } of kinds) {
    for (const file of configFiles(directory, extensions)) yield attempt(file, read);
  }
}

function attempt(file: string, read: (file: string) => NetworkList): Loaded {
  try {
    return { file, list: read(file) };
  } catch (error) {
    return { file, error };
  }
}

/** A list with the plugins of its folder. @throws {ConfigError} */
export function readListFile(file: string): NetworkList {
  const list = read(file, parseList);
  if (!list.loadOnlyInlinedPlugins) {
    const directory = file.replace(/[^/]*$/, "") || "./";
    list.plugins.push(...readPluginFolder(directory, list.name));
  }
  if (list.plugins.length === 0) throw inFile(file, "no plugin configs found");
  return list;
}

/** @throws {ConfigError} */
export function readPluginFile(file: string): PluginConfig {
  return read(file, parsePlugin);
}

/** The plugins that stand in files of their own, `DIRECTORY/NETWORK/*.conf`, in order of their names. */
export function readPluginFolder(directory: string, network: string): PluginConfig[] {
  try {
    checkNetworkName(network);
  } catch {
    return []; // No operation takes such a name, and its folder is somebody else's.
  }
  const folder = `${directory.replace(/\/+$/, "")}/${network}`;
  let files: string[];
  try {
    files = configFiles(folder, [".conf"]);
  } catch (error) {
    throw new ConfigError(`failed to read plugin config files in ${folder}: ${messageOf(error)}`);
  }
  return files.map(readPluginFile);
}

/**
 * The files of a directory with one of these extensions (dot included), in the order of the bytes of
 * their names; none where there is no directory. A link is a file, wherever it leads.
 */
export function configFiles(directory: string, extensions: readonly string[]): string[] {
  let names: string[];
  try {
    names = sys.readdir(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
  return names
    .filter((name) => extensions.includes(/\.[^.]*$/.exec(name)?.[0] ?? ""))
    .sort()
    .map((name) => `${directory.replace(/\/+$/, "") || (directory && "/")}/${name}`)
    .filter((file) => !isDirectory(file));
}

function isDirectory(file: string): boolean {
  try {
    return (sys.lstat(file).mode & constants.S_IFMT) === constants.S_IFDIR;
  } catch (error) {
    if (isSystemError(error)) return false; // Reading it will say why.
    throw error;
  }
}

function read<T>(file: string, parseBytes: (bytes: Uint8Array) => T): T {
  const bytes = readBytes(file);
  try {
    return parseBytes(bytes);
  } catch (error) {
    if (error instanceof ConfigError) throw inFile(file, error.message, error.position);
    throw error;
  }
}

function readBytes(file: string): Uint8Array {
  let bytes: Uint8Array | null;
  try {
    bytes = readFile(file);
  } catch (error) {
    throw new ConfigError(`error reading ${file}: ${messageOf(error)}`);
  }
  if (bytes) return bytes;
  throw new ConfigError(`error reading ${file}: open ${file}: no such file or directory`);
}

function inFile(file: string, what: string, position = ""): ConfigError {
  return new ConfigError(`${what} (in ${file}${position && `, ${position}`})`, position);
}

/** The network that a file says to be, as far as that can be read. */
function namedIn(file: string): string | undefined {
  try {
    const document = parse(sys.decodeUtf8(readFile(file) ?? new Uint8Array(0)));
    return isObject(document) && typeof document.name === "string" ? document.name : undefined;
  } catch {
    return undefined;
  }
}
