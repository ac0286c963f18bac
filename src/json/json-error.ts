/** What is wrong with a JSON text, and where. */
import { quoteByte } from "./quote.ts";

/** The message is Go's, e.g. `invalid character '}' after object key`. */
export class JsonError extends Error {
  constructor(
    message: string,
    /** Index into the text, in UTF-16 units. */
    readonly offset: number,
    /** Counted from 1. */
    readonly line: number,
    /** Counted from 1, in UTF-16 units. */
    readonly column: number,
  ) {
    super(message);
    this.name = "JsonError";
  }

  /** A character that may not stand at `offset`; or the end of the text, if that is there. */
  static at(text: string, offset: number, context: string): JsonError {
    if (offset >= text.length) return failure(text, text.length, endOfInput);
    const character = quoteByte(firstUtf8Byte(text.codePointAt(offset) as number));
    return failure(text, offset, `invalid character ${character} ${context}`);
  }

  /** As `at`, but inside a token: at the end of the text Go then complains about a space. */
  static inToken(text: string, offset: number, context: string): JsonError {
    if (offset < text.length) return JsonError.at(text, offset, context);
    return failure(text, text.length, `invalid character ' ' ${context}`);
  }

  /** A number that no double can hold. */
  static range(text: string, start: number, end: number): JsonError {
    const literal = text.slice(start, end);
    const message = `json: cannot unmarshal number ${literal} into Go value of type float64`;
    return failure(text, start, message);
  }
}

function failure(text: string, offset: number, message: string): JsonError {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return new JsonError(message, offset, line, offset - before.lastIndexOf("\n"));
}

const endOfInput = "unexpected end of JSON input";

/** Go looks at bytes: of a character beyond ASCII it complains about the first one. */
function firstUtf8Byte(code: number): number {
  if (code < 0x80) return code;
  if (code < 0x800) return 0xc0 | (code >> 6);
  return code < 0x10000 ? 0xe0 | (code >> 12) : 0xf0 | (code >> 18);
}
