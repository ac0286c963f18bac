/** Writes JSON as Go's encoding/json does. */
import type { Serializable } from "./types.ts";

export interface SerializeOptions {
  /** One member or item a line, four spaces a level. Default: everything on one line, no spaces. */
  indent?: boolean;
  /** Keys in the order of their UTF-8 bytes, at every level. Default: in the order they are in. */
  sorted?: boolean;
}

const step = "    ";

/** A list or object that is being written, and how far. */
interface Frame {
  items: readonly Serializable[] | { readonly [key: string]: Serializable | undefined };
  /** Undefined for a list. */
  keys: readonly string[] | undefined;
  count: number;
  done: number;
  /** What to put before the next item. */
  separator: string;
  /** What follows the last one. */
  close: string;
}

/**
 * The text of a value. Members that are `undefined` are left out.
 *
 * `<`, `>`, `&`, U+2028 and U+2029 are escaped wherever they stand, as Go does. Throws on NaN and
 * infinities, in Go's words. It keeps its own stack, as `parse` does.
 */
export function serialize(value: Serializable, options: SerializeOptions = {}): string {
  const { indent = false, sorted = false } = options;
  const colon = indent ? ": " : ":";
  const frames: Frame[] = [];
  let margin = indent ? "\n" : "";
  let text = "";
  let current: Serializable = value;

  for (;;) {
    if (typeof current === "string") text += serializeString(current);
    else if (typeof current === "number") text += serializeNumber(current);
    else if (typeof current !== "object" || current === null) text += String(current);
    else {
      const keys = Array.isArray(current) ? undefined : presentKeys(current as object, sorted);
      const count = keys ? keys.length : (current as readonly Serializable[]).length;
      if (count === 0) text += keys ? "{}" : "[]";
      else {
        const outer = margin;
        if (indent) margin += step;
        text += keys ? "{" : "[";
        const close = `${outer}${keys ? "}" : "]"}`;
        frames.push({
          items: current as Frame["items"],
          keys,
          count,
          done: 0,
          separator: margin,
          close,
        });
      }
    }

    let frame = frames[frames.length - 1];
    while (frame && frame.done === frame.count) {
      text += frame.close;
      if (indent) margin = margin.slice(0, -step.length);
      frames.pop();
      frame = frames[frames.length - 1];
    }
    if (!frame) return text;
    text += frame.separator;
    if (frame.done === 0) frame.separator = `,${margin}`;
    if (frame.keys) {
      const key = frame.keys[frame.done] as string;
      text += serializeString(key) + colon;
      current = (frame.items as Record<string, Serializable>)[key] as Serializable;
    } else current = (frame.items as readonly Serializable[])[frame.done] as Serializable;
    frame.done++;
  }
}

/**
 * As `serialize` with an indent, but by the engine's own writer, which is several times as fast. It is
 * for values with few levels, whole numbers and no lone surrogates.
 * @param keys those to write, in this order; null: all, in the order they are in
 */
export function serializePlain(value: Serializable, keys: string[] | null): string {
  return JSON.stringify(value, keys, step)
    .replaceAll("<", "\\u003c")
    .replaceAll(">", "\\u003e")
    .replaceAll("&", "\\u0026")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}

function presentKeys(object: object, sorted: boolean): string[] {
  const keys = Object.keys(object);
  const present = keys.filter((key) => (object as Record<string, unknown>)[key] !== undefined);
  if (!sorted) return present;
  present.sort();
  // The default order is by UTF-16 units; it differs only where surrogates are.
  return /[\ud800-\udfff]/.test(present.join("")) ? present.sort(compareUtf8) : present;
}

/** The order of the UTF-8 bytes, which is that of the code points. */
function compareUtf8(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0) as number);
  const right = Array.from(b, (character) => character.codePointAt(0) as number);
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function serializeNumber(value: number): string {
  if (value - value !== 0) {
    const text = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    throw new Error(`json: unsupported value: ${text}`);
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** All but: " & < > \\, control characters, U+2028, U+2029, surrogates. */
const unsafe = /[^ !#-%'-;=?-[\]-\u2027\u202a-\ud7ff\ue000-\uffff]/;
/** The same by code points: a surrogate matches only if it is alone. */
const eachUnsafe = /[^ !#-%'-;=?-[\]-\u2027\u202a-\ud7ff\ue000-\u{10ffff}]/gu;

/** A string in quotes, escaped as Go does it. */
export function serializeString(text: string): string {
  if (!unsafe.test(text)) return `"${text}"`;
  return `"${text.replace(eachUnsafe, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code >> 11 === 0x1b) return "\\ufffd";
  return shortEscapes[character] ?? `\\u${code.toString(16).padStart(4, "0")}`;
}
