/**
 * Makes of a config what the reference's decoder sees in it, before it is validated.
 *
 * Go reads keys in any letter case, takes null for an absent key and ignores keys that it does not
 * know (encoding/json). The schema says where keys are a record's, and where they are data.
 */
import { isKey } from "../json/lookup.ts";
import { emptyObject, isObject, type JsonObject, type JsonValue } from "../json/types.ts";
import type { Property } from "./config.ts";

/**
 * A copy of `value` with keys spelled as `schema` spells them. Nulls, unknown keys of closed
 * objects and values that count as absent are left out; wrong types stay for the validator.
 */
export function normalise(schema: Property, value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => normalise(items, item)) : value;
  }
  return isObject(value) ? normaliseObject(schema, value) : value;
}

function normaliseObject(schema: Property, value: JsonObject): JsonObject {
  const { properties = {}, additionalProperties = true } = schema;
  const names = Object.keys(properties);
  const result = emptyObject();
  for (const key of Object.keys(value)) {
    const member = value[key] as JsonValue;
    const declared = names.includes(key) ? key : names.find((name) => isKey(key, name));
    if (declared !== undefined) {
      const property = properties[declared] as Property;
      // As in Go, a later spelling of the key replaces the earlier, and null does not.
      if (property.emptyIsAbsent && (member === "" || member === 0)) delete result[declared];
      else if (member !== null) result[declared] = normalise(property, member);
    } else if (typeof additionalProperties === "object") {
      if (member !== null) result[key] = normalise(additionalProperties, member);
    } else if (additionalProperties) {
      result[key] = member;
    }
  }
  return result;
}
