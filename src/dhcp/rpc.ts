/**
 * The daemon's calls: Go's net/rpc over a socket that begins as HTTP. The reference's plugin can call
 * our daemon this way, and our plugin the reference's daemon.
 *
 * Both sides are pure: bytes of the socket go in, calls and replies come out, and the other way.
 */
import { concat, utf8 } from "../addr/bytes.ts";
import { GobError, GobFramer, type GobRecord } from "./gob.ts";
import { numberOf, stringOf } from "./gob-access.ts";
import { GobDecoder } from "./gob-decoder.ts";
import { GobEncoder } from "./gob-encoder.ts";
import {
  argsType,
  type CallArgs,
  type CallResult,
  emptyType,
  failureType,
  readArgs,
  readResult,
  requestType,
  responseType,
  resultType,
  writeArgs,
  writeResult,
} from "./rpc-types.ts";
import { fromUtf8 } from "./text.ts";

export type { CallArgs, CallResult } from "./rpc-types.ts";

/**
 * The first two are the reference's; it answers the others with an error. `DHCP.Check` gives the
 * result of a lease that is held and gets none, `DHCP.Collect` releases what GC does not list.
 */
export type Method = "DHCP.Allocate" | "DHCP.Release" | "DHCP.Check" | "DHCP.Collect";

/** The longest head of HTTP that is read. */
const longestHead = 8192;

/** What is wrong with a conversation; it is to be closed, after `answer` if there is one. */
export class RpcError extends Error {
  override name = "RpcError";

  constructor(
    message: string,
    readonly answer?: Uint8Array,
  ) {
    super(message);
  }
}

/** A call as it came in. The method may be none that we know. */
export interface IncomingCall {
  readonly method: string;
  readonly seq: number;
  readonly args: CallArgs;
}

/** An answer as it came in. */
export interface IncomingReply {
  readonly seq: number;
  /** What the daemon says went wrong; absent if nothing did. */
  readonly error?: string;
  /** More about the error; the reference has none, and skips ours. */
  readonly detail?: string;
  /** What `DHCP.Allocate` or `DHCP.Check` gave. */
  readonly result?: CallResult;
}

/** The head of HTTP at the start of a stream, and then messages of gob in pairs: header and body. */
class Incoming {
  readonly #framer = new GobFramer();
  readonly #decoder = new GobDecoder();
  readonly #checkHead: (line: string) => void;
  #head: Uint8Array | undefined = new Uint8Array(0);
  #header: GobRecord | undefined;

  /** @param checkHead throws if the first line is not as it must be */
  constructor(checkHead: (line: string) => void) {
    this.#checkHead = checkHead;
  }

  /** Whether the head has been read. */
  get isOpen(): boolean {
    return this.#head === undefined;
  }

  push(bytes: Uint8Array): [header: GobRecord, body: GobRecord][] {
    const rest = this.#readHead(bytes);
    const pairs: [GobRecord, GobRecord][] = [];
    for (const message of rest ? this.#framer.push(rest) : []) {
      const record = this.#decoder.decode(message);
      if (!record) continue;
      if (this.#header) pairs.push([this.#header, record]);
      this.#header = this.#header ? undefined : record;
    }
    return pairs;
  }

  /** What follows the head, once that has ended. */
  #readHead(bytes: Uint8Array): Uint8Array | undefined {
    if (!this.#head) return bytes;
    this.#head = concat(this.#head, bytes);
    const end = endOfHead(this.#head);
    if (end < 0 && this.#head.length <= longestHead) return undefined;
    if (end < 0) throw new RpcError("Cannot serve connection: the head of HTTP has no end");
    const rest = this.#head.slice(end);
    const [line = ""] = fromUtf8(this.#head.subarray(0, end)).split(/\r?\n/);
    this.#checkHead(line);
    this.#head = undefined;
    return rest;
  }
}

/** Where the empty line ends that ends the head; lines may end with LF or CRLF. -1: not yet. */
function endOfHead(bytes: Uint8Array): number {
  const lineFeed = 10;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
    const next = bytes[at + 1] === 13 ? at + 2 : at + 1;
    if (bytes[next] === lineFeed) return next + 1;
  }
  return -1;
}

/** The daemon's side of one connection. */
export class RpcServer {
  readonly #incoming = new Incoming(checkConnect);
  readonly #encoder = new GobEncoder();
  #hasGreeted = false;

  /**
   * What the plugin sent: the calls in it, and bytes to send back at once.
   * @throws {RpcError} send its `answer`, if any, and close
   */
  push(bytes: Uint8Array): { calls: IncomingCall[]; answer: Uint8Array } {
    const calls = guarded(() =>
      this.#incoming.push(bytes).map(([header, body]) => ({
        method: stringOf(header.ServiceMethod),
        seq: numberOf(header.Seq),
        args: readArgs(body),
      })),
    );
    const isGreeting = this.#incoming.isOpen && !this.#hasGreeted;
    if (isGreeting) this.#hasGreeted = true;
    return { calls, answer: isGreeting ? utf8(`${connected}\n\n`) : new Uint8Array(0) };
  }

  /** The bytes that answer a call; `result` is what `DHCP.Allocate` gives. */
  reply({ method, seq }: IncomingCall, result?: CallResult): Uint8Array {
    const header = this.#encoder.encode(responseType, { ServiceMethod: method, Seq: seq });
    const body = result
      ? this.#encoder.encode(resultType, writeResult(result))
      : this.#encoder.encode(emptyType, {});
    return concat(header, body);
  }

  /**
   * The bytes that answer a call which failed. Go does not look at the body of a failure, so there is
   * room in it for `detail`.
   */
  fail({ method, seq }: IncomingCall, error: string, detail = ""): Uint8Array {
    const response = { ServiceMethod: method, Seq: seq, Error: error };
    const header = this.#encoder.encode(responseType, response);
    const body =
      detail === ""
        ? this.#encoder.encode(emptyType, {})
        : this.#encoder.encode(failureType, { Detail: detail });
    return concat(header, body);
  }
}

/** The plugin's side of one connection. */
export class RpcClient {
  readonly #incoming = new Incoming(checkConnected);
  readonly #encoder = new GobEncoder();
  #seq = 0;

  /** Whether the daemon has answered; what is sent before that, Go's daemon may lose. */
  get isConnected(): boolean {
    return this.#incoming.isOpen;
  }

  /** What opens the conversation. */
  connect(): Uint8Array {
    return utf8(`${connect} HTTP/1.0\n\n`);
  }

  /** The bytes of a call. Calls are numbered from 0. */
  call(method: Method, args: CallArgs): Uint8Array {
    const header = { ServiceMethod: method, Seq: this.#seq++ };
    return concat(
      this.#encoder.encode(requestType, header),
      this.#encoder.encode(argsType, writeArgs(args)),
    );
  }

  /**
   * What the daemon sent: the replies in it.
   * @throws {RpcError}
   */
  push(bytes: Uint8Array): IncomingReply[] {
    return guarded(() =>
      this.#incoming.push(bytes).map(([header, body]) => {
        const seq = numberOf(header.Seq);
        const error = stringOf(header.Error);
        const detail = error === "" ? "" : stringOf(body.Detail);
        if (error !== "") return { seq, error, ...(detail === "" ? {} : { detail }) };
        const gives = ["DHCP.Allocate", "DHCP.Check"].includes(stringOf(header.ServiceMethod));
        return gives ? { seq, result: readResult(body) } : { seq };
      }),
    );
  }
}

const connect = "CONNECT /_goRPC_";
const connected = "HTTP/1.0 200 Connected to Go RPC";

function checkConnect(line: string): void {
  if (line.startsWith(`${connect} HTTP/1.`)) return;
  const status = line.split(" ")[1] === "/_goRPC_" ? "405 Method Not Allowed" : "404 Not Found";
  const answer = utf8(`HTTP/1.0 ${status}\r\nContent-Length: 0\r\n\r\n`);
  throw new RpcError(`Cannot serve connection: it begins with "${line}"`, answer);
}

function checkConnected(line: string): void {
  if (line === connected) return;
  throw new RpcError(`Cannot call daemon: it answers "${line}"`);
}

/** Runs `read`; what is wrong with gob is wrong with the conversation. */
function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof GobError)) throw error;
    throw new RpcError(error.message);
  }
}
