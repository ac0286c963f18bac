/** What lies outside of one plugin call: the standard streams and the other plugins. */
import type { JsonObject } from "../json/types.ts";
import type { Applet } from "./applet.ts";
import type { Environment } from "./env.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Result } from "./result.ts";
import type { Validate } from "./validate.ts";

/** What a plugin reads from and writes to. Only skel uses it; tests give their own. */
export interface Io {
  environ: Readonly<Record<string, string>>;
  /** All of stdin. */
  readStdin(): Uint8Array;
  /** Throws what write(2) said. */
  writeStdout(text: string): void;
  /** Never throws: there is nowhere left to tell it. */
  writeStderr(data: string | Uint8Array): void;
  /** The plugin that is built in under this name. */
  load(name: string): Plugin | undefined;
}

/** An applet as it runs. `build/gen/applets/NAME.ts` makes one of each file in `src/applets/`. */
export interface Plugin {
  readonly applet: Applet;
  readonly validate: Validate;
  /** Absent where the applet needs none, so that calling it does not load the netlink code. */
  readonly namespaces?: Namespaces;
  /** Serves the one call that the environment asks for; returns the exit status. */
  run(io: Io): number;
  /**
   * Serves a call that another plugin of this process makes. Throws what the verb threw, after its
   * undo. `deliver` gets the result of an ADD; what it throws fails the ADD.
   */
  serve(env: Environment, outside: Outside, deliver: (result: Result) => void): void;
}

/** The config as it came in, decoded once for all plugins of this process. */
export interface Request {
  readonly bytes: Uint8Array;
  readonly document: JsonObject;
  readonly network: string;
}

/** How a call reaches other plugins. */
export interface Outside {
  readonly io: Io;
  readonly request: Request;
  /** The plugins that this call runs in, outermost first, itself included. */
  readonly callers: readonly string[];
}
