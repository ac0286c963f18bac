/**
 * The frame around a plugin: it reads the environment and stdin, prints the result or the error, and
 * decides the exit status. Nothing is printed to stdout before all work has succeeded.
 *
 * Reference: pkg/skel/skel.go. Differs on purpose: the namespaces are compared before ADD, not after
 * it; a failed ADD is undone, also when its result cannot be converted or written.
 */
import { isSystemError } from "../sys/sys.ts";
import { about, versionReply } from "./about.ts";
import type { Applet } from "./applet.ts";
import { formatResult } from "./convert.ts";
import { dispatch } from "./dispatch.ts";
import { MissingCommand, readEnvironment } from "./env.ts";
import { CniError, toErrorJson } from "./errors.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Io, Plugin } from "./outside.ts";
import { readRequest } from "./request.ts";
import { trace } from "./trace.ts";
import type { Validate } from "./validate.ts";
import { decodeConfigVersion } from "./versions.ts";

/**
 * Makes a plugin of an applet.
 * @param namespaces how to open them; left out for an applet that needs none
 */
export function plugin(applet: Applet, validate: Validate, namespaces?: Namespaces): Plugin {
  const made: Plugin = {
    applet,
    validate,
    ...(namespaces && { namespaces }),
    run: (io) => run(made, io),
    serve: (env, outside, deliver) => dispatch(made, env, outside, deliver),
  };
  return made;
}

function run(plugin: Plugin, io: Io): number {
  const { name } = plugin.applet;
  try {
    const env = readEnvironment(io.environ);
    if (env.command === "VERSION") {
      io.writeStdout(versionReply());
      return 0;
    }
    const request = readRequest(io);
    plugin.serve(env, { io, request, callers: [name] }, (result) =>
      io.writeStdout(formatResult(result, decodeConfigVersion(request.document))),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof MissingCommand)) return fail(name, error, io);
    io.writeStderr(about(name));
    return 0;
  }
}

/** Prints the error; returns the exit status. */
export function fail(name: string, error: unknown, io: Pick<Io, "writeStdout" | "writeStderr">) {
  if (isDefect(error)) io.writeStderr(`${name}: ${trace(error)}\n`);
  try {
    io.writeStdout(toErrorJson(error));
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : failure;
    io.writeStderr(`${name}: Cannot print the error: ${reason}; it was ${toErrorJson(error)}\n`);
  }
  return 1;
}

/** Errors that the engine itself throws are mistakes of ours: where they stand helps to mend them. */
function isDefect(error: unknown): error is Error {
  return (
    error instanceof Error &&
    !(error instanceof CniError) &&
    !isSystemError(error) &&
    /^(Type|Reference|Range|Syntax|Internal)Error$/.test(error.name)
  );
}
