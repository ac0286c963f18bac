/** The link that a lease is for. Its namespace is opened when it is needed, and not kept alive. */
import { isKernelError } from "../../kernel/errors.ts";
import type { Link } from "../../kernel/links.ts";
import { Netns, NetnsError } from "../../kernel/netns.ts";
import { isSystemError, sys } from "../../sys/sys.ts";

/** How to find it again, and to know that it is the same. */
export interface LinkId {
  /** The path of the namespace. */
  readonly netns: string;
  /** Which namespace that was: device and inode of the file. */
  readonly device: number;
  readonly inode: number;
  readonly index: number;
  readonly name: string;
}

/** Namespace or link are not there any more, or the path leads to others now. */
export class LinkGone extends Error {
  override name = "LinkGone";
}

/** An open link; `close` the namespace when done. */
export interface OpenLink {
  readonly netns: Netns;
  readonly link: Link;
}

/**
 * Looks a link up by its name.
 * @throws what is wrong with the namespace; LinkGone if it has no such link
 */
export function findLink(path: string, name: string): OpenLink & { id: LinkId } {
  const netns = Netns.open(path);
  try {
    const link = netns.links.find(name);
    if (!link) throw new LinkGone(`${path} has no link "${name}"`);
    const { dev: device, ino: inode } = sys.fstat(netns.descriptor());
    return { netns, link, id: { netns: path, device, inode, index: link.index, name } };
  } catch (error) {
    netns.close();
    throw error;
  }
}

/** @throws {LinkGone} */
export function openLink(id: LinkId): OpenLink {
  let netns: Netns;
  try {
    netns = Netns.open(id.netns);
  } catch (error) {
    if (!(error instanceof NetnsError) || error.reason === "other") throw error;
    throw new LinkGone(`${id.netns} is gone`);
  }
  try {
    const { dev, ino } = sys.fstat(netns.descriptor());
    if (dev !== id.device || ino !== id.inode) {
      throw new LinkGone(`${id.netns} is another namespace now`);
    }
    const link = netns.links.find(id.index);
    if (!link) throw new LinkGone(`link "${id.name}" is gone`);
    return { netns, link };
  } catch (error) {
    netns.close();
    throw error;
  }
}

/** Runs `work` with the link open. */
export function withLink<T>(id: LinkId, work: (open: OpenLink) => T): T {
  const open = openLink(id);
  try {
    return work(open);
  } finally {
    open.netns.close();
  }
}

/** Whether the link is there, as the same. */
export function isThere(id: LinkId): boolean {
  try {
    return withLink(id, ({ link }) => link.name === id.name);
  } catch (error) {
    if (error instanceof LinkGone) return false;
    throw error;
  }
}

/** What went wrong, for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether the system refused, in contrast to a mistake of ours. */
export function isRefusal(error: unknown): boolean {
  return (
    isSystemError(error) ||
    isKernelError(error) ||
    error instanceof NetnsError ||
    error instanceof LinkGone
  );
}
