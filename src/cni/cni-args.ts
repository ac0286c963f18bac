/**
 * CNI_ARGS: `KEY=VALUE;KEY=VALUE`.
 *
 * Reference: pkg/types/args.go. Keys are case-sensitive; a value cannot hold `=` or `;`.
 */
import { parseIpOrCidr } from "../addr/cidr.ts";
import { type Ip, requireIp } from "../addr/ip.ts";
import { quote, quoteList } from "../json/quote.ts";
import { CniError } from "./errors.ts";

/** What a value can be; an empty one is no address. Each throws an Error that says why it is not. */
const readers = {
  string: (text: string): string => text,
  /** `1`, `true`, `0`, `false` in any letter case. */
  bool: readBool,
  ip: (text: string): Ip | undefined => (text === "" ? undefined : requireIp(text)),
  /** With or without a prefix length. */
  address: (text: string): { ip: Ip; prefixLength?: number } | undefined =>
    text === "" ? undefined : parseIpOrCidr(text),
  /** A comma list of them; the reference takes only one where IPAM plugins read this. */
  addresses: (text: string): { ip: Ip; prefixLength?: number }[] =>
    text === "" ? [] : text.split(",").map(parseIpOrCidr),
} as const;

/** The keys that a plugin knows, and what their values are. */
export type ArgTable = Readonly<Record<string, keyof typeof readers>>;

/** What was given, by key. */
export type ArgValues<T extends ArgTable> = {
  [K in keyof T]?: ReturnType<(typeof readers)[T[K]]>;
};

/**
 * Reads CNI_ARGS, e.g. `readCniArgs(call.cniArgs, { MAC: "string", IP: "address" }).IP`.
 *
 * Every plugin knows `IgnoreUnknown`; unless that is true, a key that is not in the table is an
 * error. Of a repeated key the last value counts.
 *
 * @throws {CniError} InvalidEnvironmentVariables, `ARGS: …`
 */
export function readCniArgs<const T extends ArgTable>(args: string, known: T): ArgValues<T> {
  const values: Record<string, unknown> = {};
  const unknown: string[] = [];
  let ignoreUnknown = false;
  for (const pair of args === "" ? [] : args.split(";")) {
    const [key, value, ...more] = pair.split("=") as [string, string?, ...string[]];
    if (value === undefined || more.length > 0) throw refusal(`invalid pair ${quote(pair)}`);
    try {
      const kind = Object.keys(known).includes(key) && known[key];
      if (key === "IgnoreUnknown") ignoreUnknown = readBool(value);
      else if (kind) values[key] = readers[kind](value);
      else unknown.push(pair);
    } catch (error) {
      const why = (error as Error).message;
      throw refusal(`error parsing value of pair ${quote(pair)}: ${why}`);
    }
  }
  if (unknown.length > 0 && !ignoreUnknown) throw refusal(`unknown args ${quoteList(unknown)}`);
  return values as ArgValues<T>;
}

function readBool(text: string): boolean {
  const lower = text.toLowerCase();
  if (lower === "1" || lower === "true") return true;
  if (lower === "0" || lower === "false") return false;
  throw new Error(`boolean unmarshal error: invalid input ${lower}`);
}

function refusal(message: string): CniError {
  return new CniError("InvalidEnvironmentVariables", `ARGS: ${message}`);
}
