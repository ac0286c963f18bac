/**
 * nf_tables of one namespace: questions by name, and changes in transactions.
 *
 * Nothing here lists what grows with the node, except where a function says so. Sources:
 * net/netfilter/nfnetlink.c (batches) and nf_tables_api.c.
 */
import type { Codec } from "../netlink/codec.ts";
import { type Chain, chainMessage } from "../netlink/nftables/chain.ts";
import { countMessage, type Element, elementsMessage } from "../netlink/nftables/element.ts";
import {
  batchBegin,
  batchEnd,
  batchMessage,
  batchResource,
  generationMessage,
  messageTypes,
} from "../netlink/nftables/header.ts";
import type { Rule } from "../netlink/nftables/rule.ts";
import { type NftSet, setMessage } from "../netlink/nftables/set.ts";
import { type Table, tableMessage } from "../netlink/nftables/table.ts";
import type { Reader } from "../netlink/wire.ts";
import { constants, isErrno } from "../sys/sys.ts";
import { isKernelError } from "./errors.ts";
import type { Netns } from "./netns.ts";
import { type Change, label, type TableName } from "./nft-names.ts";
import { askRules } from "./nft-rules.ts";
import { explainRefusal, NftUnsupported } from "./nft-support.ts";
import { type NetlinkSocket, type Request, request } from "./socket.ts";

/** A question about one object. `Nft.look` fills in the answer. */
export interface Question<Out> {
  readonly asked: Request;
  read(payload: Reader): void;
  /** Undefined if there is no such object. */
  answer: Out | undefined;
}

/** No such object, or no such family, on kernels that were built without. */
const absent = ["ENOENT", "EOPNOTSUPP", "EAFNOSUPPORT"] as const;

/** Asks for a table. */
export function askTable({ family, table }: TableName): Question<Table> {
  return question(
    messageTypes.getTable,
    tableMessage,
    { family, name: table },
    `look up ${label(family, table)}`,
    (answer) => answer,
  );
}

/** Asks for a chain, without its rules. */
export function askChain({ family, table }: TableName, name: string): Question<Chain> {
  return question(
    messageTypes.getChain,
    chainMessage,
    { family, table, name },
    `look up chain ${name} of ${label(family, table)}`,
    (answer) => answer,
  );
}

/** Asks for a set, without its elements. */
export function askSet({ family, table }: TableName, name: string): Question<NftSet> {
  return question(
    messageTypes.getSet,
    setMessage,
    { family, table, name },
    `look up ${name} of ${label(family, table)}`,
    (answer) => answer,
  );
}

/** Asks for the element of a set that has this key. */
export function askElement(
  { family, table }: TableName,
  set: string,
  key: Uint8Array,
): Question<Element> {
  return question(
    messageTypes.getSetElem,
    elementsMessage,
    { family, table, set, elements: [{ key: { value: key } }] },
    `look up an element of ${set} of ${label(family, table)}`,
    (answer) => answer.elements?.[0],
  );
}

function question<In, Answer, Out>(
  type: number,
  codec: Codec<In, Answer>,
  value: In,
  what: string,
  pick: (answer: Answer) => Out | undefined,
): Question<Out> {
  return {
    asked: request(type, 0, codec, value, what, absent),
    answer: undefined,
    read(payload) {
      this.answer = pick(codec.read(payload));
    },
  };
}

/** The nf_tables of one namespace: `netns.use(Nft)`. */
export class Nft {
  readonly #netns: Netns;
  #socket: NetlinkSocket | undefined;
  /** The generation that the last `look` saw. */
  #seen: number | undefined;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** Closes its socket; the namespace does it for all that it gave. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Throws NftUnsupported on a kernel without nf_tables. */
  get #open(): NetlinkSocket {
    try {
      this.#socket ??= this.#netns.openSocket(constants.NETLINK_NETFILTER);
      return this.#socket;
    } catch (error) {
      if (!isErrno(error, "EPROTONOSUPPORT")) throw error;
      throw new NftUnsupported("use nf_tables", ["CONFIG_NETFILTER_NETLINK", "CONFIG_NF_TABLES"]);
    }
  }

  /** Whether the kernel has nf_tables at all. */
  isSupported(): boolean {
    try {
      this.look([]);
      return true;
    } catch (error) {
      if (error instanceof NftUnsupported) return false;
      throw error;
    }
  }

  /**
   * Asks all questions in one write.
   * @returns the generation that the answers belong to: what is committed with it is refused if
   *   anything changed since
   */
  look(questions: readonly Question<unknown>[]): number {
    let generation: number | undefined;
    for (const question of questions) question.answer = undefined;
    try {
      const asked = questions.map((question) => question.asked);
      this.#open.transact([generationRequest, ...asked], (index, _header, payload) => {
        if (index === 0) generation = generationMessage.read(payload).generation;
        else questions[index - 1]?.read(payload);
      });
    } catch (error) {
      // nfnetlink knows no such subsystem, and could not load its module.
      if (generation !== undefined || !isKernelError(error, "EINVAL", "EOPNOTSUPP")) throw error;
      throw new NftUnsupported("use nf_tables", ["CONFIG_NF_TABLES"]);
    }
    this.#seen = generation;
    return generation as number;
  }

  /**
   * The rules of one chain, in order; none if there is no such chain.
   * @param keep looks at a rule's message; those it does not want are not decoded
   */
  rules({ family, table }: TableName, chain: string, keep?: (payload: Reader) => boolean): Rule[] {
    const { asked, codec } = askRules({ family, table }, chain);
    const rules = this.#dump(asked, codec, keep);
    // Kernels before 4.13 ignore what they cannot filter by.
    return rules.filter((rule) => rule.table === table && rule.chain === chain);
  }

  /** All chains of a table. Reads all chains of the family: for GC only. */
  chains({ family, table }: TableName): Chain[] {
    const what = `list the chains of ${label(family, table)}`;
    const asked = request(messageTypes.getChain, 0, chainMessage, { family }, what);
    return this.#dump(asked, chainMessage).filter((chain) => chain.table === table);
  }

  /** All elements of a set, which may be as many as the node has attachments: for GC only. */
  elements({ family, table }: TableName, set: string): Element[] {
    const what = `list ${set} of ${label(family, table)}`;
    const value = { family, table, set };
    const asked = request(messageTypes.getSetElem, 0, elementsMessage, value, what);
    return this.#dump(asked, elementsMessage).flatMap((part) => part.elements ?? []);
  }

  /** All sets and maps of a table. */
  sets({ family, table }: TableName): NftSet[] {
    const what = `list the sets of ${label(family, table)}`;
    const asked = request(messageTypes.getSet, 0, setMessage, { family, table }, what);
    return this.#dump(asked, setMessage).filter((set) => set.table === table);
  }

  /** Whether a set has more than `count` elements. Reads no more of it than that takes. */
  hasMore({ family, table }: TableName, set: string, count: number): boolean {
    const what = `count ${set} of ${label(family, table)}`;
    const value = { family, table, set };
    // A socket of its own: the kernel goes on with what is read to the end nowhere else.
    const socket = this.#netns.openSocket(constants.NETLINK_NETFILTER);
    let left = count;
    try {
      socket.dumpUntil(
        request(messageTypes.getSetElem, 0, elementsMessage, value, what),
        countMessage,
        ({ elements = [] }) => {
          left -= elements.length;
          return left < 0;
        },
      );
    } finally {
      socket.close();
    }
    return left < 0;
  }

  #dump<Out>(asked: Request, codec: Codec<never, Out>, keep?: (payload: Reader) => boolean): Out[] {
    try {
      return this.#open.dump(asked, codec, keep);
    } catch (error) {
      if (isKernelError(error, ...absent)) return [];
      throw error;
    }
  }

  /**
   * Does all changes or none.
   * @param generation from `look`: refuses (ERESTART) if anything was changed since
   * @throws KernelError that names the first change refused, NftUnsupported
   */
  commit(changes: readonly Change[], generation?: number): void {
    if (changes.length === 0) return;
    const requests = [bracket(batchBegin, generation), ...changes, bracket(batchEnd)];
    try {
      this.#open.transact(requests);
    } catch (error) {
      throw isKernelError(error) ? explainRefusal(error, changes) : error;
    }
  }

  /**
   * Looks and then changes, once more if another process came between. Whoever lost a race stands in
   * line with others that did: else hundreds would keep each other from getting anything done.
   * @param attempt looks, commits, and leaves nothing behind when that throws
   */
  retry<T>(attempt: () => T): T {
    const again = (left: number): T => {
      try {
        return attempt();
      } catch (error) {
        if (!isKernelError(error, ...raced) || left === 0) throw error;
        // If nothing was committed since, the refusal is no race, and would come again.
        const seen = this.#seen;
        if (seen === this.look([]) && !isKernelError(error, "EINTR", "ERESTART")) throw error;
        return left < maxRounds ? again(left - 1) : this.#netns.exclusively(() => again(left - 1));
      }
    };
    return again(maxRounds);
  }
}

/** How a race shows: what was there is gone, or what was not there is. */
const raced = ["ERESTART", "EINTR", "EEXIST", "ENOENT", "EBUSY"] as const;
const maxRounds = 200;

const generationRequest = request(
  messageTypes.getGen,
  0,
  generationMessage,
  {},
  "read the generation of nf_tables",
);

function bracket(type: number, generation?: number): Request {
  const value = { resource: batchResource, ...(generation !== undefined && { generation }) };
  return { ...request(type, 0, batchMessage, value, "change nf_tables"), frame: true };
}
