/**
 * Which options are sent and asked for: the keys `provide` and `request` of the config.
 *
 * Reference: plugins/ipam/dhcp/options.go and daemon.go.
 */
import { utf8 } from "../addr/bytes.ts";
import { codeOf, type Options, option4 } from "./options.ts";

/** An option to send; with both, `fromArg` wins if CNI_ARGS has its key. */
export interface Provide {
  readonly option: string;
  readonly value?: string | undefined;
  /** A key of CNI_ARGS. */
  readonly fromArg?: string | undefined;
}

/** An option to ask for. */
export interface Request {
  /** Empty or absent: the entry says only `skipDefault`. */
  readonly option?: string | undefined;
  /** In any entry: do not ask for routers and subnet mask by default. */
  readonly skipDefault?: boolean | undefined;
}

export interface Selection {
  /** They override what the client itself would send, whatever it is. */
  readonly send: Options;
  /** Codes for option 55, in the order of the request. */
  readonly requestList: Uint8Array;
}

/** The code of an option by its name or by its number in decimal. Throws an Error that says why. */
export function parseOption(text: string): number {
  const code = codeOf(text) ?? (/^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN);
  if (code <= 255) return code;
  throw new Error(`Cannot parse option "${text}": it is neither a name nor a number up to 255`);
}

/**
 * CNI_ARGS as this plugin reads it, unlike all others: a value may hold `=`, pieces without one are
 * skipped, and no key is unknown.
 */
export function parseArgs(cniArgs: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const piece of cniArgs.split(";")) {
    const at = piece.indexOf("=");
    if (at >= 0) args.set(piece.slice(0, at), piece.slice(at + 1));
  }
  return args;
}

/**
 * Reads `provide` and `request`. An empty value is not sent; of two for one option the last counts.
 * @param more codes that the config asks for by other keys; they follow those of `request`
 * @throws {Error} an option that is none, or a value above 255 bytes
 */
export function selectOptions(
  provide: readonly Provide[],
  request: readonly Request[],
  cniArgs: string,
  more: readonly number[] = [],
): Selection {
  return { send: readProvided(provide, cniArgs), requestList: readRequested(request, more) };
}

function readProvided(provide: readonly Provide[], cniArgs: string): Options {
  const args = parseArgs(cniArgs);
  const send = new Map<number, Uint8Array>();
  for (const { option, value = "", fromArg = "" } of provide) {
    const code = parseOption(option);
    for (const given of [value, args.get(fromArg) ?? ""]) {
      const bytes = utf8(given);
      if (bytes.length > 255) {
        const why = `its value has ${bytes.length} bytes, and 255 are allowed`;
        throw new Error(`Cannot provide option "${option}": ${why}`);
      }
      if (bytes.length > 0) send.set(code, bytes);
    }
  }
  return send;
}

/** What is asked for if the config skips the default and names nothing instead. */
const libraryDefault = [
  option4.subnetMask,
  option4.routers,
  option4.domainName,
  option4.nameServers,
].map(({ code }) => code);

function readRequested(request: readonly Request[], more: readonly number[]): Uint8Array {
  const codes = new Set<number>();
  for (const { option } of request) if (option) codes.add(parseOption(option));
  for (const code of more) codes.add(code);
  if (!request.some(({ skipDefault }) => skipDefault)) {
    codes.add(option4.routers.code).add(option4.subnetMask.code);
  }
  return Uint8Array.from(codes.size > 0 ? [...codes] : libraryDefault);
}
