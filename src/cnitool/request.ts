/** From environment and flags to a network and an attachment. */
import { splitPath } from "../cni/env.ts";
import type { Io } from "../cni/outside.ts";
import { typeError } from "../json/decode.ts";
import { parse } from "../json/parse.ts";
import { quote } from "../json/quote.ts";
import { isObject, type JsonObject } from "../json/types.ts";
import { sha512Hex } from "../kernel/digest.ts";
import { absolutePath, executableDirectory } from "../kernel/paths.ts";
import type { NetworkList } from "../libcni/config.ts";
import { loadNetwork } from "../libcni/load.ts";
import { defaultCacheDirectory, type Runtime, type RuntimeConfig } from "../libcni/runtime.ts";
import type { ValidAttachment } from "../libcni/upkeep.ts";
import { type CommandLine, type FlagName, UsageError } from "./flags.ts";

/** What a command works with. */
export interface Request {
  list: NetworkList;
  runtime: Runtime;
  about: RuntimeConfig;
}

const defaultConfigDirectory = "/etc/cni/net.d";

/**
 * Reads what a command needs, in the order of the reference.
 * @param line its arguments are the network's name and the namespace's path
 */
export function readRequest(io: Io, line: CommandLine): Request {
  const { environ } = io;
  const [network = "", netns = ""] = line.args;
  const list = loadNetwork(environ.NETCONFPATH || defaultConfigDirectory, network);
  const capabilityArgs = readCapabilityArgs(environ.CAP_ARGS ?? "");
  const args = readArgs(environ.CNI_ARGS ?? "");
  const ifName = textOf(line, "ifname") || environ.CNI_IFNAME || "eth0";
  const path = netns === "" && line.args.length < 2 ? "" : absolutePath(netns, environ.PWD);
  const containerId = textOf(line, "container-id") || `cnitool-${sha512Hex(path, 20)}`;
  return {
    list,
    about: { containerId, netns: path, ifName, args, capabilityArgs },
    runtime: {
      path: environ.CNI_PATH ? splitPath(environ.CNI_PATH) : [executableDirectory()],
      environ,
      cacheDirectory: textOf(line, "cache-dir") || defaultCacheDirectory,
      hasBuiltIn: (type) => io.load(type) !== undefined,
      warn: (message) => io.writeStderr(`Warning: ${message}\n`),
    },
  };
}

/** The value of a flag; "" where it was not given. */
export function textOf({ given }: CommandLine, flag: FlagName): string {
  return given[flag]?.[0] ?? "";
}

function readCapabilityArgs(text: string): JsonObject | undefined {
  if (text === "") return undefined;
  const value = parse(text);
  if (value === null) return undefined;
  if (!isObject(value)) throw typeError(value, "map[string]interface {}");
  return value;
}

function readArgs(text: string): [string, string][] | undefined {
  if (text === "") return undefined;
  return text.split(";").map((pair) => {
    const [, key, value] = /^([^=]+)=([^=]+)$/s.exec(pair) ?? [];
    if (!key || !value) throw new Error(`invalid CNI_ARGS pair ${quote(pair)}`);
    return [key, value];
  });
}

/** The attachments that gc keeps; undefined where it was told of none. @throws {UsageError} */
export function readValid({ given }: CommandLine): ValidAttachment[] | undefined {
  return given.valid?.map((text) => {
    const [, containerId, ifName] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
    if (containerId && ifName) return { containerId, ifName };
    throw new UsageError(`invalid argument "${text}" for "--valid" flag: not ID/IFNAME`, "gc");
  });
}
