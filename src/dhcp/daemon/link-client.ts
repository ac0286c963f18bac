/**
 * A DHCP client that does what its pure core says: it has the core's state, the socket while a reply
 * may come, and the timer. Here is what both families share.
 */
import { constants, isErrno, isSystemError, sys } from "../../sys/sys.ts";
import { now } from "./clock.ts";
import { isRefusal, LinkGone, type LinkId, reasonOf } from "./link.ts";

/** What a client tells of; `L` is a lease. */
export interface Hooks<L> {
  /** What is held has changed: there was no lease, there is none now, or it gives something else. */
  changed(previous: L | undefined, lease: L | undefined, why: string): void;
  /** The same again, for longer. */
  renewed(lease: L): void;
  /** There is no lease, and nobody tries any more. */
  failed(why: string, detail: string): void;
  log(text: string): void;
  /** Closes a socket when there is time for it. */
  closeLater(fd: number): void;
}

/** How long a socket stays open for a reply that does not come, in seconds. */
const patience = 30;

export abstract class LinkClient<Event extends { kind: string }, L> {
  readonly id: LinkId;
  protected readonly hooks: Hooks<L>;
  #fd: number | undefined;
  #openUntil = Infinity;

  constructor(id: LinkId, hooks: Hooks<L>) {
    this.id = id;
    this.hooks = hooks;
  }

  abstract get lease(): L | undefined;
  abstract get hasEnded(): boolean;
  /** When `onTimer` of the core is due. */
  protected abstract get coreWakeAt(): number;
  /** Whether the core waits for a reply. */
  protected abstract get awaitsReply(): boolean;
  protected abstract step(event: Event | { kind: "timer" } | { kind: "linkGone" }): void;
  /** A socket in the link's namespace; throws LinkGone. */
  protected abstract openSocket(): number;
  protected abstract onDatagram(data: Uint8Array, address: Uint8Array): void;

  /** The descriptor to wait for; undefined while nothing is awaited. */
  get fd(): number | undefined {
    return this.#fd;
  }

  get wakeAt(): number {
    return this.#fd === undefined ? this.coreWakeAt : Math.min(this.coreWakeAt, this.#openUntil);
  }

  onTimer(): void {
    if (now() >= this.coreWakeAt) this.step({ kind: "timer" });
    else if (now() >= this.#openUntil) this.close();
  }

  /** Takes what has come in, some of it at once, lest one link keeps all others waiting. */
  onReadable(): void {
    for (let i = 0; i < 32 && this.#fd !== undefined; i++) {
      try {
        const { data, address } = sys.recv(this.#fd, constants.MSG_DONTWAIT);
        this.onDatagram(data, address);
      } catch (error) {
        if (!isSystemError(error)) throw error;
        if (isErrno(error, "EAGAIN")) return;
        // ENETDOWN and its like: the next send opens a new socket, and says what is wrong.
        this.close();
      }
    }
  }

  /** The open socket. @throws {LinkGone} */
  protected socket(): number {
    this.#openUntil = now() + patience;
    this.#fd ??= this.openSocket();
    return this.#fd;
  }

  /**
   * Sends; what the system refuses is for the core to count.
   * @returns why it failed
   */
  protected attempt(send: () => void): string | "gone" | undefined {
    try {
      send();
      return undefined;
    } catch (error) {
      if (error instanceof LinkGone) return "gone";
      if (!isRefusal(error)) throw error;
      this.close();
      return reasonOf(error);
    }
  }

  /** Lets go of the socket if nothing is awaited. */
  protected tidy(): void {
    if (!this.awaitsReply) this.close();
  }

  close(): void {
    if (this.#fd !== undefined) this.hooks.closeLater(this.#fd);
    this.#fd = undefined;
  }
}
