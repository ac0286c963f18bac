/**
 * The leases of a network on this node: a directory with a file per address.
 *
 *     /var/lib/cni/networks/net1/10.1.2.2             CONTAINERID\r\nIFNAME
 *     /var/lib/cni/networks/net1/last_reserved_ip.0   10.1.2.2
 *     /var/lib/cni/networks/net1/lock                 flock(2), also taken by the reference
 *
 * That a lease file exists is what makes the address taken. Names, bytes and modes are those of the
 * reference (plugins/ipam/host-local/backend/disk), so a node may change from one to the other and
 * back. Hidden names are ours: see `lease-index.ts` and `temporaryName`.
 */
import { isErrno, makeDirectories, withLock } from "../kernel/files.ts";
import { Leases, type StoreOptions } from "./leases.ts";

export class Store {
  readonly directory: string;
  readonly #options: StoreOptions;

  /** @param dataDir where the networks' directories are */
  constructor(dataDir: string, network: string, options: StoreOptions) {
    this.directory = `${dataDir}/${network}`;
    this.#options = options;
  }

  /** Runs `work` under the lock of the network, whose directory is made when missing. */
  use<T>(work: (leases: Leases) => T): T {
    const attempt = () => this.#locked(work, false);
    let done = attempt();
    if (!done) {
      makeDirectories(this.directory);
      done = attempt();
    }
    if (!done) throw new Error(`Cannot use ${this.directory}: it was removed at the same time`);
    return done.value;
  }

  /** As `use`, but where there is no directory nothing is made or run, and undefined returned. */
  useExisting<T>(work: (leases: Leases) => T): T | undefined {
    return this.#locked(work, false)?.value;
  }

  /** As `useExisting`; nothing is repaired either. */
  inspect<T>(work: (leases: Leases) => T): T | undefined {
    return this.#locked(work, true)?.value;
  }

  #locked<T>(work: (leases: Leases) => T, readOnly: boolean): { value: T } | undefined {
    let entered = false;
    try {
      return withLock(`${this.directory}/lock`, () => {
        entered = true;
        const leases = new Leases(this.directory, readOnly, this.#options);
        try {
          return { value: work(leases) };
        } finally {
          leases.finish();
        }
      });
    } catch (error) {
      if (!entered && isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}
