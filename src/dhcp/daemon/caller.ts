/** The plugin's side: calls the daemon, starts one, or leaves word for the next one. */

import { lookup } from "../../json/lookup.ts";
import { parse } from "../../json/parse.ts";
import { isObject, type JsonValue } from "../../json/types.ts";
import { exists, list, makeDirectories, readText } from "../../kernel/files.ts";
import { constants, isErrno, isSystemError, sys } from "../../sys/sys.ts";
import type { Attachment } from "../client-id.ts";
import { type CallArgs, type IncomingReply, type Method, RpcClient, RpcError } from "../rpc.ts";
import { unixAddress } from "./addresses.ts";
import { now } from "./clock.ts";
import { endings, leaseDirectory, leaseName } from "./places.ts";

/** No daemon answers at the socket. */
export class NoDaemon extends Error {
  override name = "NoDaemon";
}

/** What the daemon says went wrong. */
export class CallFailed extends Error {
  override name = "CallFailed";

  constructor(
    message: string,
    readonly detail: string,
  ) {
    super(message);
  }
}

/**
 * Calls the daemon and waits for its answer.
 * @param seconds how long; Infinity for as long as the daemon needs
 * @throws {NoDaemon} {@link CallFailed}
 */
export function callDaemon(
  socketPath: string,
  method: Method,
  args: CallArgs,
  seconds: number,
): IncomingReply {
  const fd = connect(socketPath);
  try {
    const rpc = new RpcClient();
    const deadline = now() + seconds;
    sendAll(fd, rpc.connect());
    while (!rpc.isConnected) receive(fd, rpc, deadline);
    sendAll(fd, rpc.call(method, args));
    let reply: IncomingReply | undefined;
    while (!reply) [reply] = receive(fd, rpc, deadline);
    if (reply.error !== undefined) throw new CallFailed(reply.error, reply.detail ?? "");
    return reply;
  } catch (error) {
    if (error instanceof RpcError) throw new CallFailed(error.message, "");
    if (isErrno(error, "EPIPE", "ECONNRESET")) throw new CallFailed("unexpected EOF", "");
    throw error;
  } finally {
    sys.close(fd);
  }
}

/** Whether a daemon answers. @throws what is wrong with the socket if it is not just absent */
export function isServed(socketPath: string): boolean {
  try {
    sys.close(connect(socketPath));
    return true;
  } catch (error) {
    if (error instanceof NoDaemon) return false;
    throw error;
  }
}

function connect(socketPath: string): number {
  const fd = sys.socket(constants.AF_UNIX, constants.SOCK_STREAM, 0);
  try {
    sys.connect(fd, unixAddress(socketPath));
    return fd;
  } catch (error) {
    sys.close(fd);
    if (!isErrno(error, "ENOENT", "ECONNREFUSED")) throw error;
    // In Go's words, as the reference has them.
    const why = error.code === "ENOENT" ? "no such file or directory" : "connection refused";
    throw new NoDaemon(`dial unix ${socketPath}: connect: ${why}`);
  }
}

function sendAll(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    done += sys.send(fd, data.subarray(done), constants.MSG_NOSIGNAL);
  }
}

function receive(fd: number, rpc: RpcClient, deadline: number): IncomingReply[] {
  const left = deadline === Infinity ? -1 : Math.max(0, Math.ceil((deadline - now()) * 1000));
  const [events] = sys.poll([fd, constants.POLLIN], left);
  if (!events) throw new CallFailed("the daemon does not answer in time", "");
  const { data } = sys.recv(fd, 0);
  if (data.length === 0) throw new CallFailed("unexpected EOF", "");
  return rpc.push(data);
}

/** How long a daemon that was started may take until it answers, in seconds. */
const startTime = 10;

/**
 * Starts a daemon that outlives this process; its log goes to `daemon.log` beside the leases. Where
 * two plugins start one at once, the lock lets one of them run.
 * @throws {Error} it does not answer
 */
export function startDaemon(socketPath: string): void {
  const directory = leaseDirectory(socketPath);
  makeDirectories(directory, 0o700);
  const log = `${directory}/daemon.log`;
  const { O_RDWR, O_WRONLY, O_CREAT, O_APPEND } = constants;
  const none = sys.open("/dev/null", O_RDWR);
  const errors = sys.open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  const argv = ["cnibox", "dhcp", "daemon", "-detach", "-socketpath", socketPath];
  const { PATH = "" } = sys.environ();
  sys.spawn(sys.executable(), argv, { PATH }, [none, none, errors]);
  sys.close(none);
  sys.close(errors);
  const deadline = now() + startTime;
  while (!isServed(socketPath)) {
    if (now() > deadline) throw new Error(`Cannot start a daemon: see ${log}`);
    sys.poll([], 20);
  }
}

/**
 * Leaves word that a lease is not wanted any more, for the daemon that is started next.
 * @returns whether there was a lease
 */
export function leaveWord(socketPath: string, attachment: Attachment): boolean {
  const path = `${leaseDirectory(socketPath)}/${leaseName(attachment)}`;
  try {
    sys.rename(path + endings.held, path + endings.unwanted);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** The attachments of a network that have a lease on disk. Files that are damaged are skipped. */
export function storedAttachments(socketPath: string, network: string): Attachment[] {
  const directory = leaseDirectory(socketPath);
  if (!exists(directory)) return [];
  const found: Attachment[] = [];
  for (const file of list(directory)) {
    if (!file.endsWith(endings.held)) continue;
    const attachment = readOwner(`${directory}/${file}`);
    if (attachment?.network === network) found.push(attachment);
  }
  return found;
}

function readOwner(path: string): Attachment | undefined {
  let document: JsonValue;
  try {
    document = parse(readText(path) ?? "");
  } catch (error) {
    if (isSystemError(error)) throw error;
    return undefined;
  }
  if (!isObject(document)) return undefined;
  const [containerId, network, ifName] = ["containerId", "network", "ifName"].map((key) =>
    lookup(document, key),
  );
  const isWhole =
    typeof containerId === "string" && typeof network === "string" && typeof ifName === "string";
  return isWhole ? { containerId, network, ifName } : undefined;
}

/** The directory that relative namespace paths start from. */
export function absolute(path: string): string {
  return path.startsWith("/") ? path : `${sys.readlink("/proc/self/cwd")}/${path}`;
}
