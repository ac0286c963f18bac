/** The DHCPv6 client of a link: an ordinary UDP socket, from the link-local address. */

import { utf8 } from "../../addr/bytes.ts";
import { isLinkLocal } from "../../addr/ip.ts";
import { constants, sys } from "../../sys/sys.ts";
import {
  type Action6,
  type ClientConfig6,
  createClient6,
  type Event6,
  type State6,
  step6,
} from "../v6/client.ts";
import type { Lease6 } from "../v6/lease.ts";
import { ports6 } from "../v6/message.ts";
import { ipv6Address } from "./addresses.ts";
import { now, random } from "./clock.ts";
import { isRefusal, LinkGone, type LinkId, withLink } from "./link.ts";
import { type Hooks, LinkClient } from "./link-client.ts";

const anyIp = new Uint8Array(16);
const resting = ["idle", "bound", "ended"];

/** How long the link's own address may take until it can be used, and how often to look. */
const settling = { seconds: 5, interval: 0.2 } as const;

export class Client6 extends LinkClient<Event6, Lease6> {
  #state: State6;
  /** What is to be done once the link has an address of its own. */
  #pending: { event: Event6; until: number; lookAt: number } | undefined;

  constructor(id: LinkId, config: ClientConfig6, hooks: Hooks<Lease6>) {
    super(id, hooks);
    this.#state = createClient6(config);
  }

  get lease(): Lease6 | undefined {
    return this.#state.lease;
  }

  get hasEnded(): boolean {
    return this.#state.phase === "ended";
  }

  protected get coreWakeAt(): number {
    return this.#pending ? this.#pending.lookAt : this.#state.wakeAt;
  }

  protected get awaitsReply(): boolean {
    return !resting.includes(this.#state.phase);
  }

  start(): void {
    this.#whenSettled({ kind: "start" });
  }

  resume(lease: Lease6): void {
    this.step({ kind: "resume", lease });
  }

  /** Asks whether the addresses fit the link, if the lease is at rest. */
  verify(): void {
    if (this.#state.phase === "bound") this.#whenSettled({ kind: "verify" });
  }

  /** Gives the lease back: it has ended when the server has answered, or does not. */
  release(): void {
    this.#pending = undefined;
    this.step({ kind: "release" });
  }

  #whenSettled(event: Event6): void {
    this.#pending = { event, until: now() + settling.seconds, lookAt: now() };
    this.#look();
  }

  #look(): void {
    const pending = this.#pending;
    if (!pending) return;
    try {
      if (now() < pending.until && !this.#isSettled()) {
        this.#pending = { ...pending, lookAt: now() + settling.interval };
        return;
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error instanceof LinkGone) {
        this.#gone();
        return;
      }
      // What is wrong shows, and is counted, when the first message is sent.
    }
    this.#pending = undefined;
    this.step(pending.event);
  }

  #isSettled(): boolean {
    return withLink(this.id, ({ netns, link }) =>
      netns.addresses
        .list(link.index, 6)
        .some(({ address, flags }) => isLinkLocal(address.ip) && !flags.includes("tentative")),
    );
  }

  #gone(): void {
    this.#pending = undefined;
    const isHeld = this.#state.lease !== undefined;
    this.step({ kind: "linkGone" });
    if (!isHeld) this.hooks.failed("the link is gone", "");
  }

  protected step(event: Event6): void {
    if (this.#pending && event.kind === "timer") {
      this.#look();
      return;
    }
    const { state, actions } = step6(this.#state, event, { now: now(), random });
    this.#state = state;
    for (const action of actions) this.#do(action);
    this.tidy();
  }

  #do(action: Action6): void {
    switch (action.kind) {
      case "send": {
        const problem = this.attempt(() => this.#send(action));
        if (problem === "gone") this.#gone();
        else if (problem !== undefined) this.step({ kind: "sendFailed", why: problem });
        break;
      }
      case "bound":
        this.hooks.changed(undefined, action.lease, "bound");
        break;
      case "renewed":
        if (action.changed) this.hooks.changed(action.previous, action.lease, "changed");
        else this.hooks.renewed(action.lease);
        break;
      case "lost":
        this.hooks.changed(action.lease, undefined, action.why);
        break;
      case "failed":
        this.hooks.failed(action.why, action.detail);
        break;
      case "log":
        this.hooks.log(action.text);
    }
  }

  #send({ payload, destination }: Action6 & { kind: "send" }): void {
    const address = ipv6Address(destination, ports6.server, this.id.index);
    sys.send(this.socket(), payload, constants.MSG_DONTWAIT, address);
  }

  protected openSocket(): number {
    return withLink(this.id, ({ netns, link }) => {
      const { AF_INET6, SOCK_DGRAM, SOCK_NONBLOCK, SOL_SOCKET, SO_BINDTODEVICE } = constants;
      const fd = sys.socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0, netns.descriptor());
      try {
        sys.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, utf8(`${link.name}\0`));
        sys.bind(fd, ipv6Address(anyIp, ports6.client, 0));
      } catch (error) {
        sys.close(fd);
        throw error;
      }
      return fd;
    });
  }

  protected onDatagram(data: Uint8Array): void {
    this.step({ kind: "received", payload: data });
  }
}
