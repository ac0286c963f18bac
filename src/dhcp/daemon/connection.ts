/** One plugin that has called: its bytes in and out, and which of its calls are not answered yet. */
import { concat } from "../../addr/bytes.ts";
import { constants, isErrno, isSystemError, sys } from "../../sys/sys.ts";
import { type CallResult, type IncomingCall, RpcError, RpcServer } from "../rpc.ts";

export class Connection {
  readonly fd: number;
  readonly #rpc = new RpcServer();
  #out: Uint8Array = new Uint8Array(0);
  #isOpen = true;
  #closesWhenSent = false;
  /** What is to be done if the plugin goes away before its answer. */
  readonly abandoned = new Map<number, () => void>();

  constructor(fd: number) {
    this.fd = fd;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What to poll for. */
  get events(): number {
    return constants.POLLIN | (this.#out.length > 0 ? constants.POLLOUT : 0);
  }

  /** The calls that came in. An error on the way closes the connection. */
  read(log: (text: string) => void): IncomingCall[] {
    try {
      const { data } = sys.recv(this.fd, constants.MSG_DONTWAIT);
      if (data.length === 0) {
        this.close();
        return [];
      }
      const { calls, answer } = this.#rpc.push(data);
      this.#send(answer);
      return calls;
    } catch (error) {
      if (error instanceof RpcError) {
        log(error.message);
        this.#closesWhenSent = true;
        this.#send(error.answer ?? new Uint8Array(0));
      } else if (!isSystemError(error)) throw error;
      else if (!isErrno(error, "EAGAIN")) this.close();
      return [];
    }
  }

  reply(call: IncomingCall, result?: CallResult): void {
    this.abandoned.delete(call.seq);
    this.#send(this.#rpc.reply(call, result));
  }

  fail(call: IncomingCall, error: string, detail = ""): void {
    this.abandoned.delete(call.seq);
    this.#send(this.#rpc.fail(call, error, detail));
  }

  #send(bytes: Uint8Array): void {
    this.#out = concat(this.#out, bytes);
    this.flush();
  }

  /** Writes what the socket takes. */
  flush(): void {
    const { MSG_DONTWAIT, MSG_NOSIGNAL } = constants;
    try {
      while (this.#isOpen && this.#out.length > 0) {
        const sent = sys.send(this.fd, this.#out, MSG_DONTWAIT | MSG_NOSIGNAL);
        this.#out = this.#out.slice(sent);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (isErrno(error, "EAGAIN")) return;
      this.close();
    }
    if (this.#closesWhenSent) this.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    sys.close(this.fd);
    const abandoned = [...this.abandoned.values()];
    this.abandoned.clear();
    for (const act of abandoned) act();
  }
}
