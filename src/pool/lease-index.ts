/**
 * Who holds which leases, answered without opening every one.
 *
 * The leases themselves tell only who holds *them*, so the reference opens all of a network to find
 * those of one attachment. Beside the leases we keep a hidden symbolic link per attachment: it is
 * called `.CONTAINERID:IFNAME` and its text is `BOOT/LEASE/LEASE...`. Neither `:` nor `/` can be in
 * any of these. A link leads nowhere and so has no content: the reference, which compares the
 * content of every file, skips it. Making one is a single system call, and never half done.
 *
 * Others (the reference, an operator) add and remove leases without telling the index. Any such
 * deed gives the directory a new time of change. We set that time to {@link sealed} as the last
 * thing under the lock: as long as it stands, nobody else has been there and the index is complete.
 * A process of ours that is killed half-way breaks the seal in the same way.
 */
import { utf8Length } from "../addr/bytes.ts";
import {
  changedAt,
  readLink,
  remove,
  setChangedAt,
  temporaryName,
  writeLink,
} from "../kernel/files.ts";

/** A moment (2001-09-09) that no clock shows, not even one that starts at an epoch after a boot. */
const sealed = 1_000_000_000;

/** An attachment as leases name it. Leases of old versions of the reference have no `ifName`. */
export interface Holder {
  containerId: string;
  /** Empty where the lease names none. */
  ifName: string;
}

/** What one attachment holds. */
export interface Entry {
  /** The boot in which it was last given an address, or first seen; empty if that is unknown. */
  boot: string;
  /** The names of its lease files. */
  leases: string[];
}

export class LeaseIndex {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether the entries tell of all leases. */
  isComplete(): boolean {
    return changedAt(this.#directory) === sealed;
  }

  /** States that the entries tell of all leases. Anything done in the directory unsays it. */
  seal(): void {
    setChangedAt(this.#directory, sealed);
  }

  read(name: string): Entry | undefined {
    const text = isTooLong(name) ? null : readLink(`${this.#directory}/${name}`);
    if (text === null) return undefined;
    const [boot = "", ...leases] = text.split("/");
    return { boot, leases };
  }

  /** @returns false if there can be no such entry: then the index must not be sealed */
  write(name: string, entry: Entry): boolean {
    if (isTooLong(name)) return false;
    writeLink(`${this.#directory}/${name}`, format(entry));
    return true;
  }

  erase(name: string): void {
    if (!isTooLong(name)) remove(`${this.#directory}/${name}`);
  }
}

/** Container ids have no limit, file names have one: NAME_MAX of include/uapi/linux/limits.h. */
function isTooLong(name: string): boolean {
  return utf8Length(name) > 255;
}

export function sameEntry(a: Entry, b: Entry): boolean {
  return format(a) === format(b);
}

function format({ boot, leases }: Entry): string {
  return [boot, ...leases].join("/");
}

/** The name of an attachment's entry. */
export function entryName({ containerId, ifName }: Holder): string {
  return `.${containerId}:${ifName}`;
}

export function isEntryName(name: string): boolean {
  return name.startsWith(".") && name.includes(":");
}

/**
 * Whether an attachment of a runtime can be this holder. Others are found in files that were not
 * written by a plugin; no runtime will ask for them, so they need no entry.
 */
export function isAttachment({ containerId, ifName }: Holder): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId) && /^[^/:\s\0]*$/.test(ifName);
}

/** Whether a name in the directory is, or may be, a lease. */
export function isLeaseName(name: string): boolean {
  return (
    name !== "lock" &&
    name !== temporaryName &&
    !name.startsWith("last_reserved_ip.") &&
    !isEntryName(name)
  );
}
