/** Errors as CNI knows them: a code, a message, details. Spec: "Error"; codes 100 and up are free. */
import { record } from "../json/decode.ts";
import { parse } from "../json/parse.ts";
import { serialize } from "../json/serialize.ts";

/** The codes of the spec and of the reference (pkg/types/types.go). */
export const errorCodes = {
  Unknown: 0,
  IncompatibleVersion: 1,
  UnsupportedField: 2,
  /** Tells the runtime that nothing needs to be cleaned up. */
  UnknownContainer: 3,
  InvalidEnvironmentVariables: 4,
  IOFailure: 5,
  DecodingFailure: 6,
  InvalidNetworkConfig: 7,
  InvalidNetNS: 8,
  TryAgainLater: 11,
  /** STATUS: ADD cannot be served. */
  PluginNotAvailable: 50,
  /** STATUS: ADD can be served, but existing containers may have limited connectivity. */
  LimitedConnectivity: 51,
  /** What the reference makes of every error without a code. */
  Internal: 999,
} as const;

/** The name of an error code, as `InvalidNetworkConfig`. */
export type CniErrorName = keyof typeof errorCodes;

/** An error that reaches the runtime with its own code. */
export class CniError extends Error {
  readonly code: number;
  /** What went wrong, without the details; `message` has both. */
  readonly msg: string;
  /** More about it, or "". */
  readonly details: string;
  /** What the failed program wrote to stderr, at most 64 KiB; absent for our own errors. */
  stderr?: string;

  constructor(name: CniErrorName | number, msg: string, details = "") {
    super(details === "" ? msg : `${msg}; ${details}`);
    this.name = "CniError";
    this.code = typeof name === "number" ? name : errorCodes[name];
    this.msg = msg;
    this.details = details;
  }

  /** With any code, as delegates have their own. */
  static of(code: number, msg: string, details = ""): CniError {
    return new CniError(code, msg, details);
  }

  /** Any throwable as a CNI error: what has no code becomes Internal (999), with its message. */
  static from(error: unknown): CniError {
    if (error instanceof CniError) return error;
    return new CniError("Internal", error instanceof Error ? error.message : String(error));
  }
}

/** Does it. What it throws gets `what` in front, in the reference's words; code and details stay. */
export function explained<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code, msg, details } = CniError.from(error);
    throw CniError.of(code, `${what}: ${msg}`, details);
  }
}

/**
 * The error object that a failed plugin prints: four spaces a level, no newline at the end, no
 * `details` if there are none. As in the reference it has no `cniVersion`.
 */
export function toErrorJson(error: unknown): string {
  const { code, msg, details } = CniError.from(error);
  return serialize({ code, msg, details: details === "" ? undefined : details }, { indent: true });
}

/**
 * The error object that a delegate printed.
 * @throws {JsonError} or an Error in Go's words, if the text is none
 */
export function fromErrorJson(text: string): CniError {
  const fields = record(parse(text), "types.Error");
  return new CniError(fields.uint("code") ?? 0, fields.string("msg"), fields.string("details"));
}
