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

/** A key that the schema does not have in this spelling. */
export interface OddKey extends UnknownKey {
  /** Only the letter case differs, so the plugin takes it for the one that was meant. */
  isTaken: boolean;
}

/** The unknown keys in `value`, in the order of the text. Objects that take any key have none. */
export function unknownKeys(schema: Property, value: JsonValue): UnknownKey[] {
  return oddKeys(schema, value).filter(({ isTaken }) => !isTaken);
}

/** The unknown keys, and those in another letter case than the schema's. */
export function oddKeys(schema: Property, value: JsonValue, place = ""): OddKey[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, index) => oddKeys(items, item, `${place}[${index}]`)) : [];
  }
  if (!isObject(value)) return [];
  const { properties = {}, additionalProperties = true } = schema;
  const names = Object.keys(properties);
  return Object.entries(value).flatMap(([key, member]) => {
    const inner = place === "" ? key : `${place}.${key}`;
    const name = names.find((declared) => isKey(key, declared));
    const property = name === undefined ? additionalProperties : properties[name];
    const below = typeof property === "object" ? oddKeys(property, member, inner) : [];
    if (name !== undefined && name !== key) {
      return [{ place: inner, meant: name, isTaken: true }, ...below];
    }
    if (property !== false) return below;
    return [{ place: inner, meant: suggest(key, names), isTaken: false }];
  });
}
