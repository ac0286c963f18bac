/** An applet's keys as tables of Markdown: the part of its page in `docs/` that comes from its schema. */
import type { Properties, Property } from "../cni/config.ts";
import { declaredKeys, innermost, typeName } from "../cni/help.ts";
import { common } from "../cni/schema-common.ts";
import type { Declared } from "./declared.ts";

interface Row {
  key: string;
  type: string;
  default: string;
  what: string;
}

/** All tables of an applet, with the sentences that lead to them. */
export function reference(applet: Declared): string {
  const { keys, capabilities } = declaredKeys(applet);
  const parts = [
    table(rowsOf(keys, applet.schema.required, "")) || "It has no keys of its own.\n",
    section(
      "From the runtime, as `runtimeConfig`, where `capabilities` of the config asks for it:\n\n",
      rowsOf(capabilities, [], ""),
    ),
    section(
      "From the runtime, in `CNI_ARGS`:\n\n",
      Object.entries(applet.cniArgs ?? {}).map(([key, what]) => ({
        ...{ key: `\`${key}\``, type: "string", default: "", what },
      })),
    ),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function section(lead: string, rows: Row[]): string {
  return rows.length > 0 ? lead + table(rows) : "";
}

function table(rows: Row[]): string {
  const lines = rows.map(
    (row) => `| ${row.key} | ${row.type} | ${row.default} | ${row.what.replaceAll("|", "\\|")} |\n`,
  );
  if (lines.length === 0) return "";
  return `| key | type | default | |\n|---|---|---|---|\n${lines.join("")}`;
}

/** A row for each key, and for each of its members, as `ipam.ranges[][].subnet`. */
function rowsOf(properties: Properties, required: readonly string[], outer: string): Row[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    if (outer === "ipam." && key === "type") return []; // has been said of every plugin
    const path = outer + key;
    const inner = innermost(property);
    const rows: Row[] = [];
    // An object that is only there for its members needs no row of its own.
    const inherited = (common as Properties)[key]?.description === property.description;
    if (!property.properties || (property.description && !inherited)) {
      rows.push({
        key: `\`${path}\``,
        type: typeName(property).replaceAll(" | ", " or "),
        default: defaultOf(property, required.includes(key)),
        what: property.description ?? "",
      });
    }
    const lists = "[]".repeat(depth(property));
    return rows.concat(rowsOf(inner.properties ?? {}, inner.required ?? [], `${path}${lists}.`));
  });
}

function defaultOf(property: Property, required: boolean): string {
  if (required) return "required";
  return property.default === undefined ? "" : `\`${JSON.stringify(property.default)}\``;
}

function depth({ items }: Property): number {
  return items ? 1 + depth(items) : 0;
}
