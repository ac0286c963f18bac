/** JSON as values. Objects that `parse` makes have no prototype, so any key is only a key. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** What `serialize` takes: JSON in which absent members may be `undefined`. */
export type Serializable =
  | null
  | boolean
  | number
  | string
  | readonly Serializable[]
  | { readonly [key: string]: Serializable | undefined };

/** True for `{...}`: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object without prototype. */
export function emptyObject(): JsonObject {
  return { __proto__: null } as unknown as JsonObject;
}
