/** `cnibox APPLET --help`: all of it comes from the applet's schema. */
import type { Applet } from "./applet.ts";
import type { Properties, Property } from "./config.ts";
import { common } from "./schema-common.ts";

const width = 80;

/** What an applet's schema declares, by where the operator or the runtime writes it. */
export interface Declared {
  /** Keys of the config that are the applet's own. */
  keys: Properties;
  /** Keys of runtimeConfig. */
  capabilities: Properties;
  /** Names of the keys that every plugin has. */
  shared: string[];
}

/** Parts an applet's keys: by value, since a tool may have loaded the applet apart from this file. */
export function declaredKeys({ schema }: Pick<Applet, "schema">): Declared {
  const keys: Record<string, Property> = {};
  const { runtimeConfig, args, ...others } = schema.properties;
  const properties = { ...others, args };
  for (const key of Object.keys(properties)) {
    const property = (properties as Properties)[key];
    if (property && !isSame(property, (common as Properties)[key])) keys[key] = property;
  }
  const capabilities = runtimeConfig?.properties;
  const shown = Object.keys(keys).concat(capabilities ? "runtimeConfig" : []);
  const shared = Object.keys(common).filter(
    (key) => !shown.includes(key) && !key.startsWith("cni.dev/"),
  );
  return { keys, capabilities: capabilities ?? {}, shared };
}

function isSame(a: Property, b: Property | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The help text of an applet, ending in a line break. */
export function help(applet: Applet): string {
  const { keys, capabilities, shared } = declaredKeys(applet);
  const args: Record<string, Property> = {};
  for (const key of Object.keys(applet.cniArgs ?? {})) {
    args[key] = { type: "string", description: applet.cniArgs?.[key] ?? "" };
  }
  const sections = [`${applet.name}: ${applet.summary}\n`];
  const add = (title: string, properties: Properties, required: readonly string[] = []) => {
    const text = describe(properties, required, "");
    if (text) sections.push(`${title}:\n${text}`);
  };
  add("Config keys", keys, applet.schema.required);
  add("Capabilities (runtimeConfig keys)", capabilities);
  add("Keys of CNI_ARGS", args);
  sections.push(wrap(`Keys of every plugin: ${shared.join(", ")}.`, ""));
  return sections.join("\n");
}

/** A paragraph for each key, in the order of the schema; members of objects are indented. */
function describe(properties: Properties, required: readonly string[], outer: string): string {
  const indent = `${outer}  `;
  let text = "";
  for (const key of Object.keys(properties)) {
    const property = properties[key] ?? {};
    const notes = [typeName(property)];
    if (required.includes(key)) notes.push("required");
    if (property.default !== undefined) notes.push(`default ${JSON.stringify(property.default)}`);
    text += `${indent}${key} (${notes.join(", ")})\n`;
    if (property.description) text += wrap(`${property.description}.`, `${indent}    `);
    const inner = innermost(property);
    if (inner.properties) text += describe(inner.properties, inner.required ?? [], indent);
  }
  return text;
}

/** The element type of nested lists, or the property itself. */
export function innermost(property: Property): Property {
  return property.items ? innermost(property.items) : property;
}

/** A type in words, with the bounds of a number. */
export function typeName(property: Property): string {
  if (property.enum) return property.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (property.items) return `list of ${typeName(property.items)}`;
  if (typeof property.additionalProperties === "object") {
    return `map to ${typeName(property.additionalProperties)}`;
  }
  const types = typeof property.type === "string" ? [property.type] : (property.type ?? ["any"]);
  return `${types.join(" | ")}${bounds(property)}`;
}

function bounds({ minimum, maximum }: Property): string {
  if (minimum !== undefined && maximum && maximum < 2 ** 53) return ` ${minimum}-${maximum}`;
  if (minimum !== undefined) return ` >= ${minimum}`;
  return maximum === undefined ? "" : ` <= ${maximum}`;
}

/** Breaks a paragraph at spaces; every line starts with `indent`. */
function wrap(paragraph: string, indent: string): string {
  let text = "";
  let line = indent;
  for (const word of paragraph.split(" ")) {
    if (line.length > indent.length && line.length + word.length + 1 > width) {
      text += `${line}\n`;
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return `${text}${line}\n`;
}
