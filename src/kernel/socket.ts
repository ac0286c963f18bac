/**
 * A netlink socket: sends requests, pairs answers with them by sequence number, turns refusals into
 * KernelErrors. It knows no message: callers bring the codecs.
 *
 * The kernel does the work inside send(2), so answers are there when it returns; poll(2) is only for
 * the rare answer that is not, and gives up after a minute.
 */
import { type Codec, encode } from "../netlink/codec.ts";
import {
  type Ack,
  attributeOf,
  controlTypes,
  eachMessage,
  type Header,
  messageFlags,
  readAck,
  readDone,
  socketAddress,
  writeMessage,
} from "../netlink/message.ts";
import { type Reader, Writer } from "../netlink/wire.ts";
import { type Addon, constants, isErrno, sys } from "../sys/sys.ts";
import { closeInBackground } from "./close.ts";
import { describeErrno } from "./errno-table.ts";
import { type KernelError, kernelError } from "./errors.ts";

/** What is asked of the kernel. Made by `request`, which checks the value against the codec. */
export interface Request {
  type: number;
  /** `messageFlags`, without `request` and `ack`, which the socket adds. */
  flags: number;
  // biome-ignore lint/suspicious/noExplicitAny: `request` has checked that the value fits
  codec: Codec<any, unknown>;
  value: unknown;
  /** Verb and object, for the error: `add link "x"`. */
  what: string;
  /** Reasons that count as success, e.g. `["EEXIST"]`. */
  ignore?: readonly string[];
  /** Never acknowledged by the kernel, as the frame of an nfnetlink batch: an error ends the batch. */
  frame?: boolean;
}

/** A request: the kernel's number of the message, `messageFlags`, the codec and the value. */
export function request<In>(
  type: number,
  flags: number,
  codec: Codec<In, unknown>,
  value: In,
  what: string,
  ignore?: readonly string[],
): Request {
  return { type, flags, codec, value, what, ...(ignore && { ignore }) };
}

/** The system calls that a socket makes; tests bring their own. */
export type SocketCalls = Pick<
  Addon,
  "socket" | "bind" | "setsockopt" | "send" | "recv" | "poll" | "close"
>;

const answerTimeout = 60_000; // milliseconds, as in the reference
const maxDumps = 6;
/** Requests in one datagram: the errors of all of them fit into the default receive buffer. */
const chunkLength = 100;
/** The kernel's default for both buffers is 212,992 bytes; a larger datagram needs a larger one. */
const largeDatagram = 128 * 1024;

/** A netlink socket in a network namespace. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #calls: SocketCalls;
  readonly #protocol: number;
  #sequence = 0;

  /**
   * @param protocol NETLINK_ROUTE, NETLINK_NETFILTER, ...
   * @param netns a namespace descriptor; default: the own namespace
   * @param groups bits of `sockaddr_nl`: which notifications come in
   */
  constructor(protocol: number, netns?: number, groups = 0, calls: SocketCalls = sys) {
    const { AF_NETLINK, SOCK_RAW } = constants;
    this.#calls = calls;
    this.#protocol = protocol;
    this.fd = calls.socket(AF_NETLINK, SOCK_RAW, protocol, netns);
    this.#option(constants.NETLINK_EXT_ACK);
    this.#option(constants.NETLINK_CAP_ACK);
    if (protocol === constants.NETLINK_ROUTE) this.#option(constants.NETLINK_GET_STRICT_CHK);
    if (groups !== 0) calls.bind(this.fd, encode(socketAddress, { family: AF_NETLINK, groups }));
  }

  /** Kernels that lack one of these work all the same, with fewer words and larger answers. */
  #option(name: number): void {
    try {
      this.#calls.setsockopt(this.fd, constants.SOL_NETLINK, name, 1);
    } catch (error) {
      if (!isErrno(error, "ENOPROTOOPT")) throw error;
    }
  }

  /** Closes the descriptor. */
  close(): void {
    if (this.#protocol === constants.NETLINK_NETFILTER) closeInBackground(this.fd);
    else this.#calls.close(this.fd);
  }

  /**
   * Sends one request and reads its answer; with the `echo` flag, what a change made.
   * @returns undefined if the kernel gave none, or an error that the request ignores
   */
  ask<Out>(asked: Request, answer: Codec<never, Out>): Out | undefined {
    const acked = (asked.flags & messageFlags.echo) !== 0;
    const first = this.#send([asked], acked ? 0 : -1);
    let result: Out | undefined;
    this.#collect(first, [asked], (header, payload) => {
      if (header.type === controlTypes.error) {
        const failure = failureOf(asked, readAck(header, payload));
        if (failure) throw failure;
        return true;
      }
      result = answer.read(payload);
      return !acked;
    });
    return result;
  }

  /**
   * Reads a table. One that changes while it is read comes inconsistent: it is read again, and at
   * the sixth time given up.
   * @param keep looks at a row's first bytes; those it does not want are not decoded
   */
  dump<Out>(asked: Request, answer: Codec<never, Out>, keep?: (payload: Reader) => boolean): Out[] {
    const dumping = { ...asked, flags: asked.flags | messageFlags.dump };
    for (let i = 0; i < maxDumps; i++) {
      const rows = this.#dumpOnce(dumping, answer, keep);
      if (rows) return rows;
    }
    throw kernelError(asked.what, 4, "the table changes faster than it can be read");
  }

  #dumpOnce<Out>(
    asked: Request,
    answer: Codec<never, Out>,
    keep?: (payload: Reader) => boolean,
  ): Out[] | undefined {
    const first = this.#send([asked], -1);
    const rows: Out[] = [];
    let whole = true;
    this.#collect(first, [asked], (header, payload) => {
      if ((header.flags & messageFlags.dumpInterrupted) !== 0) whole = false;
      if (header.type === controlTypes.error || header.type === controlTypes.done) {
        const read = header.type === controlTypes.error ? readAck : readDone;
        const failure = failureOf(asked, read(header, payload));
        if (failure?.code === "EINTR") whole = false;
        else if (failure) throw failure;
        return true;
      }
      if (!keep || keep(payload)) rows.push(answer.read(payload));
      return false;
    });
    return whole ? rows : undefined;
  }

  /**
   * Reads a table as far as `visit` wants, row by row: it ends by returning true. The socket is then
   * good for nothing more. An error ends it too: it means that there is no table.
   */
  dumpUntil<Out>(asked: Request, answer: Codec<never, Out>, visit: (row: Out) => boolean): void {
    const dumping = { ...asked, flags: asked.flags | messageFlags.dump };
    const first = this.#send([dumping], -1);
    this.#collect(first, [dumping], (header, payload) => {
      const isRow = header.type !== controlTypes.error && header.type !== controlTypes.done;
      return !isRow || visit(answer.read(payload));
    });
  }

  /**
   * Sends several changes in one write and reads all acknowledgements. The kernel does each, also
   * those after one that failed; the first failure is thrown.
   *
   * @param onAnswer gets what the requests with the `echo` flag made: index of the request first
   */
  transact(
    requests: readonly Request[],
    onAnswer?: (index: number, header: Header, payload: Reader) => void,
  ): void {
    // A batch of nfnetlink is one transaction, and must be one datagram.
    const length = requests[0]?.frame ? requests.length : chunkLength;
    for (let at = 0; at < requests.length; at += length) {
      const chunk = requests.length <= length ? requests : requests.slice(at, at + length);
      this.#transactChunk(chunk, (index, header, payload) => {
        onAnswer?.(at + index, header, payload);
      });
    }
  }

  #transactChunk(
    requests: readonly Request[],
    onAnswer: (index: number, header: Header, payload: Reader) => void,
  ): void {
    // Errors come unasked, so one acknowledgement, of the last request, is enough.
    let last = requests.length - 1;
    while (requests[last]?.frame) last--;
    const first = this.#send(requests, last);
    let failure: KernelError | undefined;
    this.#collect(first, requests, (header, payload) => {
      const index = header.sequence - first;
      if (header.type !== controlTypes.error) {
        onAnswer(index, header, payload);
        return false;
      }
      const asked = requests[index] as Request;
      failure ??= failureOf(asked, readAck(header, payload));
      return index === last || asked.frame === true;
    });
    if (failure) throw failure;
  }

  /**
   * Waits for notifications of the groups that this socket was opened with.
   * @param timeout milliseconds
   * @returns `lost` when the kernel had to drop some: whoever keeps a state must read it anew
   */
  listen(
    timeout: number,
    visit: (header: Header, payload: Reader) => void,
  ): "heard" | "lost" | "silent" {
    const [events] = this.#calls.poll([this.fd, constants.POLLIN], Math.ceil(timeout));
    if (!events) return "silent";
    const datagram = this.#receive("listen to the kernel");
    if (datagram === "lost") return "lost";
    eachMessage(datagram, (header, payload) => {
      visit(header, payload);
      return false;
    });
    return "heard";
  }

  /** @returns the sequence number of the first request; the others count up from there */
  #send(requests: readonly Request[], acked: number): number {
    const out = new Writer(requests.length === 1 ? 512 : 4096);
    const first = this.#sequence + 1;
    requests.forEach(({ type, flags, codec, value }, i) => {
      const ack = i === acked ? messageFlags.ack : 0;
      writeMessage(out, type, flags | messageFlags.request | ack, first + i, codec, value);
    });
    this.#sequence += requests.length;
    const datagram = out.finish();
    if (datagram.length > largeDatagram) this.#enlargeBuffers(datagram.length);
    this.#calls.send(this.fd, datagram, 0);
    return first;
  }

  /** Room for a large datagram, and for an error about each message in it. */
  #enlargeBuffers(length: number): void {
    const { SOL_SOCKET, SO_SNDBUFFORCE, SO_RCVBUFFORCE } = constants;
    this.#calls.setsockopt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, length * 2);
    this.#calls.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, length * 16);
  }

  /** Shows all answers to these requests until `visit` returns true. */
  #collect(
    first: number,
    requests: readonly Request[],
    visit: (header: Header, payload: Reader) => boolean,
  ): void {
    const what = (requests[0] as Request).what;
    for (;;) {
      const datagram = this.#receive(what);
      if (datagram === "lost") throw kernelError(what, 105, "answers of the kernel were lost");
      const done = eachMessage(datagram, (header, payload) => {
        const index = header.sequence - first;
        // Not ours: the rest of an exchange that ended early.
        if (index < 0 || index >= requests.length) return false;
        return visit(header, payload);
      });
      if (done) return;
    }
  }

  /** The next datagram from the kernel, or `lost` where the receive buffer overflowed. */
  #receive(what: string): Uint8Array | "lost" {
    for (;;) {
      try {
        const { data, address } = this.#calls.recv(this.fd, constants.MSG_DONTWAIT);
        if (isFromKernel(address)) return data;
      } catch (error) {
        if (isErrno(error, "ENOBUFS")) return "lost";
        if (!isErrno(error, "EAGAIN")) throw error;
        const [events] = this.#calls.poll([this.fd, constants.POLLIN], answerTimeout);
        if (!events) throw kernelError(what, 110, "the kernel does not answer");
      }
    }
  }
}

/** Any process may send to any netlink socket; only the kernel has port 0. */
function isFromKernel(address: Uint8Array): boolean {
  return address.length >= 8 && !(address[4] || address[5] || address[6] || address[7]);
}

function failureOf(asked: Request, ack: Ack): KernelError | undefined {
  if (ack.errno === 0) return undefined;
  if (asked.ignore?.includes(describeErrno(ack.errno).code)) return undefined;
  return kernelError(asked.what, ack.errno, ack.text, attributeOf(ack, asked.codec, asked.value));
}
