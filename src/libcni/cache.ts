/**
 * The cached results of ADD, from which CHECK and DEL have `prevResult`, and GC the attachments.
 *
 * Reference: libcni/api.go. Differs on purpose: files are written whole or not at all; a name is
 * checked before it becomes a part of a path; a file is taken for an attachment's only if its content
 * says so, since the names `a-b` + `c` and `a` + `b-c` make the same file name.
 */
import { convertResult } from "../cni/convert.ts";
import { checkContainerId, checkInterfaceName, checkNetworkName } from "../cni/env.ts";
import type { AnyResult } from "../cni/result.ts";
import { createResultFromItself } from "../cni/result-read.ts";
import { quote } from "../json/quote.ts";
import { makeDirectories, readText, remove, writeAtomic } from "../kernel/files.ts";
import { isErrno, sys } from "../sys/sys.ts";
import { type CacheEntry, formatEntry, parseContent } from "./cache-entry.ts";
import { messageOf } from "./errors.ts";
import type { RuntimeConfig } from "./runtime.ts";

/** An attachment's names. */
type Names = Pick<RuntimeConfig, "containerId" | "ifName">;

/** One directory of cached results. */
export class Cache {
  readonly #folder: string;

  /** @param directory it, or its folder `results`, need not exist */
  constructor(directory: string) {
    this.#folder = `${directory}/results`;
  }

  /** Remembers an ADD. */
  write(
    network: string,
    about: RuntimeConfig,
    config: Uint8Array,
    result: AnyResult | undefined,
  ): void {
    const path = this.#path(network, about);
    makeDirectories(this.#folder, 0o700);
    writeAtomic(path, formatEntry(network, about, config, result));
  }

  /** Forgets an ADD, unless the file is another attachment's. Throws what unlink(2) said. */
  remove(network: string, about: Names): void {
    const path = this.#path(network, about);
    const content = this.#read(path);
    if (content?.kind === "entry" && !isOf(content.entry, network, about)) return;
    remove(path);
  }

  /** As {@link remove}, but never throws: the next ADD replaces what stays. */
  forget(network: string, about: Names): void {
    try {
      this.remove(network, about);
    } catch {
      // Nothing depends on it.
    }
  }

  /**
   * What ADD returned, converted to `version`; undefined where nothing is cached.
   *
   * Throws an Error in the words of the reference, where the file is damaged or has no place in that
   * version.
   */
  result(network: string, about: Names, version: string): AnyResult | undefined {
    const path = this.#path(network, about);
    const text = readable(path);
    if (text === null) return undefined;
    const result = createResultFromItself(this.#rawResult(text, network, about));
    try {
      return convertResult(result, version);
    } catch (error) {
      const what = `failed to convert cached result to config version ${quote(version)}`;
      throw new Error(`${what}: ${messageOf(error)}`);
    }
  }

  #rawResult(text: string, network: string, about: Names) {
    let content: ReturnType<typeof parseContent>;
    try {
      content = parseContent(text);
    } catch (error) {
      throw new Error(`decoding version from network config: ${messageOf(error)}`);
    }
    if (content.kind === "other") return content.json;
    if (isOf(content.entry, network, about)) return content.entry.result ?? null;
    const { network: other, containerId } = content.entry;
    throw new Error(`the file is about container ${containerId} in network ${other}`);
  }

  /**
   * The config that ADD was called with, and with what beside; undefined where nothing is cached.
   *
   * Throws an Error in the words of the reference, where the file is damaged or of another kind.
   */
  entry(network: string, about: Names): CacheEntry | undefined {
    const text = readable(this.#path(network, about));
    if (text === null) return undefined;
    let content: ReturnType<typeof parseContent>;
    try {
      content = parseContent(text);
    } catch (error) {
      const what = `failed to unmarshal cached network ${quote(network)} config`;
      throw new Error(`${what}: ${messageOf(error)}`);
    }
    if (content.kind === "entry") return content.entry;
    throw new Error(`read cached network ${quote(network)} config has wrong kind: ${content.says}`);
  }

  /**
   * All cached attachments, or those of one container, in the order of their files' names. Damaged
   * files are passed over. Throws where the folder is there and cannot be read.
   */
  attachments(containerId = ""): CacheEntry[] {
    let names: string[];
    try {
      names = sys.readdir(this.#folder);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return [];
      throw error;
    }
    const entries = names.sort().flatMap((name) => {
      const part = name.indexOf(`-${containerId}-`);
      const isWanted = part > 0 && part + containerId.length + 2 < name.length;
      if (containerId !== "" && !isWanted) return [];
      const content = this.#read(`${this.#folder}/${name}`);
      return content?.kind === "entry" ? [content.entry] : [];
    });
    return entries.filter(
      (entry) =>
        entry.ifName !== "" &&
        entry.network !== "" &&
        (containerId === "" || entry.containerId === containerId),
    );
  }

  /** Undefined where there is nothing that can be read. */
  #read(path: string): ReturnType<typeof parseContent> | undefined {
    const text = readable(path);
    if (text === null) return undefined;
    try {
      return parseContent(text);
    } catch {
      return undefined;
    }
  }

  #path(network: string, { containerId, ifName }: Names): string {
    if (network === "" || containerId === "" || ifName === "") {
      throw new Error(
        `cache file path requires network name (${quote(network)}), container ID (${quote(containerId)}), and interface name (${quote(ifName)})`,
      );
    }
    checkNetworkName(network);
    checkContainerId(containerId);
    checkInterfaceName(ifName);
    return `${this.#folder}/${network}-${containerId}-${ifName}`;
  }
}

function isOf(entry: CacheEntry, network: string, { containerId, ifName }: Names): boolean {
  return entry.network === network && entry.containerId === containerId && entry.ifName === ifName;
}

/** As in the reference, what cannot be read counts as not there. */
function readable(path: string): string | null {
  try {
    return readText(path);
  } catch {
    return null;
  }
}
