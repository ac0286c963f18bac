/** Traffic control of one namespace: `tc`. */
import { messageFlags } from "../netlink/message.ts";
import {
  type FilterRequest,
  filterMessage,
  type QdiscMessage,
  type QdiscRequest,
  qdiscMessage,
  type TbfOptions,
  terminal,
  trafficParents,
  type U32Options,
} from "../netlink/route/traffic.ts";
import { routeTypes } from "../netlink/route/types.ts";
import { isKernelError } from "./errors.ts";
import type { Netns } from "./netns.ts";
import { request } from "./socket.ts";

/** A token bucket that a link sends from: `tbf`. */
export interface Bucket {
  /** Bytes a second. */
  rate: number;
  /** Bytes that may wait; what comes when they do is dropped. */
  limit: number;
  /** What may be sent at once: how long the bucket takes to fill, in ticks of 64 ns. */
  buffer: number;
  /** The same in bytes, where that is exacter or `buffer` has too few bits. Absent when read. */
  burst?: number | undefined;
}

/** What a link sends from, or takes in by. */
export interface Qdisc {
  /** Of the link. */
  index: number;
  /** `tbf`, `ingress`, `noqueue`, ... */
  kind: string;
  /** `1:0` is 0x10000. */
  handle: number;
  parent: number;
  /** Of a `tbf`. */
  bucket?: Bucket;
}

/** `1:`, as the reference numbers it. */
const bucketHandle = 0x10000;
/** `ffff:`, the only one that the kernel allows. */
const ingressHandle = 0xffff0000;
/** Priority 1, and in the lower half ETH_P_ALL (3) in the order of the network. */
const firstOfAll = 0x10000 | (new Uint16Array(new Uint8Array([0, 3]).buffer)[0] as number);

/** The traffic control of one namespace: `netns.use(Traffic)`. */
export class Traffic {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** `tc qdisc add dev X root handle 1: tbf ...`. EEXIST: the link has a qdisc of that number. */
  addBucket(index: number, { rate, limit, buffer, burst }: Bucket): void {
    const wide = rate > 0xffffffff;
    const spec = { linkLayer: "ethernet", rate: wide ? 0xffffffff : rate } as const;
    const options = {
      params: { rate: spec, limit, buffer },
      rate64: wide ? rate : undefined,
      burst,
    };
    this.#add({ ...bucketOn(index), options });
  }

  /**
   * `tc qdisc del dev X root handle 1:`
   * @returns false if the link has no such bucket
   */
  removeBucket(index: number): boolean {
    return this.#remove(bucketOn(index));
  }

  /** `tc qdisc add dev X ingress`. EEXIST: the link has one, or a `clsact`. */
  addIngress(index: number): void {
    this.#add(ingressOn(index));
  }

  /**
   * Its filters go with it.
   * @returns false if the link has none
   */
  removeIngress(index: number): boolean {
    return this.#remove(ingressOn(index));
  }

  #add(message: QdiscRequest): void {
    const flags = messageFlags.create | messageFlags.exclusive;
    const what = `add ${this.#describe(message)}`;
    this.#netns.socket.transact([request(routeTypes.newQdisc, flags, qdiscMessage, message, what)]);
  }

  #remove(message: QdiscRequest): boolean {
    const what = `delete ${this.#describe(message)}`;
    try {
      this.#netns.socket.transact([
        request(routeTypes.deleteQdisc, 0, qdiscMessage, message, what),
      ]);
      return true;
    } catch (error) {
      // None there; one of another number; one of another kind. Or the link is gone.
      if (isKernelError(error, "ENOENT", "EINVAL", "ENODEV")) return false;
      throw error;
    }
  }

  #describe({ kind, index = 0 }: QdiscRequest): string {
    return `qdisc ${kind} of link ${this.#netns.links.nameOf(index)}`;
  }

  /** What the link sends from; undefined for one that has no qdisc at all. */
  root(index: number): Qdisc | undefined {
    const what = `look up the root qdisc of link ${this.#netns.links.nameOf(index)}`;
    const asked = { index, parent: trafficParents.root };
    // Linux before 6.7 tells only who also wants to hear of changes.
    const message = this.#netns.socket.ask(
      request(routeTypes.getQdisc, messageFlags.echo, qdiscMessage, asked, what, ["ENOENT"]),
      qdiscMessage,
    );
    return message && qdiscOf(message);
  }

  /** Of all links: the kernel tells of no fewer. */
  dump(): Qdisc[] {
    return this.#netns.socket
      .dump(request(routeTypes.getQdisc, 0, qdiscMessage, {}, "list qdiscs"), qdiscMessage)
      .map(qdiscOf);
  }

  /**
   * Lets all that comes in on a link, which has an ingress qdisc, go out on another.
   *
   *     tc filter add dev X parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 \
   *       action mirred egress redirect dev Y
   */
  redirect(from: number, to: number): void {
    const flags = messageFlags.create | messageFlags.exclusive;
    const params = { verdict: "stolen", action: "egress-redirect", index: to } as const;
    const message: FilterRequest = {
      index: from,
      parent: ingressHandle,
      info: firstOfAll,
      kind: "u32",
      options: {
        classId: 0x10001,
        selector: { flags: terminal, keys: [{}] },
        actions: [{ kind: "mirred", options: { params } }],
      },
    };
    const what = `redirect what comes in on link ${this.#netns.links.nameOf(from)}`;
    this.#netns.socket.transact([
      request(routeTypes.newFilter, flags, filterMessage, message, what),
    ]);
  }

  /** The links that something that comes in on a link is redirected to. */
  redirects(from: number): number[] {
    const what = `list the filters of link ${this.#netns.links.nameOf(from)}`;
    const asked = { index: from, parent: ingressHandle };
    return this.#netns.socket
      .dump(request(routeTypes.getFilter, 0, filterMessage, asked, what), filterMessage)
      .flatMap(({ kind, options }) =>
        kind === "u32" ? targets(options as U32Options | undefined) : [],
      );
  }
}

function bucketOn(index: number): QdiscRequest {
  return { index, handle: bucketHandle, parent: trafficParents.root, kind: "tbf" };
}

function ingressOn(index: number): QdiscRequest {
  return { index, handle: ingressHandle, parent: trafficParents.ingress, kind: "ingress" };
}

/** The kernel also lists the priority, and the table of hashes, that a filter is in. */
function targets({ actions = [] }: U32Options = {}): number[] {
  return actions.flatMap(({ kind, options }) => {
    if (kind !== "mirred" || !options || options instanceof Uint8Array) return [];
    const { params } = options;
    return params?.action === "egress-redirect" ? [params.index] : [];
  });
}

function qdiscOf({ index, kind = "", handle, parent, options }: QdiscMessage): Qdisc {
  const qdisc: Qdisc = { index, kind, handle, parent };
  const { params, rate64 } = ((kind === "tbf" && options) || {}) as TbfOptions;
  if (params) {
    const { rate, limit, buffer } = params;
    qdisc.bucket = { rate: rate64 ?? rate.rate, limit, buffer };
  }
  return qdisc;
}
