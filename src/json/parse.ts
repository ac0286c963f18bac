/**
 * A strict JSON parser (RFC 8259) that fails with the words of Go's encoding/json.
 *
 * It keeps its own stack, because the engine's is too small for the depth that Go allows. Strings
 * are found with indexOf and cut with slice: a step per character would be slow on the engine.
 */
import { JsonError } from "./json-error.ts";
import { readEscapes, stringFailure } from "./strings.ts";
import { emptyObject, type JsonObject, type JsonValue } from "./types.ts";

export { JsonError };

/** The depth that Go allows. */
const maxDepth = 10000;

/** What is below the space. */
const controls = /[^ -\uffff]/;

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/**
 * The one value in `text`.
 *
 * Objects have no prototype. Of a repeated key the last value counts, at the place of the last.
 * Numbers are doubles: integers are exact up to 2^53. An escaped lone surrogate becomes U+FFFD.
 *
 * @param onRepeat hears of each repeated key: of that the value does not tell
 * @throws {JsonError}
 */
export function parse(
  text: string,
  onRepeat?: (object: JsonObject, key: string) => void,
): JsonValue {
  return parseCompact(text) ?? parseAny(text, onRepeat);
}

/**
 * The value of a text that is just as JSON.stringify writes it, which is how runtimes send configs;
 * undefined for most others.
 *
 * The engine's own parser is several times as fast. But it also takes what is no JSON, has its own
 * words for what it refuses, and does not tell of repeated keys: so what it read must make the text.
 */
function parseCompact(text: string): JsonValue | undefined {
  // An indent makes another text, and an escape may be of a lone surrogate.
  if (text.startsWith("\n", 1) || text.indexOf("\\") >= 0) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    return JSON.stringify(value) === text.trim() && removePrototypes(value, 0) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @returns false if it is deeper than Go allows */
function removePrototypes(value: JsonValue, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === maxDepth) return false;
  let members = value;
  if (!Array.isArray(members)) {
    Object.setPrototypeOf(members, null);
    members = Object.values(members);
  }
  for (let i = 0; i < members.length; i++) {
    if (!removePrototypes(members[i] as JsonValue, depth + 1)) return false;
  }
  return true;
}

/** What `parse` does, for any text. */
function parseAny(text: string, onRepeat?: (object: JsonObject, key: string) => void): JsonValue {
  const hasEscapes = text.includes("\\");
  const hasControls = controls.test(text);
  let at = 0;

  // What is being filled: a list, or an object whose member `key` is being read, or neither.
  let list: JsonValue[] | undefined;
  let object: JsonObject | undefined;
  let key = "";
  const outer: (JsonValue[] | JsonObject | undefined)[] = [];
  const outerKeys: string[] = [];
  let outOfRange: JsonError | undefined; // Go notices that after all that is wrong with the syntax

  function skipSpace(): void {
    let code = text.charCodeAt(at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      code = text.charCodeAt(++at);
    }
  }

  /** The string whose opening quote is at `at`. */
  function readString(): string {
    const start = at + 1;
    let end = text.indexOf('"', start);
    if (hasEscapes) while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (end < 0) throw stringFailure(text, start);
    const raw = text.slice(start, end);
    if (hasControls && controls.test(raw)) throw stringFailure(text, start);
    at = end + 1;
    return hasEscapes && raw.includes("\\") ? readEscapes(text, start, end) : raw;
  }

  /** Reads a key and its colon, up to the value. */
  function readKey(): string {
    if (text.charCodeAt(at) !== 0x22) {
      throw JsonError.at(text, at, "looking for beginning of object key string");
    }
    const name = readString();
    skipSpace();
    if (text.charCodeAt(at) !== 0x3a) throw JsonError.at(text, at, "after object key");
    at++;
    skipSpace();
    return name;
  }

  skipSpace();
  for (;;) {
    let value: JsonValue;
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      value = readString();
    } else if (code === 0x7b || code === 0x5b) {
      if (outer.length === maxDepth) throw JsonError.at(text, at, "exceeded max depth");
      at++;
      skipSpace();
      const inner = code === 0x7b ? emptyObject() : [];
      // Each closing character is two after its opening one.
      if (text.charCodeAt(at) !== code + 2) {
        outer.push(list ?? object);
        outerKeys.push(key);
        list = Array.isArray(inner) ? inner : undefined;
        object = Array.isArray(inner) ? undefined : inner;
        if (object) key = readKey();
        continue;
      }
      at++;
      value = inner;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = numberEnd(text, at);
      value = Number(text.slice(at, end));
      if (value - value !== 0) outOfRange ??= JsonError.range(text, at, end);
      at = end;
    } else if (code === 0x74) {
      value = true;
      at = literalEnd(text, at, "true");
    } else if (code === 0x66) {
      value = false;
      at = literalEnd(text, at, "false");
    } else if (code === 0x6e) {
      value = null;
      at = literalEnd(text, at, "null");
    } else {
      throw JsonError.at(text, at, "looking for beginning of value");
    }

    // Hands the value to what is being filled; that may be complete then, and be the next value.
    for (;;) {
      skipSpace();
      const after = text.charCodeAt(at);
      if (list) {
        list.push(value);
        if (after === 0x2c) break;
        if (after !== 0x5d) throw JsonError.at(text, at, "after array element");
        value = list;
      } else if (object) {
        if (key in object) {
          delete object[key];
          onRepeat?.(object, key);
        }
        object[key] = value;
        if (after === 0x2c) break;
        if (after !== 0x7d) throw JsonError.at(text, at, "after object key:value pair");
        value = object;
      } else {
        if (at < text.length) throw JsonError.at(text, at, "after top-level value");
        if (outOfRange) throw outOfRange;
        return value;
      }
      at++;
      const container = outer.pop();
      list = Array.isArray(container) ? container : undefined;
      object = Array.isArray(container) ? undefined : container;
      key = outerKeys.pop() as string;
    }
    at++;
    skipSpace();
    if (object) key = readKey();
  }
}

/** True if the quote at `at` belongs to an escape: an odd number of backslashes precedes it. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === 0x5c) first--;
  return (at - first) % 2 === 1;
}

/** Where the number at `at` ends. */
function numberEnd(text: string, at: number): number {
  number.lastIndex = at;
  if (!number.test(text)) throw JsonError.inToken(text, at + 1, "in numeric literal");
  const end = number.lastIndex;
  const after = text[end];
  if (after === "." && !/[.eE]/.test(text.slice(at, end))) {
    throw JsonError.inToken(text, end + 1, "after decimal point in numeric literal");
  }
  if ((after === "e" || after === "E") && !/[eE]/.test(text.slice(at, end))) {
    const signed = text[end + 1] === "+" || text[end + 1] === "-";
    throw JsonError.inToken(text, signed ? end + 2 : end + 1, "in exponent of numeric literal");
  }
  return end;
}

/** Where the literal at `at` ends, the first letter of which has been seen. */
function literalEnd(text: string, at: number, word: string): number {
  if (text.startsWith(word, at)) return at + word.length;
  let same = 1;
  while (text[at + same] === word[same]) same++;
  throw JsonError.inToken(text, at + same, `in literal ${word} (expecting '${word[same]}')`);
}
