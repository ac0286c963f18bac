/** Keys of a config that mean nothing to the plugin, which ignores them: mistyped, mostly. */
import { isKey } from "../json/lookup.ts";
import { isObject, type JsonValue } from "../json/types.ts";
import type { Property } from "./config.ts";
import { suggest } from "./suggest.ts";

/** A key that the schema does not have. */
export interface UnknownKey {
  /** Where it is, itself included: `ipam.ranges[0][0].subnt`. */
  place: string;
  /** The key that was probably meant. */
  meant: string | undefined;
}

/** The unknown keys in `value`, in the order of the text. Objects that take any key have none. */
export function unknownKeys(schema: Property, value: JsonValue, place = ""): UnknownKey[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items
      ? value.flatMap((item, index) => unknownKeys(items, item, `${place}[${index}]`))
      : [];
  }
  if (!isObject(value)) return [];
  const { properties = {}, additionalProperties = true } = schema;
  const names = Object.keys(properties);
  return Object.entries(value).flatMap(([key, member]) => {
    const inner = place === "" ? key : `${place}.${key}`;
    const name = names.find((declared) => isKey(key, declared));
    const property = name === undefined ? additionalProperties : properties[name];
    if (typeof property === "object") return unknownKeys(property, member, inner);
    return property === false ? [{ place: inner, meant: suggest(key, names) }] : [];
  });
}
