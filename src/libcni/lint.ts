/**
 * What is wrong, or odd, in a network config, before a runtime meets it. Plugins tolerate much of it:
 * they ignore keys that they do not know, and take them in any letter case.
 */

import type { Property } from "../cni/config.ts";
import { checkNetworkName } from "../cni/env.ts";
import { findPlugin } from "../cni/find-plugin.ts";
import { inspect } from "../cni/inspect.ts";
import type { Io, Plugin } from "../cni/outside.ts";
import { suggest } from "../cni/suggest.ts";
import { oddKeys } from "../cni/unknown-keys.ts";
import { all } from "../cni/version-list.ts";
import { parse } from "../json/parse.ts";
import { quote } from "../json/quote.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import { sys } from "../sys/sys.ts";
import { type NetworkList, parseList } from "./config.ts";
import { messageOf } from "./errors.ts";
import { readPluginFolder } from "./load.ts";
import { type PluginConfig, parsePlugin } from "./plugin-config.ts";

export interface Finding {
  /** A mistake is refused or ignored by someone; a remark is only worth knowing. */
  kind: "mistake" | "remark";
  /** E.g. `plugins[0].ipam: unknown key "subent"; did you mean "subnet"?` */
  message: string;
}

/** Where plugins are: those that are built in, and the directories of the others. */
export interface Plugins {
  load: Io["load"];
  path: readonly string[];
}

/** In a list the letter case counts. */
const listKeys: readonly string[] = [
  "cniVersion",
  "cniVersions",
  "disableCheck",
  "disableGC",
  "loadOnlyInlinedPlugins",
  "name",
  "plugins",
];

/**
 * Looks at a config.
 * @param file its name tells whether it is a list, and where its folder of plugins would be
 * @throws {ConfigError} where it cannot be read at all
 */
export function lint(file: string, bytes: Uint8Array, plugins: Plugins): Finding[] {
  const findings: Finding[] = [];
  const isList = file.endsWith(".conflist");
  const list: NetworkList = isList ? parseList(bytes) : singleList(parsePlugin(bytes));
  lintList(list, findings);
  if (isList) {
    const document = parse(sys.decodeUtf8(bytes)) as JsonObject;
    for (const key of Object.keys(document).filter((key) => !listKeys.includes(key))) {
      mistake(findings, "", `unknown key ${quote(key)}${didYouMean(suggest(key, listKeys))}`);
    }
  }
  const inFolder = isList && !list.loadOnlyInlinedPlugins ? folderOf(file, list) : [];
  if (list.plugins.length + inFolder.length === 0) mistake(findings, "", "there is no plugin");
  list.plugins.forEach((plugin, index) => {
    lintPlugin(list, plugin, isList ? `plugins[${index}]` : "", plugins, findings);
  });
  for (const plugin of inFolder) {
    lintPlugin(list, plugin, `${list.name}/*.conf (${plugin.type})`, plugins, findings);
  }
  // What all plugins have in common, an IPAM plugin says once more.
  return findings.filter(
    ({ message }, index) => findings.findIndex((one) => one.message === message) === index,
  );
}

function folderOf(file: string, { name }: NetworkList): PluginConfig[] {
  return readPluginFolder(file.replace(/[^/]*$/, "") || ".", name);
}

function singleList(plugin: PluginConfig): NetworkList {
  const { name, cniVersion, bytes } = plugin;
  const flags = { disableCheck: false, disableGC: false, loadOnlyInlinedPlugins: true };
  return { name, cniVersion, ...flags, plugins: [plugin], bytes };
}

function lintList({ name, cniVersion }: NetworkList, findings: Finding[]): void {
  try {
    checkNetworkName(name);
  } catch (error) {
    mistake(findings, "name", messageOf(error).replace(/:$/, ""));
  }
  if (cniVersion === "") remark(findings, "cniVersion", "it is missing, which means 0.1.0");
  else if (!(all as readonly string[]).includes(cniVersion)) {
    mistake(findings, "cniVersion", `${quote(cniVersion)} is none of ${all.join(", ")}`);
  }
}

function lintPlugin(
  list: NetworkList,
  plugin: PluginConfig,
  place: string,
  plugins: Plugins,
  findings: Finding[],
) {
  const builtIn = findBuiltIn(plugin.type, plugins, inside(place, "type"), findings);
  if (place !== "" && plugin.cniVersion !== "") {
    remark(findings, inside(place, "cniVersion"), "the list's counts");
  }
  if (!builtIn) return;
  const { document } = plugin;
  const { ipam } = document;
  lintKeys(builtIn.applet.schema, document, place, findings);
  attempt(builtIn, list, plugin, place, findings);

  const type = isObject(ipam) ? ipam.type : undefined;
  const delegate =
    typeof type === "string" && type !== ""
      ? findBuiltIn(type, plugins, inside(place, "ipam.type"), findings)
      : undefined;
  if (delegate && delegate !== builtIn) {
    const schema = delegate.applet.schema.properties.ipam;
    if (schema && ipam) lintKeys(schema, ipam, inside(place, "ipam"), findings);
    attempt(delegate, list, plugin, place, findings);
  }
  // Of an IPAM plugin that is another program nothing is known.
  if (delegate || typeof type !== "string" || type === "") {
    lintCapabilities(plugin, delegate ? [builtIn, delegate] : [builtIn], place, findings);
  }
}

/** What a plugin's config declares is for its IPAM plugin, too: both get the same runtimeConfig. */
function lintCapabilities(
  { type, capabilities }: PluginConfig,
  readers: readonly Plugin[],
  place: string,
  findings: Finding[],
): void {
  const known = readers.flatMap(({ applet }) =>
    Object.keys(applet.schema.properties.runtimeConfig?.properties ?? {}),
  );
  for (const name of capabilities.filter((name) => !known.includes(name))) {
    const what = `${type} has no capability ${quote(name)}`;
    mistake(findings, inside(place, "capabilities"), what + didYouMean(suggest(name, known)));
  }
}

/** Reads the config as the plugin does. */
function attempt(
  builtIn: Plugin,
  { cniVersion }: NetworkList,
  { document, bytes }: PluginConfig,
  place: string,
  findings: Finding[],
) {
  try {
    inspect(builtIn, document, cniVersion, bytes);
  } catch (error) {
    mistake(findings, place, messageOf(error).replace(/^Cannot read config: /, ""));
  }
}

function findBuiltIn(type: string, { load, path }: Plugins, place: string, findings: Finding[]) {
  const builtIn = load(type);
  if (builtIn) return builtIn;
  let file: string | undefined;
  try {
    file = findPlugin(type, path);
  } catch (error) {
    mistake(findings, place, messageOf(error));
    return undefined;
  }
  if (file === undefined) {
    remark(findings, place, `${quote(type)} is neither built in nor in CNI_PATH`);
  }
  return undefined;
}

/** The keys of a value that its schema does not know, or not in this letter case. */
function lintKeys(schema: Property, value: JsonValue, place: string, findings: Finding[]): void {
  for (const { place: key, meant, isTaken } of oddKeys(schema, value)) {
    if (key.startsWith("cni.dev/")) continue; // the specification's, of whichever version
    if (isTaken)
      remark(findings, place, `key ${quote(key)} is usually written ${quote(meant ?? "")}`);
    else mistake(findings, place, `unknown key ${quote(key)}${didYouMean(meant)}`);
  }
}

function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? "" : `; did you mean ${quote(suggestion)}?`;
}

function inside(place: string, key: string): string {
  return place === "" ? key : `${place}.${key}`;
}

function mistake(findings: Finding[], place: string, what: string): void {
  findings.push({ kind: "mistake", message: place === "" ? what : `${place}: ${what}` });
}

function remark(findings: Finding[], place: string, what: string): void {
  findings.push({ kind: "remark", message: place === "" ? what : `${place}: ${what}` });
}
