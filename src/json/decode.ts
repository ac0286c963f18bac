/**
 * Reads records out of parsed JSON with the rules and words of Go's encoding/json: keys in any
 * letter case, unknown keys ignored, null as if absent, and no coercion of types.
 */
import { lookup } from "./lookup.ts";
import { isObject, type JsonValue } from "./types.ts";

/**
 * `json: cannot unmarshal WHAT into Go struct field PLACE of type TYPE`
 * @param place `Struct.path`; without one the value is the whole text
 */
export function typeError(value: JsonValue, type: string, place?: string): Error {
  const target = place === undefined ? "value" : `struct field ${place}`;
  return new Error(`json: cannot unmarshal ${kind(value)} into Go ${target} of type ${type}`);
}

function kind(value: JsonValue, withNumber = false): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number" && withNumber) return `number ${value}`;
  return typeof value;
}

/**
 * The fields of a record.
 * @param value an object; null and undefined are a record without members
 * @param type Go's name of the record's type, for the error
 * @param place where the record stands; see `typeError`
 * @param prefix what its fields' places begin with; default: the place and a dot
 */
export function record(
  value: JsonValue | undefined,
  type: string,
  place?: string,
  prefix = place === undefined ? `${type.slice(type.indexOf(".") + 1)}.` : `${place}.`,
): Fields {
  if (value === null || value === undefined) return new Fields({}, prefix);
  if (!isObject(value)) throw typeError(value, type, place);
  return new Fields(value, prefix);
}

/** Typed access to the members of an object; every error is a `typeError`. */
export class Fields {
  readonly #object: { readonly [key: string]: JsonValue };
  readonly #keys: readonly string[];
  readonly #prefix: string;

  constructor(object: { readonly [key: string]: JsonValue }, prefix: string) {
    this.#object = object;
    this.#keys = Object.keys(object);
    this.#prefix = prefix;
  }

  /** The member as it is; undefined if there is none. */
  raw(key: string): JsonValue | undefined {
    return lookup(this.#object, key, this.#keys);
  }

  /** Where a member stands, for error texts. */
  place(key: string): string {
    return this.#prefix + key;
  }

  /** "" if absent. */
  string(key: string): string {
    const value = this.raw(key) ?? "";
    if (typeof value !== "string") throw typeError(value, "string", this.place(key));
    return value;
  }

  /** False if absent. */
  bool(key: string): boolean {
    const value = this.raw(key) ?? false;
    if (typeof value !== "boolean") throw typeError(value, "bool", this.place(key));
    return value;
  }

  /** A whole number. */
  int(key: string): number | undefined {
    return this.#integer(key, "int");
  }

  /** A whole number that is not negative. */
  uint(key: string): number | undefined {
    return this.#integer(key, "uint");
  }

  #integer(key: string, type: "int" | "uint"): number | undefined {
    const value = this.raw(key) ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "number") throw typeError(value, type, this.place(key));
    if (!Number.isInteger(value) || (type === "uint" && value < 0)) {
      const where = `Go struct field ${this.place(key)} of type ${type}`;
      throw new Error(`json: cannot unmarshal ${kind(value, true)} into ${where}`);
    }
    return value;
  }

  /**
   * A string that `read` understands; an absent one, a null and (as Go's `net.IP` has it) an empty
   * one are undefined.
   */
  text<T>(key: string, type: string, read: (text: string) => T): T | undefined {
    const value = this.raw(key) ?? "";
    if (typeof value !== "string") throw typeError(value, type, this.place(key));
    return value === "" ? undefined : read(value);
  }

  /** A list; a null item is handed on as it is. */
  list<T>(key: string, type: string, read: (item: JsonValue, place: string) => T): T[] | undefined {
    const value = this.raw(key) ?? undefined;
    if (value === undefined) return undefined;
    const place = this.place(key);
    if (!Array.isArray(value)) throw typeError(value, type, place);
    return value.map((item) => read(item, place));
  }

  /** A list of strings; a null item is "". */
  strings(key: string): string[] | undefined {
    return this.list(key, "[]string", (item, place) => {
      if (item === null) return "";
      if (typeof item !== "string") throw typeError(item, "string", place);
      return item;
    });
  }
}
