/** The two network namespaces of a call, and the guard against mixing them up. */
import type { Netns } from "../kernel/netns.ts";
import { sys } from "../sys/sys.ts";
import { CniError } from "./errors.ts";

/**
 * How namespaces are opened. An applet that needs none is built without, so that calling it does not
 * load the netlink code.
 */
export interface Namespaces {
  own(): Netns;
  open(path: string): Netns;
}

/**
 * Whether `path` is the namespace that this thread is in; a path that leads nowhere is not.
 *
 * The reference compares after ADD has run (pkg/ns/ns_linux.go, CheckNetNS); skel asks before, so
 * that nothing is made, or deleted, in the host's own namespace.
 */
export function isOwnNetns(path: string): boolean {
  if (path === "") return false;
  let named: { dev: number; ino: number };
  try {
    named = sys.stat(path);
  } catch {
    return false;
  }
  try {
    const own = sys.stat("/proc/thread-self/ns/net");
    return named.dev === own.dev && named.ino === own.ino;
  } catch {
    throw new CniError("InvalidNetNS", "get plugin's netns failed");
  }
}

/** What the guard throws. */
export function ownNetnsError(): CniError {
  return new CniError(
    "InvalidNetNS",
    "plugin's netns and netns from CNI_NETNS should not be the same",
  );
}

/** Opens the container's namespace, or says why not, in the words of the reference. */
export function openContainer(namespaces: Namespaces, path: string): Netns {
  try {
    return namespaces.open(path);
  } catch (error) {
    throw openFailure(path, error);
  }
}

/**
 * The container's namespace for DEL: one that is not given, or gone, is nothing to complain of. Nor
 * is a plain file, which an unmount leaves in its place; that is worth a warning. Any other failure
 * is returned as `problem`.
 */
export function openContainerToDelete(
  namespaces: Namespaces,
  path: string,
  warn: (message: string) => void,
): { container?: Netns; problem?: Error } {
  if (path === "") return {};
  try {
    return { container: namespaces.open(path) };
  } catch (error) {
    const problem = error as Error & { reason?: string };
    if (problem.reason === "missing") return {};
    if (problem.reason !== "not-a-namespace") return { problem: openFailure(path, problem) };
    warn(`going on without the container: ${problem.message}`);
    return {};
  }
}

function openFailure(path: string, error: unknown): CniError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CniError("InvalidNetNS", `failed to open netns "${path}": ${reason}`);
}
