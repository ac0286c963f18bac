/**
 * Settings of an interface that were there before it was tuned, in a file, so that DEL can give them
 * back: an interface may outlive its container, as a device of the host does.
 *
 * Reference: plugins/meta/tuning/tuning.go (createBackup, restoreBackup), whose file this is, with
 * two keys more that it ignores. Differs on purpose: written whole or not at all; a repeated ADD
 * keeps what it finds; what the interface cannot take back does not keep the rest from it; no file
 * outlives DEL and GC.
 */
import type { Undo } from "../cni/undo.ts";
import { parse } from "../json/parse.ts";
import { serialize } from "../json/serialize.ts";
import { isObject, type JsonValue } from "../json/types.ts";
import { isErrno, list, makeDirectories, readText, remove, writeAtomic } from "../kernel/files.ts";
import type { Link, LinkChanges } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";

/** What can be set, by its key in the config and in the file. */
export interface LinkSettings {
  /** Lower case, with colons. */
  mac?: string;
  promisc?: boolean;
  mtu?: number;
  allmulti?: boolean;
  txQLen?: number;
}

type Key = keyof LinkSettings;

/** What the kernel calls them. */
const names = {
  mtu: "mtu",
  mac: "mac",
  promisc: "promiscuous",
  allmulti: "allMulticast",
  txQLen: "txQueueLength",
} as const satisfies Record<Key, keyof LinkChanges>;
const keys = Object.keys(names) as Key[];
const types: Record<Key, string> = {
  ...{ mac: "string", mtu: "number", txQLen: "number" },
  ...{ promisc: "boolean", allmulti: "boolean" },
};

/** How an interface is set. */
export function settingsOf({ mac, mtu, flags, txQueueLength }: Link): Required<LinkSettings> {
  return {
    mac,
    mtu,
    promisc: flags.includes("promiscuous"),
    allmulti: flags.includes("allMulticast"),
    txQLen: txQueueLength,
  };
}

export interface TuneRequest {
  container: Netns;
  attachment: Attachment;
  directory: string;
  undo: Undo;
}

/** Saves what is about to change, then changes it, in one message; pushes the undo of both. */
export function tune(link: Link, wanted: LinkSettings, request: TuneRequest): void {
  const { container, undo } = request;
  const before: LinkSettings = {};
  for (const key of keys) if (wanted[key] !== undefined) copy(key, settingsOf(link), before);
  save(before, request);
  undo.push(`set "${link.name}" back`, () => {
    set(container, container.links.get(link.index), before);
  });
  set(container, link, wanted);
}

function copy<K extends Key>(key: K, from: LinkSettings, to: LinkSettings): void {
  to[key] = from[key];
}

/** Changes what is otherwise. The kernel may do a part of it and then refuse. */
function set(container: Netns, link: Link, wanted: LinkSettings): void {
  const now = settingsOf(link);
  const changes: Record<string, unknown> = {};
  for (const key of keys) {
    if (wanted[key] !== undefined && wanted[key] !== now[key]) changes[names[key]] = wanted[key];
  }
  if (Object.keys(changes).length > 0) container.links.change(link.index, changes);
}

/**
 * Gives the interface back what was saved of it, as far as it takes it, and forgets that. Where the
 * interface or the namespace is gone there is nothing to give back to.
 * @returns what it did not take back; that stays saved
 */
export function restore(
  container: Netns | undefined,
  attachment: Attachment,
  directory: string,
): string[] {
  const path = pathOf(attachment, directory);
  const saved = container && read(path);
  const link = saved && container.links.find(attachment.ifName);
  const failures = link && isOf(saved, container) ? giveBack(container, link, saved) : [];
  if (failures.length === 0) remove(path);
  return failures;
}

/** At once if that can be; else one by one, so that what is refused does not keep the rest away. */
function giveBack(container: Netns, link: Link, saved: LinkSettings): string[] {
  try {
    set(container, link, saved);
    return [];
  } catch {
    return keys.flatMap((key) => {
      const one: LinkSettings = {};
      copy(key, saved, one);
      try {
        set(container, container.links.get(link.index), one);
        return [];
      } catch (error) {
        return [error instanceof Error ? error.message : String(error)];
      }
    });
  }
}

/** Forgets what was saved for attachments of `network` that are not among `valid`. */
export function collect(
  directory: string,
  network: string,
  valid: readonly ValidAttachment[],
): (() => void)[] {
  const kept = new Set(valid.map((each) => fileOf(each)));
  const others = list(directory).filter((name) => name.endsWith(".json") && !kept.has(name));
  return others.map((name) => () => {
    const path = `${directory}/${name}`;
    if (read(path)?.network === network) remove(path);
  });
}

// ── the file ──────────────────────────────────────────────────────────────────────────────────

/** What is in the file; the reference writes the settings alone. */
interface Saved extends LinkSettings {
  network?: string;
  /** What tells that another interface is meant, as a runtime may use an ID again: its namespace. */
  netns?: string;
}

function fileOf({ containerId, ifName }: ValidAttachment): string {
  return `${containerId}_${ifName}.json`;
}

function pathOf(attachment: ValidAttachment, directory: string): string {
  return `${directory}/${fileOf(attachment)}`;
}

function isOf({ netns }: Saved, container: Netns): boolean {
  return netns === undefined || netns === container.cookie();
}

function save(before: LinkSettings, request: TuneRequest): void {
  const { container, attachment, directory, undo } = request;
  const path = pathOf(attachment, directory);
  const found = readText(path);
  const first = decode(found);
  const netns = container.cookie();
  const saved: Saved = {
    ...before,
    ...(first && isOf(first, container) && first),
    network: attachment.network,
    ...(netns !== undefined && { netns }),
  };
  try {
    write(path, saved);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    makeDirectories(directory, 0o700);
    write(path, saved);
  }
  undo.push("forget its former settings", () => {
    if (found === null) remove(path);
    else writeAtomic(path, found, options);
  });
}

/** It is about what does not outlive a power cut, so it need not either. */
const options = { sync: false } as const;

function write(path: string, saved: Saved): void {
  writeAtomic(path, serialize({ ...saved }), options);
}

function read(path: string): Saved | undefined {
  return decode(readText(path));
}

/** A damaged file says nothing. */
function decode(text: string | null): Saved | undefined {
  if (text === null) return undefined;
  let json: JsonValue;
  try {
    json = parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(json)) return undefined;
  const all: Record<string, string> = {
    ...types,
    ...{ network: "string", netns: "string" },
  };
  const saved: Record<string, unknown> = {};
  for (const key in all) if (typeof json[key] === all[key]) saved[key] = json[key];
  return saved;
}
