/** Keys as Go matches them with the fields of a record: in any letter case. */
import type { JsonObject, JsonValue } from "./types.ts";

/**
 * The member called `name` (an ASCII name) in any letter case. The last one in the text counts,
 * whatever its case; a null leaves the one before it as it was. Undefined if there is none.
 *
 * Go: encoding/json, decodeState.object. An exact match is preferred there only between two fields
 * that differ in nothing but case, of which there are none.
 *
 * @param keys those of the object
 */
export function lookup(
  object: JsonObject,
  name: string,
  keys: readonly string[] = Object.keys(object),
): JsonValue | undefined {
  let found: JsonValue | undefined;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (key !== name && !(key.length === name.length && isSameFolded(key, name))) continue;
    const value = object[key] as JsonValue;
    if (value !== null || found === undefined) found = value;
  }
  return found;
}

/** True if Go takes `key` for the field called `name`. */
export function isKey(key: string, name: string): boolean {
  return key === name || (key.length === name.length && isSameFolded(key, name));
}

function isSameFolded(key: string, name: string): boolean {
  // ASCII letters that differ in more than their case: this is so far quicker to tell that it counts.
  const difference = key.charCodeAt(0) ^ name.charCodeAt(0);
  return (difference === 0 || difference === 0x20 || difference > 0x7f) && fold(key) === fold(name);
}

/** The form in which Go compares keys. The long s is the one letter that folds to ASCII in Go and not in `toLowerCase`. */
export function fold(key: string): string {
  const lower = key.toLowerCase();
  return lower.includes("\u017f") ? lower.replace(/\u017f/g, "s") : lower;
}
