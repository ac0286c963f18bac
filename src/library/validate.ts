/** Finds what is wrong with a config before a container needs it. */
import { load } from "#load";
import { applets } from "../applets/mod.ts";
import type { Property } from "../cni/config.ts";
import { decodeNetworkName } from "../cni/env.ts";
import { CniError } from "../cni/errors.ts";
import { inspect } from "../cni/inspect.ts";
import type { Plugin } from "../cni/outside.ts";
import { suggest } from "../cni/suggest.ts";
import { unknownKeys } from "../cni/unknown-keys.ts";
import { all, requireSupported } from "../cni/versions.ts";
import { lookup } from "../json/lookup.ts";
import { serialize } from "../json/serialize.ts";
import { isObject, type JsonObject } from "../json/types.ts";
import type { NetworkList } from "../libcni/config.ts";
import { ConfigError, messageOf } from "../libcni/errors.ts";
import { sys } from "../sys/sys.ts";
import { parseNetwork } from "./networks.ts";

/** Something that is wrong with a config. */
export interface Problem {
  /** An error makes ADD fail; a warning is what is ignored, and hardly meant so. */
  severity: "error" | "warning";
  /** The plugin's name; absent where it is about the network. */
  plugin?: string;
  /** In the words of the plugin, or of libcni. */
  message: string;
  /** The CNI code that the plugin's error has. */
  code?: number;
}

/**
 * Checks a config: of a list, or of one plugin. The plugins of cnibox are checked as they check
 * themselves when they are called, their IPAM plugins too, and mistyped keys are found. Of other
 * plugins nothing is known.
 *
 * Nothing outside of the config is looked at: whether a `master` is there, ADD will tell.
 *
 * @param config its text, or the value
 * @returns what is wrong, in the order of the plugins; empty where nothing is
 * @example
 * validateConfig({ cniVersion: "1.1.0", name: "web", type: "bridge", mtuu: 1400 });
 * // [{ severity: "warning", plugin: "bridge", message: 'unknown key "mtuu"; did you mean "mtu"?' }]
 */
export function validateConfig(config: string | object): Problem[] {
  let network: NetworkList;
  try {
    network = parseNetwork(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { position } = error;
    const where = position === "" || error.message.includes(position) ? "" : ` (${position})`;
    return [{ severity: "error", message: `${error.message}${where}` }];
  }
  return [...networkProblems(network), ...network.plugins.flatMap(pluginProblems(network))];
}

function networkProblems({ name, cniVersion }: NetworkList): Problem[] {
  return [
    ...attempt(() => decodeNetworkName({ name })),
    ...attempt(() => requireSupported(cniVersion || "0.1.0", all)),
  ];
}

function pluginProblems({ name, cniVersion }: NetworkList) {
  return ({ type, document }: NetworkList["plugins"][number]): Problem[] => {
    const plugin = builtIn(type);
    if (!plugin) {
      const meant = suggest(type, applets);
      const message = `unknown plugin "${type}"; did you mean "${meant}"?`;
      return meant ? [{ severity: "warning", plugin: type, message }] : [];
    }
    const whole: JsonObject = { ...document, name, cniVersion };
    // The runtime's, who gives the same to all plugins.
    const { args: _, runtimeConfig: __, prevResult: ___, ...own } = document;
    const { ipam } = own;
    const problems = [...errorsOf(plugin, whole), ...unknownIn(plugin.applet.schema, type, own)];
    return isObject(ipam) ? [...problems, ...ipamProblems(ipam, whole)] : problems;
  };
}

function ipamProblems(ipam: JsonObject, whole: JsonObject): Problem[] {
  const type = lookup(ipam, "type");
  const plugin = typeof type === "string" ? builtIn(type) : undefined;
  if (!plugin) return [];
  const { name } = plugin.applet;
  const schema: Property = { properties: { ipam: plugin.applet.schema.properties.ipam ?? {} } };
  return [...errorsOf(plugin, whole), ...unknownIn(schema, name, { ipam })];
}

function errorsOf(plugin: Plugin, document: JsonObject): Problem[] {
  const { cniVersion } = document;
  const version = typeof cniVersion === "string" ? cniVersion : "";
  const stdin = sys.encodeUtf8(serialize(document));
  return attempt(() => inspect(plugin, document, version, stdin), plugin.applet.name);
}

function unknownIn(schema: Property, plugin: string, document: JsonObject): Problem[] {
  return unknownKeys(schema, document).map(({ place, meant }) => ({
    severity: "warning",
    plugin,
    message: `unknown key "${place}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`,
  }));
}

function builtIn(type: string): Plugin | undefined {
  return (applets as readonly string[]).includes(type) ? load(type) : undefined;
}

function attempt(check: () => void, plugin?: string): Problem[] {
  try {
    check();
    return [];
  } catch (error) {
    const { code } = CniError.from(error);
    return [{ severity: "error", ...(plugin && { plugin }), message: messageOf(error), code }];
  }
}
