/**
 * What the C++ addon (`native/`) offers: one function per system call, no policy.
 *
 * The same addon source is loaded by Node (`node.ts`) and linked into the engine executable
 * (`engine.ts`), so nothing above this file can tell the hosts apart.
 *
 * Every failure throws a {@link SystemError}; EINTR is retried inside the addon. Every descriptor
 * is opened close-on-exec. Paths and other strings are UTF-8; a NUL inside one is refused (EINVAL).
 */
export interface Addon {
  /** The kernel's numbers for this architecture, by their C names (`O_CREAT`, `AF_NETLINK`, ...). */
  readonly constants: Readonly<Record<ConstantName, number>>;

  // ── this process ──────────────────────────────────────────────────────────────────────────
  /** The argument vector; `[0]` is how this program was called. */
  argv(): string[];
  /** The environment. A variable that is set twice keeps its first value, as in getenv(3). */
  environ(): Record<string, string>;
  /** The file that runs, absolute, links resolved: the executable, or the script on the Node host. */
  executable(): string;
  getpid(): number;
  /** Leaves at once, without unwinding: exit_group(2). Descriptors are written through, so nothing is lost. */
  exit(status: number): never;

  // ── files ─────────────────────────────────────────────────────────────────────────────────
  /**
   * open(2) with O_CLOEXEC.
   * @param netns a namespace descriptor: the file is opened as seen from that network namespace
   *   (for /proc/sys/net); the calling thread is back in its own namespace on return.
   * @param orNull null where there is no such file (ENOENT, ENOTDIR), also below: an error takes as long
   *   as dozens of calls
   */
  open(path: string, flags: number, mode?: number, netns?: number): number;
  open(path: string, flags: number, mode: number, netns: number, orNull: true): number | null;
  close(fd: number): void;
  /** read(2): at most `length` bytes; an empty array is the end of the file. */
  read(fd: number, length: number): Uint8Array;
  /** write(2): returns how many bytes were taken. */
  write(fd: number, data: Uint8Array): number;
  fsync(fd: number): void;
  ftruncate(fd: number, length: number): void;
  fchmod(fd: number, mode: number): void;
  fchown(fd: number, uid: number, gid: number): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  symlink(target: string, path: string): void;
  readlink(path: string): string;
  readlink(path: string, orNull: true): string | null;
  /** realpath(3). */
  realpath(path: string): string;
  unlink(path: string): void;
  mkdir(path: string, mode: number): void;
  rmdir(path: string): void;
  /** Sets the time of last access and of last change, in seconds since the epoch: utimensat(2). */
  utimes(path: string, time: number): void;
  /** The names in a directory, without `.` and `..`, in the order of the kernel. */
  readdir(path: string): string[];
  stat(path: string): Stat;
  stat(path: string, orNull: true): Stat | null;
  lstat(path: string): Stat;
  lstat(path: string, orNull: true): Stat | null;
  fstat(fd: number): Stat;
  /** The `f_type` magic of the file system that holds `path`: statfs(2). */
  statfs(path: string): number;
  /** flock(2). Throws EAGAIN (EWOULDBLOCK is the same) when LOCK_NB is given and another holds it. */
  flock(fd: number, operation: number): void;

  // ── namespaces ────────────────────────────────────────────────────────────────────────────
  /**
   * Makes a fresh network namespace and returns a descriptor that keeps it alive. The calling thread
   * is back in its own namespace on return (unshare(2), then setns(2)).
   */
  unshareNetns(): number;
  /** mount(2); `null` where the kernel takes a null pointer. */
  mount(source: string | null, target: string, type: string | null, flags: number): void;
  /** umount2(2). */
  umount(target: string, flags: number): void;

  // ── sockets ───────────────────────────────────────────────────────────────────────────────
  /** socket(2) with SOCK_CLOEXEC, opened inside the network namespace `netns` if one is given. */
  socket(domain: number, type: number, protocol: number, netns?: number): number;
  /** bind(2); `address` is the whole sockaddr, family included, in the kernel's layout. */
  bind(fd: number, address: Uint8Array): void;
  connect(fd: number, address: Uint8Array): void;
  listen(fd: number, backlog: number): void;
  accept(fd: number): number;
  getsockname(fd: number): Uint8Array;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array | number): void;
  getsockopt(fd: number, level: number, name: number, length: number): Uint8Array;
  /**
   * SO_ATTACH_FILTER: packets that this classic BPF program returns 0 for never get to the socket.
   * @param program `struct sock_filter`, one after the other, in the kernel's layout
   */
  attachFilter(fd: number, program: Uint8Array): void;
  shutdown(fd: number, how: number): void;
  /** socketpair(2) with SOCK_CLOEXEC. */
  socketpair(domain: number, type: number): [number, number];
  /** send(2), or sendto(2) with an address. One call, one datagram. */
  send(fd: number, data: Uint8Array, flags: number, address?: Uint8Array): number;
  /**
   * One whole datagram: its size is asked for first (MSG_PEEK|MSG_TRUNC), so none is ever cut.
   * Stream sockets return what is there, at most 64 KiB; an empty array is the end.
   */
  recv(fd: number, flags: number): Datagram;
  /** sendmsg(2) of one byte, and of descriptors (SCM_RIGHTS, unix(7)). */
  sendDescriptors(fd: number, descriptors: number[]): void;
  /**
   * ioctl(2).
   * @param data a buffer that the kernel reads and writes, or the number that some requests take
   *   in its place (e.g. TUNSETOWNER)
   * @returns the buffer afterwards (a copy: `data` stays as it is); empty for a number
   */
  ioctl(fd: number, request: number, data: Uint8Array | number): Uint8Array;
  /**
   * poll(2).
   * @param fds pairs of descriptor and events, flat: `[fd, events, fd, events, ...]`
   * @param timeout milliseconds; -1 waits for ever
   * @returns the `revents` of each pair; all 0 on a time-out
   */
  poll(fds: number[], timeout: number): number[];

  // ── processes ─────────────────────────────────────────────────────────────────────────────
  /** pipe2(2): `[read end, write end]`. */
  pipe(): [number, number];
  /**
   * Starts a program (vfork and execve) with the three standard descriptors given; all others are
   * closed. Throws what execve said.
   * @param netns a namespace descriptor: the program starts in that network namespace
   */
  spawn(
    path: string,
    argv: string[],
    environ: Record<string, string>,
    stdio: [stdin: number, stdout: number, stderr: number],
    netns?: number,
  ): number;
  /** waitpid(2) without options: waits until the child has ended. */
  waitpid(pid: number): ExitStatus;
  kill(pid: number, signal: number): void;
  /** setsid(2): away from the terminal, session and process group of whoever started us. */
  setsid(): void;
  /**
   * Makes signals something to read: from now on each that arrives is one byte, its number, on the
   * returned descriptor (non-blocking), and ends nothing. An earlier descriptor gets no more.
   */
  catchSignals(signals: number[]): number;

  // ── time, random, text ────────────────────────────────────────────────────────────────────
  /** clock_gettime(2), in seconds; nanoseconds are in the fraction as far as a double holds them. */
  clock(id: number): number;
  /** getrandom(2): `length` bytes, at most 256. */
  random(length: number): Uint8Array;
  /** SHA-512: 64 bytes. It would take the engine a hundred times as long. */
  digest(data: Uint8Array): Uint8Array;
  /** UTF-8 bytes of a string; a lone surrogate becomes U+FFFD. */
  encodeUtf8(text: string): Uint8Array;
  /** The text of UTF-8 bytes; each invalid sequence becomes U+FFFD, as in the WHATWG decoder. */
  decodeUtf8(data: Uint8Array): string;
}

/** What stat(2) tells. Times are seconds since the epoch. */
export interface Stat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  mtime: number;
}

/** A received datagram and the sockaddr of its sender (empty where the kernel gives none). */
export interface Datagram {
  data: Uint8Array;
  address: Uint8Array;
}

/** How a child ended: by exit(2) with `status`, or by `signal`; the other is null. */
export interface ExitStatus {
  status: number | null;
  signal: number | null;
}

/** The constants that the addon exports; each is the C header's value on this architecture. */
export type ConstantName =
  | `O_${"RDONLY" | "WRONLY" | "RDWR" | "CREAT" | "EXCL" | "TRUNC" | "APPEND" | "DIRECTORY" | "NOFOLLOW" | "NONBLOCK" | "TMPFILE" | "PATH"}`
  | `S_${"IFMT" | "IFREG" | "IFDIR" | "IFLNK" | "IFSOCK" | "IFIFO" | "IFCHR" | "IFBLK"}`
  | `LOCK_${"SH" | "EX" | "NB" | "UN"}`
  | `AF_${"UNSPEC" | "UNIX" | "INET" | "INET6" | "NETLINK" | "PACKET" | "BRIDGE"}`
  | `SOCK_${"STREAM" | "DGRAM" | "RAW" | "SEQPACKET" | "NONBLOCK"}`
  | `SOL_${"SOCKET" | "NETLINK" | "PACKET"}`
  | `SO_${"RCVBUF" | "SNDBUF" | "RCVBUFFORCE" | "SNDBUFFORCE" | "RCVTIMEO" | "SNDTIMEO" | "BINDTODEVICE" | "BROADCAST" | "REUSEADDR" | "ERROR"}`
  | `NETLINK_${"ROUTE" | "NETFILTER" | "GENERIC" | "EXT_ACK" | "GET_STRICT_CHK" | "CAP_ACK" | "ADD_MEMBERSHIP"}`
  | `MSG_${"PEEK" | "TRUNC" | "DONTWAIT" | "NOSIGNAL"}`
  | `POLL${"IN" | "OUT" | "ERR" | "HUP" | "NVAL"}`
  | `MS_${"BIND" | "REC" | "SHARED" | "PRIVATE" | "SLAVE"}`
  | `MNT_DETACH`
  | `CLOCK_${"REALTIME" | "MONOTONIC" | "BOOTTIME"}`
  | `SIG${"TERM" | "KILL" | "INT" | "HUP" | "PIPE"}`
  | `SHUT_${"RD" | "WR" | "RDWR"}`
  | `TUNSET${"IFF" | "OWNER" | "GROUP" | "PERSIST"}`
  | `IFF_${"TAP" | "NO_PI" | "VNET_HDR" | "MULTI_QUEUE" | "TUN_EXCL"}`;
