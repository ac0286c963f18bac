/** Networks, from files and from values. */

import { parse } from "../json/parse.ts";
import { isObject } from "../json/types.ts";
import { listOf, type NetworkList, parseList } from "../libcni/config.ts";
import { ConfigError } from "../libcni/errors.ts";
import { loadNetwork as load, loadEach } from "../libcni/load.ts";
import { parsePlugin } from "../libcni/plugin-config.ts";
import { sys } from "../sys/sys.ts";

export type { NetworkList as Network } from "../libcni/config.ts";
export type { PluginConfig } from "../libcni/plugin-config.ts";

/** What a file of a directory of configs is: a network, or why it is none. */
export type LoadedFile =
  | { file: string; network: NetworkList; error?: undefined }
  | { file: string; network?: undefined; error: unknown };

/**
 * Loads the network called `name` from a directory: from `*.conflist` with the plugins in the folder
 * of the network's name, else from `*.conf` and `*.json` with one plugin. A file that is broken counts
 * only if it says that it is the wanted network.
 *
 * @param directory `/etc/cni/net.d`, mostly
 * @throws {NotFoundError} or {@link NoConfigsFoundError}; {@link ConfigError}, which names the file
 *   and the place in it, where the network's own file is wrong
 * @example
 * const network = await loadNetwork("/etc/cni/net.d", "web");
 */
export async function loadNetwork(directory: string, name: string): Promise<NetworkList> {
  return load(directory, name);
}

/**
 * Loads all of a directory, in the order in which {@link loadNetwork} looks at the files. A runtime
 * that has one network takes the first.
 */
export async function loadNetworks(directory: string): Promise<LoadedFile[]> {
  return [...loadEach(directory)].map(({ file, list, error }) =>
    list ? { file, network: list } : { file, error },
  );
}

/**
 * Makes a network of a config: of a list (`plugins`), or of one plugin (`type`).
 * @param config its text, or the value
 * @throws {ConfigError}
 * @example
 * const network = parseNetwork({
 *   cniVersion: "1.1.0",
 *   name: "web",
 *   plugins: [{ type: "bridge", ipam: { type: "host-local", subnet: "10.1.2.0/24" } }],
 * });
 */
export function parseNetwork(config: string | object): NetworkList {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  const bytes = sys.encodeUtf8(text);
  const list = isList(text) ? parseList(bytes) : listOf(parsePlugin(bytes));
  if (list.plugins.length === 0) throw new ConfigError("no plugin configs found");
  return list;
}

/** What is no JSON is told by the reader of lists. */
function isList(text: string): boolean {
  try {
    const document = parse(text);
    return !isObject(document) || document.type === undefined || document.plugins !== undefined;
  } catch {
    return true;
  }
}
