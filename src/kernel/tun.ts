/**
 * Tap devices: an interface whose other end is a file that a process holds, a virtual machine's
 * mostly. Made by ioctls on /dev/net/tun and not by netlink: `ip tuntap`.
 *
 * Source: drivers/net/tun.c, include/uapi/linux/if_tun.h.
 */
import { constants, isErrno, isSystemError, sys } from "../sys/sys.ts";
import { describeErrno } from "./errno-table.ts";
import { KernelError } from "./errors.ts";
import type { Link } from "./links.ts";
import type { Netns } from "./netns.ts";
import { findProgram, runProgram } from "./programs.ts";

/** A tap device to make. */
export interface TapSpec {
  name: string;
  /** Several files may be attached at once, each with a queue. */
  multiQueue: boolean;
  /** Who may attach to it without being privileged; absent: nobody. */
  owner?: number | undefined;
  /** As `owner`, a group. */
  group?: number | undefined;
  /** The SELinux context that the device is labelled with; default: that of this process. */
  selinuxContext?: string | undefined;
}

const device = "/dev/net/tun";
/** IFNAMSIZ; `struct ifreq` has the name, the flags, and room to 40 bytes. */
const nameSize = 16;
const requestSize = 40;

/**
 * Makes a tap that stays when nobody is attached. Frames come without a packet-information header,
 * and with a virtio one if whoever attaches does not ask otherwise.
 *
 * @returns the link, down
 * @throws KernelError, code EEXIST if the name is taken
 */
export function addTap(netns: Netns, spec: TapSpec): Link {
  if (spec.selinuxContext) makeLabelled(netns, spec, spec.selinuxContext);
  else make(netns, spec);
  try {
    return netns.links.get(spec.name);
  } catch (error) {
    netns.links.remove(spec.name);
    throw error;
  }
}

function taken(name: string): KernelError {
  return new KernelError(`Cannot add tap ${JSON.stringify(name)}: File exists`, "EEXIST");
}

function make(netns: Netns, spec: TapSpec): void {
  const { name, owner, group } = spec;
  try {
    // A tap is of the namespace that its file was opened in.
    const fd = sys.open(device, constants.O_RDWR, 0, netns.fd);
    try {
      const asked = request(spec);
      const got = sys.ioctl(fd, constants.TUNSETIFF, asked);
      // The kernel takes a name with a %d in it for a pattern.
      if (got.slice(0, nameSize).join() !== asked.slice(0, nameSize).join()) {
        throw new KernelError(`Cannot add tap ${JSON.stringify(name)}: Invalid argument`, "EINVAL");
      }
      if (owner !== undefined) sys.ioctl(fd, constants.TUNSETOWNER, owner);
      if (group !== undefined) sys.ioctl(fd, constants.TUNSETGROUP, group);
      // The last step: what failed before is gone with the file.
      sys.ioctl(fd, constants.TUNSETPERSIST, 1);
    } finally {
      letGo(fd);
    }
  } catch (error) {
    if (isErrno(error, "EBUSY")) throw taken(name);
    if (!isSystemError(error)) throw error;
    const what = `Cannot add tap ${JSON.stringify(name)}`;
    const { words, code } = describeErrno(error.errno);
    throw new KernelError(`${what}: ${words} (${error.syscall} ${device})`, code);
  }
}

/** What cannot be closed is closed at the end of the process: that is no reason to fail. */
function letGo(fd: number): void {
  try {
    sys.close(fd);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

function request({ name, multiQueue }: TapSpec): Uint8Array {
  const { IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE, IFF_TUN_EXCL } = constants;
  // Exclusive: without it the kernel attaches to a tap that has the name.
  const flags =
    IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL | (multiQueue ? IFF_MULTI_QUEUE : 0);
  const bytes = new Uint8Array(requestSize);
  bytes.set(sys.encodeUtf8(name).subarray(0, nameSize - 1));
  bytes.set(new Uint8Array(new Uint16Array([flags]).buffer), nameSize);
  return bytes;
}

/** Where a thread says which context the program has that it starts next. */
const execLabel = "/proc/thread-self/attr/exec";

/**
 * A tap has the context of the process that makes it (security/selinux/hooks.c,
 * selinux_tun_dev_alloc_security; the one for sockets does not count). A process can have another
 * context only by starting a program, and policies are written for `ip`: the reference runs it too.
 */
function makeLabelled(netns: Netns, spec: TapSpec, context: string): void {
  const { name, multiQueue, owner, group } = spec;
  const what = `Cannot add tap ${JSON.stringify(name)} with SELinux context "${context}"`;
  const ip = findProgram("ip");
  if (!ip) throw new KernelError(`${what}: the program "ip" is not in PATH`, "ENOENT");
  const args = ["tuntap", "add", "mode", "tap", "name", name, "vnet_hdr"];
  if (multiQueue) args.push("multi_queue");
  if (owner !== undefined) args.push("user", String(owner));
  if (group !== undefined) args.push("group", String(group));
  setExecLabel(context, what);
  try {
    const { status, stdout, stderr } = runProgram(ip, args, netns.fd);
    if (status === 0) return;
    throw new KernelError(`${what}: ${`${stderr}${stdout}`.trim() || `${ip} failed`}`, "EIO");
  } finally {
    setExecLabel("", what);
  }
}

/** An empty context: again what the policy says. */
function setExecLabel(context: string, what: string): void {
  try {
    const fd = sys.open(execLabel, constants.O_WRONLY);
    try {
      sys.write(fd, sys.encodeUtf8(context));
    } finally {
      sys.close(fd);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { words, code } = describeErrno(error.errno);
    throw new KernelError(`${what}: ${words} (${error.syscall} ${execLabel})`, code);
  }
}
