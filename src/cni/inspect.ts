/** A plugin's config without a call: what would ADD say? */
import type { JsonObject } from "../json/types.ts";
import type { Plugin } from "./outside.ts";
import { readConfig } from "./validate.ts";

/**
 * Reads a config as the plugin's ADD does.
 * @param cniVersion the network's; empty: 0.1.0
 * @param stdin the config's text, which tells of keys that stand twice
 * @throws {CniError} what ADD would throw before it looks at anything outside of the config
 */
export function inspect(
  { applet, validate }: Plugin,
  document: JsonObject,
  cniVersion: string,
  stdin: Uint8Array,
): void {
  const config = readConfig(applet.schema, validate, document);
  applet.vet?.(config);
  applet.inspect?.({ config, cniVersion: cniVersion || "0.1.0", stdin, cniArgs: "" });
}
