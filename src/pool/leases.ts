/** The leases of a network while its lock is held. */
import { parseIp } from "../addr/ip.ts";
import { tryAll } from "../cni/undo.ts";
import {
  createExclusive,
  exists,
  isSystemError,
  list,
  readText,
  remove,
  writeAtomic,
} from "../kernel/files.ts";
import {
  type Entry,
  entryName,
  type Holder,
  isAttachment,
  isEntryName,
  isLeaseName,
  LeaseIndex,
  sameEntry,
} from "./lease-index.ts";

export interface StoreOptions {
  /** Is told of what was found damaged and put right. */
  warn(message: string): void;
  /** The id of the running boot, empty if it is not known; default: the kernel's. */
  boot?(): string;
}

/** What an attachment holds. */
export interface Holding extends Entry {
  holder: Holder;
}

export class Leases {
  readonly directory: string;
  readonly #readOnly: boolean;
  readonly #options: StoreOptions;
  readonly #index: LeaseIndex;
  /** The index tells of all leases, as far as it was changed since then. */
  #complete: boolean;
  #changed = false;
  /** Every holder by the name of its entry, once the leases had to be opened one by one. */
  #scanned: Map<string, Holding> | undefined;
  #boot: string | undefined;

  /** Only `Store` makes one, under the lock. */
  constructor(directory: string, readOnly: boolean, options: StoreOptions) {
    this.directory = directory;
    this.#readOnly = readOnly;
    this.#options = options;
    this.#index = new LeaseIndex(directory);
    this.#complete = this.#index.isComplete();
  }

  /** The id of the running boot; empty if it is not known. */
  get boot(): string {
    this.#boot ??= (this.#options.boot ?? bootId)();
    return this.#boot;
  }

  /** Whether the address is taken. */
  has(lease: string): boolean {
    return exists(`${this.directory}/${lease}`);
  }

  /** The names of all leases. */
  names(): string[] {
    return list(this.directory).filter(isLeaseName);
  }

  /**
   * What the holder has, `leases` empty if nothing. Costs a few look-ups, however many leases there
   * are; only after others have changed the directory all leases are opened.
   */
  heldBy(holder: Holder): Holding {
    const name = entryName(holder);
    if (!this.#complete || this.#scanned) return this.#scan().get(name) ?? none(holder);
    const entry = this.#index.read(name);
    if (!entry) return none(holder);
    const content = contentOf(holder);
    if (entry.leases.every((lease) => this.#content(lease) === content)) {
      return { holder, ...entry };
    }
    // Someone has written into a lease, which does not break the seal.
    return this.#scan().get(name) ?? none(holder);
  }

  /** All holders, those of old versions of the reference included. Opens every lease. */
  holdings(): Holding[] {
    return [...this.#scan().values()];
  }

  /**
   * Takes an address. The file appears whole or not at all, but is not synced to disk: a power cut
   * ends its container too, and what it leaves of the file is reclaimed like any other damage.
   * @returns false if it is taken already
   */
  take(lease: string, holder: Holder): boolean {
    this.#changed = true;
    const path = `${this.directory}/${lease}`;
    return createExclusive(path, contentOf(holder), { locked: true, sync: false });
  }

  /** Notes who holds which leases, the new ones and the old, as of this boot. */
  record(holder: Holder, leases: readonly string[]): void {
    this.#changed = true;
    const name = entryName(holder);
    const entry = { boot: this.boot, leases: [...leases] };
    this.#scanned?.set(name, { holder, ...entry });
    this.#unlessHindered(() => this.#write(name, entry));
  }

  /** Removes all leases of a holder. Does what it can, then throws what hindered it. */
  release({ holder, leases }: Holding): void {
    const name = entryName(holder);
    this.giveBack(leases);
    this.#scanned?.delete(name);
    this.#unlessHindered(() => this.#index.erase(name));
  }

  /** Removes leases of which the index does not tell. Does what it can, then throws. */
  giveBack(leases: readonly string[]): void {
    if (leases.length === 0) return;
    this.#changed = true;
    try {
      tryAll(...leases.map((lease) => () => void remove(`${this.directory}/${lease}`)));
    } catch (error) {
      this.#complete = false;
      throw error;
    }
  }

  /** The address that was given last from the set; undefined if that is not known. */
  lastReserved(set: number): Uint8Array | undefined {
    try {
      return parseIp(readText(this.#lastReservedPath(set)) ?? "");
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#options.warn(error.message); // only where to begin is lost
      return undefined;
    }
  }

  setLastReserved(set: number, lease: string): void {
    this.#changed = true;
    writeAtomic(this.#lastReservedPath(set), lease, { locked: true, sync: false });
  }

  /** `Store` calls this before it lets go of the lock. */
  finish(): void {
    if (this.#readOnly || !this.#complete || !(this.#changed || this.#scanned)) return;
    this.#unlessHindered(() => this.#index.seal());
  }

  #lastReservedPath(set: number): string {
    return `${this.directory}/last_reserved_ip.${set}`;
  }

  #content(lease: string): string | undefined {
    try {
      return readText(`${this.directory}/${lease}`)?.trim();
    } catch (error) {
      if (isSystemError(error)) return undefined; // a directory, or unreadable: nobody's
      throw error;
    }
  }

  #scan(): Map<string, Holding> {
    if (this.#scanned) return this.#scanned;
    const names = list(this.directory);
    const scanned = new Map<string, Holding>();
    this.#scanned = scanned;
    this.#complete = true;
    for (const lease of names.filter(isLeaseName)) {
      const content = this.#content(lease);
      if (content === undefined) continue;
      if (isBlank(content)) this.#dropBlank(lease);
      const holder = holderOf(content);
      if (!isAttachment(holder)) continue;
      const name = entryName(holder);
      const holding = scanned.get(name) ?? none(holder);
      holding.leases.push(lease);
      scanned.set(name, holding);
    }
    this.#match(names.filter(isEntryName), scanned);
    return scanned;
  }

  /** Makes the index tell what the scan has found, and takes from it what only it knows. */
  #match(entries: readonly string[], scanned: Map<string, Holding>): void {
    const old = new Set(entries);
    for (const [name, holding] of scanned) {
      holding.leases.sort();
      const known = old.delete(name) ? this.#index.read(name) : undefined;
      // From now on the address is known to have been held in this boot.
      holding.boot = known?.boot || this.boot;
      if (!known || !sameEntry(known, holding)) this.#repair(() => this.#write(name, holding));
    }
    for (const name of old) this.#repair(() => this.#index.erase(name));
  }

  #write(name: string, entry: Entry): void {
    if (!this.#index.write(name, entry)) this.#complete = false;
  }

  #repair(work: () => void): void {
    if (!this.#readOnly) this.#unlessHindered(work);
  }

  /** Under the lock nobody is about to write into the file: whoever made it was killed. */
  #dropBlank(lease: string): void {
    if (this.#readOnly || !parseIp(lease)) return;
    const path = `${this.directory}/${lease}`;
    this.#unlessHindered(() => {
      remove(path);
      this.#options.warn(`Removed the lease ${path}: it is empty, so nobody holds the address`);
    });
  }

  /** An index that cannot be written costs time, later; no lease is lost for it. */
  #unlessHindered(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#complete = false;
    }
  }
}

/**
 * random(4): the kernel makes it anew at each boot. Half of its digits tell boots apart, and let the
 * text of an entry fit into the inode of the link.
 */
function bootId(): string {
  const id = readText("/proc/sys/kernel/random/boot_id") ?? "";
  return id.replace(/[-\s]/g, "").slice(0, 16);
}

function none(holder: Holder): Holding {
  return { holder, boot: "", leases: [] };
}

function contentOf({ containerId, ifName }: Holder): string {
  return ifName === "" ? containerId : `${containerId}\r\n${ifName}`;
}

function holderOf(content: string): Holder {
  const [containerId = "", ...rest] = content.split("\r\n");
  return { containerId, ifName: rest.join("\r\n") };
}

/** Empty, or the NUL bytes that some file systems leave after a power cut. */
function isBlank(content: string): boolean {
  return /^[\s\0]*$/.test(content);
}
