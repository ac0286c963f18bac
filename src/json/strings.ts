/** Escapes in JSON strings: what they mean, and what is wrong with them. */
import { JsonError } from "./json-error.ts";

const meanings: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

const hexDigits = 4;

/** The meaning of `text` between `start` and `end`, which holds at least one backslash. */
export function readEscapes(text: string, start: number, end: number): string {
  let result = "";
  let from = start;
  for (let at = text.indexOf("\\", start); at >= 0 && at < end; at = text.indexOf("\\", from)) {
    result += text.slice(from, at);
    const letter = text[at + 1] as string;
    const meaning = meanings[letter];
    if (meaning !== undefined) {
      result += meaning;
      from = at + 2;
    } else {
      const unit = letter === "u" ? readUnit(text, at) : -1;
      if (unit < 0) throw stringFailure(text, start);
      from = at + 2 + hexDigits;
      const low = unit >> 10 === 0x36 && text.startsWith("\\u", from) ? readUnit(text, from) : -1;
      if (low >> 10 === 0x37) {
        result += String.fromCharCode(unit, low);
        from += 2 + hexDigits;
      } else result += unit >> 11 === 0x1b ? "\ufffd" : String.fromCharCode(unit);
    }
  }
  return result + text.slice(from, end);
}

/** The value of the `\uXXXX` at `at`, or -1. */
function readUnit(text: string, at: number): number {
  const digits = text.slice(at + 2, at + 2 + hexDigits);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
}

/** The first thing that is wrong in the string whose contents begin at `start`. */
export function stringFailure(text: string, start: number): JsonError {
  let at = start;
  while (at < text.length && text[at] !== '"') {
    if (text.charCodeAt(at) < 0x20) return JsonError.at(text, at, "in string literal");
    if (text[at] !== "\\") at++;
    else if (text[at + 1] === "u") {
      const end = at + 2 + hexDigits;
      for (at += 2; at < end; at++) {
        if (!/[0-9a-fA-F]/.test(text[at] ?? "")) {
          return JsonError.inToken(text, at, "in \\u hexadecimal character escape");
        }
      }
    } else if (meanings[text[at + 1] ?? ""] === undefined) {
      return JsonError.inToken(text, at + 1, "in string escape code");
    } else at += 2;
  }
  return JsonError.at(text, text.length, "in string literal");
}
