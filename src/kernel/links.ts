/** Network interfaces of one namespace: `ip link`. */
import { messageFlags } from "../netlink/message.ts";
import { type LinkRequest, linkMessage, linkSummary } from "../netlink/route/link.ts";
import { routeGroups, routeTypes } from "../netlink/route/types.ts";
import { constants } from "../sys/sys.ts";
import { isKernelError, KernelError } from "./errors.ts";
import {
  changeMessage,
  type Link,
  type LinkChanges,
  type LinkSpec,
  linkOf,
  newLinkMessage,
} from "./link.ts";
import type { Netns } from "./netns.ts";
import { randomHex } from "./random.ts";
import { request } from "./socket.ts";
import { toWire } from "./text.ts";
import { untilDeadline } from "./wait.ts";

export * from "./link.ts";

/** IFNAMSIZ, less the NUL; longer names are alternative names. */
const maxName = 15;
/** ALTIFNAMSIZ, less the NUL. */
const maxAltName = 127;

/** The links of one namespace: `netns.links`. */
export class Links {
  readonly #netns: Netns;
  /** Names of indexes that were seen, for error messages. */
  readonly #names = new Map<number, string>();

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** `ip link show dev X`, without statistics; undefined: there is none of that name or index. */
  find(nameOrIndex: string | number): Link | undefined {
    if (!isUsable(nameOrIndex)) return undefined;
    const asked = { ...selector(nameOrIndex), extensions: ["skipStats"] } as const;
    const what = `look up link ${quoted(nameOrIndex)}`;
    const { socket } = this.#netns;
    const message = socket.ask(
      request(routeTypes.getLink, 0, linkMessage, asked, what, ["ENODEV"]),
      linkSummary,
    );
    return message && this.#seen(linkOf(message));
  }

  /** As `find`, but throws a KernelError (ENODEV) `Link "x" not found`. */
  get(nameOrIndex: string | number): Link {
    const link = this.find(nameOrIndex);
    if (!link) throw new KernelError(`Link ${quoted(nameOrIndex)} not found`, "ENODEV");
    return link;
  }

  /**
   * `ip link add NAME ... type KIND ...`: makes a link with all that is said of it, in one message.
   * A veth pair is made whole: the other end with its own name, MTU, MAC and namespace.
   *
   * Throws a KernelError with code EEXIST if the name is taken where the link, or its other end,
   * lands.
   * @returns the link, also if it lands in another namespace. As it was when it was made: its
   *   `operState` may be on the move.
   */
  add(spec: LinkSpec): Link {
    const { name, netns, up, interim = `cni${randomHex(8)}` } = spec;
    let refusal: KernelError;
    try {
      return this.#add(spec);
    } catch (error) {
      if (!netns || !isKernelError(error, "EEXIST") || netns.links.find(name)) throw error;
      refusal = error;
    }
    // Linux before 6.13 looks for the name where it is asked, not where the link lands.
    if (spec.interim) netns.links.remove(interim);
    let made: Link;
    try {
      made = this.#add({ ...spec, name: interim, up: false });
    } catch (error) {
      throw isKernelError(error, "EEXIST") ? refusal : error; // a veth's other end
    }
    try {
      netns.links.change(made.index, { name, up: up || undefined });
    } catch (error) {
      netns.links.remove(made.index);
      throw error;
    }
    return lookUp(netns.links, name);
  }

  #add(spec: LinkSpec): Link {
    const { create, exclusive, echo } = messageFlags;
    // The kernel (6.2 or later) tells what it made, but only in the namespace that was asked.
    const flags = create | exclusive | (spec.netns ? 0 : echo);
    const what = `add ${spec.info.kind} link ${quoted(spec.name)}`;
    let made: Link | undefined;
    this.#netns.socket.transact(
      [request(routeTypes.newLink, flags, linkMessage, newLinkMessage(spec), what)],
      (_index, header, payload) => {
        if (header.type === routeTypes.newLink) made = linkOf(linkSummary.read(payload));
      },
    );
    if (!made) return lookUp((spec.netns ?? this.#netns).links, spec.name);
    if (spec.master) made.master = spec.master; // told before it became part of it
    return this.#seen(made);
  }

  /** `ip link set dev X ...`: all changes in one message. */
  change(index: number, changes: LinkChanges): void {
    const what = `change ${Object.keys(changes).join(", ")} of link ${this.nameOf(index)}`;
    const message = changeMessage(index, changes);
    this.#netns.socket.transact([request(routeTypes.newLink, 0, linkMessage, message, what)]);
    if (changes.name !== undefined) this.#names.set(index, changes.name);
  }

  /**
   * `ip link delete dev X`. The other end of a veth pair goes with it.
   * @returns false if it was not there
   */
  remove(nameOrIndex: string | number): boolean {
    if (!isUsable(nameOrIndex)) return false;
    const shown = typeof nameOrIndex === "number" ? this.nameOf(nameOrIndex) : quoted(nameOrIndex);
    const asked = request(
      routeTypes.deleteLink,
      0,
      linkMessage,
      selector(nameOrIndex),
      `delete link ${shown}`,
    );
    try {
      this.#netns.socket.transact([asked]);
      return true;
    } catch (error) {
      if (isKernelError(error, "ENODEV")) return false;
      throw error;
    }
  }

  /** `ip link show [master INDEX] [type KIND]`. Its cost grows with the node: not for every call. */
  dump(filter: { master?: number; kind?: string } = {}): Link[] {
    const { master, kind } = filter;
    const asked = {
      extensions: ["skipStats"],
      ...(master !== undefined && { master }),
      ...(kind !== undefined && { info: { kind } }),
    } as LinkRequest;
    return this.#netns.socket
      .dump(request(routeTypes.getLink, 0, linkMessage, asked, "list links"), linkSummary)
      .map((message) => this.#seen(linkOf(message)))
      .filter(
        (link) =>
          (master === undefined || link.master === master) &&
          (kind === undefined || link.info?.kind === kind),
      );
  }

  /**
   * Waits until a link works (`operState` is `up`), hearing of it from the kernel.
   * @param timeout milliseconds
   * @returns the link as it was last seen; whoever needs it up looks at its `operState`
   */
  waitUntilUp(index: number, timeout: number): Link {
    const first = this.get(index);
    if (first.operState === "up") return first;
    const monitor = this.#netns.openSocket(constants.NETLINK_ROUTE, routeGroups.link);
    try {
      let link = this.get(index); // it may have come up before the monitor listened
      untilDeadline(timeout, (left) => {
        if (link.operState === "up") return true;
        const heard = monitor.listen(left, ({ type }, payload) => {
          if (type !== routeTypes.newLink && type !== routeTypes.deleteLink) return;
          const message = linkSummary.read(payload);
          if (message.index !== index) return;
          if (type === routeTypes.newLink) link = linkOf(message);
          else throw new KernelError(`Link "${link.name}" not found`, "ENODEV");
        });
        if (heard === "lost") link = this.get(index);
        return false;
      });
      return link;
    } finally {
      monitor.close();
    }
  }

  #seen(link: Link): Link {
    this.#names.set(link.index, link.name);
    return link;
  }

  /** For error messages: the name in quotes if it was seen before, else the index. Asks nobody. */
  nameOf(index: number): string {
    const name = this.#names.get(index);
    return name === undefined ? String(index) : quoted(name);
  }
}

/** The link that was just made: whoever gets an error instead cannot know that it is there. */
function lookUp(links: Links, name: string): Link {
  try {
    return links.get(name);
  } catch (error) {
    links.remove(name);
    throw error;
  }
}

/** Whether the kernel can have a link of this name or index at all. */
function isUsable(nameOrIndex: string | number): boolean {
  if (typeof nameOrIndex === "number") return nameOrIndex > 0;
  return nameOrIndex !== "" && toWire(nameOrIndex).length <= maxAltName;
}

function selector(nameOrIndex: string | number): LinkRequest {
  if (typeof nameOrIndex === "number") return { index: nameOrIndex };
  const name = toWire(nameOrIndex);
  return name.length <= maxName ? { name } : { altName: name };
}

function quoted(nameOrIndex: string | number): string {
  return typeof nameOrIndex === "number" ? String(nameOrIndex) : JSON.stringify(nameOrIndex);
}
