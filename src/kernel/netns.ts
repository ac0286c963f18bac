/**
 * Network namespaces. One `Netns` stands for one of them, and what is reached through it is in it:
 * `container.links.get("eth0")`. Nothing above the addon ever enters a namespace: sockets and files
 * are opened inside, and stay there.
 */
import { toHex } from "../addr/bytes.ts";
import { constants, isErrno, isSystemError, sys } from "../sys/sys.ts";
import { Addresses } from "./addresses.ts";
import { describeErrno } from "./errno-table.ts";
import { NetnsError } from "./errors.ts";
import { Links } from "./links.ts";
import { Routes } from "./routes.ts";
import { NetlinkSocket } from "./socket.ts";
import { Sysctl } from "./sysctl.ts";

export { NetnsError } from "./errors.ts";

/** Where a thread sees the namespace that it is in. */
const ownPath = "/proc/thread-self/ns/net";

/** Source: include/uapi/linux/magic.h. Before Linux 3.19 namespaces were files of procfs. */
const namespaceMagic = { nsfs: 0x6e736673, proc: 0x9fa0 } as const;

/** Source: include/uapi/asm-generic/socket.h. Since Linux 5.14. */
const SO_NETNS_COOKIE = 71;

type HandleClass<T> = new (netns: Netns) => T;

/** A network namespace: opened, made, or the own one. */
export class Netns {
  readonly path: string;
  /** Keeps the namespace alive and lets sockets be opened in it; undefined: the process's own. */
  readonly fd: number | undefined;
  #ownDescriptor: number | undefined;
  #socket: NetlinkSocket | undefined;
  #links: Links | undefined;
  #addresses: Addresses | undefined;
  #routes: Routes | undefined;
  #sysctl: Sysctl | undefined;
  readonly #handles = new Map<HandleClass<unknown>, { close?(): void }>();

  private constructor(path: string, fd: number | undefined) {
    this.path = path;
    this.fd = fd;
  }

  /** The namespace that the process is in. */
  static own(): Netns {
    return new Netns(ownPath, undefined);
  }

  /**
   * Opens a namespace by its path (`/run/netns/x`, `/proc/PID/ns/net`).
   *
   * Throws a NetnsError in the words of the reference (pkg/ns/ns_linux.go, GetNS).
   */
  static open(path: string): Netns {
    let fd: number | undefined;
    try {
      const magic = sys.statfs(path);
      if (magic !== namespaceMagic.nsfs && magic !== namespaceMagic.proc) {
        const text = `unknown FS magic on ${JSON.stringify(path)}: ${(magic >>> 0).toString(16)}`;
        throw new NetnsError(text, "not-a-namespace");
      }
      fd = sys.open(path, constants.O_RDONLY);
      return new Netns(path, fd);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const missing = error.code === "ENOENT";
      const verb = error.syscall === "statfs" ? "Statfs" : "open";
      const why = describeErrno(error.errno).words.toLowerCase(); // as Go writes it
      throw new NetnsError(
        `failed to ${verb} ${JSON.stringify(path)}: ${why}`,
        missing ? "missing" : "other",
      );
    }
  }

  /**
   * A fresh namespace, with `lo` (down) in it: `ip netns add`. Without a path it lives until it is
   * closed, or the last thing in it ends.
   * @param path a file that is made, and that the namespace is pinned to by a bind mount
   */
  static create(path?: string): Netns {
    const fd = sys.unshareNetns();
    if (path === undefined) return new Netns(`/proc/self/fd/${fd}`, fd);
    try {
      const { O_RDONLY, O_CREAT, O_EXCL, MS_BIND } = constants;
      sys.close(sys.open(path, O_RDONLY | O_CREAT | O_EXCL, 0o444));
      try {
        sys.mount(`/proc/self/fd/${fd}`, path, null, MS_BIND);
      } catch (error) {
        sys.unlink(path);
        throw error;
      }
    } catch (error) {
      sys.close(fd);
      throw error;
    }
    return new Netns(path, fd);
  }

  /** Removes what `create` pinned: `ip netns delete`. */
  static unpin(path: string): void {
    sys.umount(path, constants.MNT_DETACH);
    sys.unlink(path);
  }

  /** Whether both stand for the same namespace. */
  isSame(other: Netns): boolean {
    const mine = this.#identity();
    const others = other.#identity();
    return mine.ino === others.ino && mine.dev === others.dev;
  }

  #identity(): { dev: number; ino: number } {
    return this.fd === undefined ? sys.stat(ownPath) : sys.fstat(this.fd);
  }

  /**
   * Does `work` while no other process does so with this namespace: what must look before it changes
   * what it has seen. It is the lock of the reference's sbr, flock(2) on the file of the namespace.
   */
  exclusively<T>(work: () => T): T {
    const fd = this.descriptor();
    sys.flock(fd, constants.LOCK_EX);
    try {
      return work();
    } finally {
      sys.flock(fd, constants.LOCK_UN);
    }
  }

  /**
   * What no other namespace has had since the machine started, as hex digits; an inode's number is
   * soon used again. Undefined: the kernel does not tell.
   */
  cookie(): string | undefined {
    try {
      const { SOL_SOCKET } = constants;
      return toHex(sys.getsockopt(this.socket.fd, SOL_SOCKET, SO_NETNS_COOKIE, 8));
    } catch (error) {
      if (isErrno(error, "ENOPROTOOPT")) return undefined;
      throw error;
    }
  }

  /** A descriptor also of the own namespace: netlink takes namespaces as descriptors. */
  descriptor(): number {
    if (this.fd !== undefined) return this.fd;
    this.#ownDescriptor ??= sys.open(ownPath, constants.O_RDONLY);
    return this.#ownDescriptor;
  }

  /**
   * Lets go of the namespace and of the sockets in it. To be called once. Never throws: whatever
   * close(2) says, the descriptor is gone, and all work has been done.
   */
  close(): void {
    const handles = [...this.#handles.values()].map((handle) => () => handle.close?.());
    const descriptors = [this.#ownDescriptor, this.fd].map((fd) => () => {
      if (fd !== undefined) sys.close(fd);
    });
    for (const act of [() => this.#socket?.close(), ...handles, ...descriptors]) {
      try {
        act();
      } catch (error) {
        if (!isSystemError(error)) throw error;
      }
    }
    this.#socket = undefined;
    this.#handles.clear();
    this.#ownDescriptor = undefined;
  }

  /** The rtnetlink socket that all of the following share. */
  get socket(): NetlinkSocket {
    this.#socket ??= this.openSocket(constants.NETLINK_ROUTE);
    return this.#socket;
  }

  /**
   * Opens another netlink socket in this namespace.
   * @param protocol NETLINK_ROUTE, NETLINK_NETFILTER, ...
   * @param groups the notifications that come in, as bits of `sockaddr_nl`
   */
  openSocket(protocol: number, groups = 0): NetlinkSocket {
    try {
      return new NetlinkSocket(protocol, this.fd, groups);
    } catch (error) {
      // A descriptor of another kind of namespace, or of a file of procfs that is none.
      if (!isErrno(error, "EINVAL") || error.syscall !== "setns") throw error;
      throw new NetnsError(
        `not a network namespace: ${JSON.stringify(this.path)}`,
        "not-a-namespace",
      );
    }
  }

  /** `ip link` */
  get links(): Links {
    this.#links ??= new Links(this);
    return this.#links;
  }

  /** `ip address` */
  get addresses(): Addresses {
    this.#addresses ??= new Addresses(this);
    return this.#addresses;
  }

  /** `ip route` */
  get routes(): Routes {
    this.#routes ??= new Routes(this);
    return this.#routes;
  }

  /** `sysctl` */
  get sysctl(): Sysctl {
    this.#sysctl ??= new Sysctl(this);
    return this.#sysctl;
  }

  /**
   * The handle for what only some applets touch, made when it is first asked for:
   * `netns.use(Nft)`. Named by its class, so that an applet without it need not load its code.
   */
  use<T extends object>(Class: HandleClass<T>): T {
    const handle = (this.#handles.get(Class) as T | undefined) ?? new Class(this);
    this.#handles.set(Class, handle);
    return handle;
  }
}
