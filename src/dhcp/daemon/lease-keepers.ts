/** All keepers of a daemon, and their files. */
import { list, remove } from "../../kernel/files.ts";
import { isSystemError, sys } from "../../sys/sys.ts";
import { type Attachment, attachmentName } from "../client-id.ts";
import { now, random } from "./clock.ts";
import type { DaemonFlags } from "./flags.ts";
import { Keeper, type KeeperEnv } from "./keeper.ts";
import { bootId, readLease, type StoredLease, writeLease } from "./lease-file.ts";
import { findLink, isThere, reasonOf } from "./link.ts";
import type { LinkClient } from "./link-client.ts";
import { endings, leaseName } from "./places.ts";
import type { LeaseRequest } from "./request.ts";

/** How many leases are verified a second after a start, so that servers are not flooded. */
const verifiesPerSecond = 20;

/** How many sockets may wait to be closed: who floods us must not keep us from it. */
const mostUnused = 64;

export class LeaseKeepers {
  readonly #keepers = new Map<string, Keeper>();
  /**
   * Those with something going on, few of a thousand; also some that are not in the map any more but
   * still say goodbye: in DHCPv6 the server confirms it.
   */
  readonly #busy = new Set<Keeper>();
  /** Before that time nothing is due for the others. */
  #restUntil = Infinity;
  /** Sockets to be closed. For each packet socket the kernel lets us wait some 10 ms. */
  readonly #unused: number[] = [];
  readonly #directory: string;
  readonly #flags: DaemonFlags;
  readonly #boot = bootId();
  readonly #log: (text: string) => void;
  readonly #env: KeeperEnv;

  constructor(directory: string, flags: DaemonFlags, log: (text: string) => void) {
    this.#directory = directory;
    this.#flags = flags;
    this.#log = log;
    this.#env = {
      timing: flags.timing,
      log,
      changed: (keeper) => this.#store(keeper),
      closeLater: (fd) => this.#unused.push(fd),
    };
  }

  get size(): number {
    return this.#keepers.size;
  }

  all(): Keeper[] {
    return [...this.#keepers.values()];
  }

  /** The clients that wait for replies. */
  waiting(): LinkClient<never, unknown>[] {
    return [...this.#busy].flatMap(({ clients }) => clients.filter(({ fd }) => fd !== undefined));
  }

  /** Does one thing that can wait until there is nothing else to do. */
  idle(): void {
    const fd = this.#unused.pop();
    if (fd !== undefined) sys.close(fd);
  }

  /** When `tick` is due, or `idle` could be of use. */
  get wakeAt(): number {
    let wakeAt = this.#unused.length > 0 ? 0 : this.#restUntil;
    for (const keeper of this.#busy) wakeAt = Math.min(wakeAt, keeper.wakeAt);
    return wakeAt;
  }

  /** Does what is due, and forgets what has ended. */
  tick(): void {
    if (this.#unused.length > mostUnused) this.idle();
    const time = now();
    if (time >= this.#restUntil) {
      this.#restUntil = Infinity;
      for (const keeper of this.#keepers.values()) {
        const { wakeAt } = keeper;
        if (wakeAt <= time) this.#busy.add(keeper);
        else this.#restUntil = Math.min(this.#restUntil, wakeAt);
      }
    }
    for (const keeper of this.#busy) {
      if (keeper.wakeAt <= time) keeper.onTimer();
      if (keeper.isOver) this.#forget(keeper);
      if (keeper.isOver || keeper.clients.every(({ fd }) => fd === undefined)) {
        this.#busy.delete(keeper);
        this.#restUntil = Math.min(this.#restUntil, keeper.wakeAt);
      }
    }
  }

  find(attachment: Attachment): Keeper | undefined {
    return this.#keepers.get(attachmentName(attachment));
  }

  /**
   * Gets leases for a link, or finds those that it has.
   * @param netns the namespace's path as this process sees it
   * @throws {Error} namespace or link cannot be used
   */
  acquire(request: LeaseRequest, netns: string): Keeper {
    const open = findLink(netns, request.attachment.ifName);
    try {
      const { id } = open;
      const known = this.find(request.attachment);
      if (known) {
        const { device, inode, index } = known.id;
        const isSame = device === id.device && inode === id.inode && index === id.index;
        if (isSame && !known.isOver) return known;
        this.release(known, "the container is another one now");
      }
      if (!open.link.up) open.netns.links.change(open.link.index, { up: true });
      if (request.choices.ipv6) enableIpv6(open.netns, request.attachment.ifName);
      const keeper = Keeper.of(this.#env, request, open, this.#flags.broadcast);
      this.#keepers.set(attachmentName(request.attachment), keeper);
      this.#busy.add(keeper);
      keeper.start();
      return keeper;
    } finally {
      open.netns.close();
    }
  }

  /** Gives the leases back and forgets them. */
  release(keeper: Keeper, why = "released"): void {
    keeper.release(why);
    this.#busy.add(keeper);
    this.#forget(keeper);
  }

  #forget(keeper: Keeper): void {
    if (this.find(keeper.attachment) !== keeper) return;
    this.#keepers.delete(attachmentName(keeper.attachment));
    this.#quietly(() => remove(this.#path(keeper.attachment, endings.held)));
  }

  #path(attachment: Attachment, ending: string): string {
    return `${this.#directory}/${leaseName(attachment)}${ending}`;
  }

  /** An acquisition that came to nothing leaves no file. */
  #store(keeper: Keeper): void {
    if (this.find(keeper.attachment) !== keeper || !keeper.isStorable) return;
    this.#quietly(() => {
      writeLease(this.#path(keeper.attachment, endings.held), keeper.stored(), this.#boot);
    });
  }

  /** A full disk must not stop the daemon: the leases are kept all the same. */
  #quietly(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#log(error.message);
    }
  }

  /** Goes on with what an earlier daemon left, and releases what was to be released. */
  load(): void {
    for (const file of list(this.#directory).sort()) {
      const ending = [endings.held, endings.unwanted].find((one) => file.endsWith(one));
      if (!ending) continue;
      const path = `${this.#directory}/${file}`;
      try {
        const stored = readLease(path, this.#boot);
        if (!stored) continue;
        if (this.#path(stored.attachment, ending) !== path) throw new Error("it is another's");
        this.#resume(stored, path, ending === endings.unwanted);
      } catch (error) {
        this.#log(`${file} is dropped: ${reasonOf(error)}`);
        this.#quietly(() => remove(path));
      }
    }
  }

  #resume(stored: StoredLease, path: string, isUnwanted: boolean): void {
    const { attachment, id, mac, broadcast, selection, choices } = stored;
    const request = { attachment, selection, choices };
    const keeper = new Keeper(this.#env, request, { id, mac, broadcast });
    this.#busy.add(keeper);
    if (isUnwanted || !isThere(id)) {
      const why = isUnwanted ? "DEL came meanwhile" : `${id.netns} or its link is gone`;
      this.#log(`${attachmentName(attachment)}: ${why}`);
      keeper.leave(stored);
      this.#quietly(() => remove(path));
      return;
    }
    this.#keepers.set(attachmentName(attachment), keeper);
    const spread = Math.max(1, this.#keepers.size / verifiesPerSecond);
    keeper.resume(stored, now() + spread + random());
  }
}

function enableIpv6(netns: ReturnType<typeof findLink>["netns"], ifName: string): void {
  for (const name of ["lo", ifName]) {
    const path = ["net", "ipv6", "conf", name, "disable_ipv6"] as const;
    if (netns.sysctl.readIfPresent(...path) === "1") netns.sysctl.write("0", ...path);
  }
}
