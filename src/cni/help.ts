/** `cnibox APPLET --help`: all of it comes from the applet's schema. */
import type { Applet } from "./applet.ts";
import type { Properties, Property } from "./config.ts";
import { common } from "./schema-common.ts";

const width = 80;

/** The help text of an applet, ending in a line break. */
export function help(applet: Applet): string {
  const own: Record<string, Property> = {};
  const { runtimeConfig, ...properties } = applet.schema.properties;
  for (const key of Object.keys(properties)) {
    const property = properties[key];
    if (property && property !== (common as Properties)[key]) own[key] = property;
  }
  const sections = [`${applet.name}: ${applet.summary}\n`];
  const keys = Object.keys(own);
  if (keys.length > 0) sections.push(`Config keys:\n${describe(own, applet.schema.required, "")}`);
  const capabilities = runtimeConfig?.properties;
  if (capabilities) {
    sections.push(`Capabilities (runtimeConfig keys):\n${describe(capabilities, [], "")}`);
  }
  const shown = capabilities ? [...keys, "runtimeConfig"] : keys;
  const shared = Object.keys(common).filter(
    (key) => !shown.includes(key) && !key.startsWith("cni.dev/"),
  );
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
function innermost(property: Property): Property {
  return property.items ? innermost(property.items) : property;
}

function typeName(property: Property): string {
  if (property.enum) return property.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (property.items) return `list of ${typeName(property.items)}`;
  if (typeof property.additionalProperties === "object") {
    return `map to ${typeName(property.additionalProperties)}`;
  }
  const types = typeof property.type === "string" ? [property.type] : (property.type ?? ["any"]);
  return `${types.join(" | ")}${bounds(property)}`;
}

function bounds({ minimum, maximum }: Property): string {
  if (minimum !== undefined && maximum !== undefined) return ` ${minimum}-${maximum}`;
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
