/** The config on stdin: decoded once, and its name read before all else. */
import { parse } from "../json/parse.ts";
import { isObject, type JsonValue } from "../json/types.ts";
import { sys } from "../sys/sys.ts";
import { decodeNetworkName } from "./env.ts";
import { CniError } from "./errors.ts";
import type { Io, Request } from "./outside.ts";

/**
 * Reads stdin to its end and checks the network's name, as the reference does before it looks at the
 * command (pkg/skel/skel.go, validateConfig).
 * @throws {CniError}
 */
export function readRequest(io: Io): Request {
  const bytes = attempt("IOFailure", "error reading from stdin", () => io.readStdin());
  const document: JsonValue = attempt("DecodingFailure", "error unmarshall network config", () =>
    parse(sys.decodeUtf8(bytes)),
  );
  const network = decodeNetworkName(document);
  return { bytes, document: isObject(document) ? document : {}, network };
}

function attempt<T>(code: "IOFailure" | "DecodingFailure", what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new CniError(code, `${what}: ${error instanceof Error ? error.message : error}`);
  }
}
