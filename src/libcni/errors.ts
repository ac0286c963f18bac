/** What the library throws, beside the {@link CniError} of a plugin. */
import { CniError } from "../cni/errors.ts";
import { JsonError } from "../json/parse.ts";
import { quote } from "../json/quote.ts";

/** The directory has network configs, and none of this name. */
export class NotFoundError extends Error {
  override name = "NotFoundError";

  constructor(
    readonly directory: string,
    readonly network: string,
    /** Files that could not be read as configs, each with the reason: one may be the wanted. */
    readonly skipped: readonly string[] = [],
  ) {
    super(
      `no net configuration with name ${quote(network)} in ${directory}${withSkipped(skipped)}`,
    );
  }
}

/** The directory has no network configs, or is not there. */
export class NoConfigsFoundError extends Error {
  override name = "NoConfigsFoundError";

  constructor(readonly directory: string) {
    super(`no net configurations found in ${directory}`);
  }
}

function withSkipped(skipped: readonly string[]): string {
  return skipped.length > 0 ? ` (skipped: ${skipped.join("; ")})` : "";
}

/** The version of a network is older than CHECK. */
export class CheckNotSupportedError extends Error {
  override name = "CheckNotSupportedError";

  constructor(version: string) {
    super(`configuration version ${quote(version)} does not support the CHECK command`);
  }
}

/** What a config is not, in the words of the reference, and where in its text. */
export class ConfigError extends Error {
  override name = "ConfigError";

  constructor(
    message: string,
    /** `line 3, column 5`; "" where the text is well-formed. */
    readonly position = "",
  ) {
    super(message);
  }
}

/** A plugin of a list has failed. */
export class PluginFailedError extends Error {
  override name = "PluginFailedError";
  constructor(
    /** As it is named in the message: `type="bridge"`, and its name if it has one. */
    readonly plugin: string,
    verb: "add" | "delete",
    /** What it said, or why it could not be called. */
    readonly reason: unknown,
  ) {
    super(`plugin ${plugin} failed (${verb}): ${messageOf(reason)}`);
  }
}

/** All plugins of an ADD have succeeded, and then the result could not be cached. */
export class CacheError<R = unknown> extends Error {
  override name = "CacheError";

  constructor(
    message: string,
    /** What the last plugin returned; absent where the ADD was rolled back. */
    readonly result?: R,
  ) {
    super(message);
  }
}

/** Several failures of one operation. */
export class SeveralErrors extends Error {
  override name = "SeveralErrors";

  constructor(readonly errors: readonly unknown[]) {
    super(errors.map(messageOf).join("\n"));
  }
}

/** Throws the one error, or all of them; nothing if there are none. */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new SeveralErrors(errors);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where a text is not well-formed; "" for other errors. */
export function positionOf(error: unknown): string {
  return error instanceof JsonError ? `line ${error.line}, column ${error.column}` : "";
}

/** The CNI error in what was thrown: itself, or the first in it; undefined if there is none. */
export function cniErrorOf(error: unknown): CniError | undefined {
  if (error instanceof CniError) return error;
  if (error instanceof PluginFailedError) return cniErrorOf(error.reason);
  if (!(error instanceof SeveralErrors)) return undefined;
  for (const one of error.errors) {
    const found = cniErrorOf(one);
    if (found) return found;
  }
  return undefined;
}
