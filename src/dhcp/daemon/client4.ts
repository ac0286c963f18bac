/** The DHCPv4 client of a link: packets of its own making, as the link may have no address yet. */
import { formatIp, type Ip } from "../../addr/ip.ts";
import { formatMac, parseMac } from "../../addr/mac.ts";
import { constants, sys } from "../../sys/sys.ts";
import {
  type Action,
  type ClientConfig,
  createClient,
  type Event,
  type State,
  step,
} from "../client.ts";
import { DhcpError } from "../errors.ts";
import { ports, readPacket, writePacket } from "../frame.ts";
import type { Lease } from "../lease.ts";
import { ipv4Address, macOf, packetAddress, udpFilter } from "./addresses.ts";
import { now, random } from "./clock.ts";
import { isRefusal, type LinkId, reasonOf, withLink } from "./link.ts";
import { type Hooks, LinkClient } from "./link-client.ts";

const everyone = Uint8Array.of(255, 255, 255, 255, 255, 255);
const awaiting = ["selecting", "requesting", "rebooting", "renewing", "rebinding"];

export class Client4 extends LinkClient<Event, Lease> {
  #state: State;

  constructor(id: LinkId, config: ClientConfig, hooks: Hooks<Lease>) {
    super(id, hooks);
    this.#state = createClient(config);
  }

  get lease(): Lease | undefined {
    return this.#state.lease;
  }

  get hasEnded(): boolean {
    return this.#state.phase === "ended";
  }

  protected get coreWakeAt(): number {
    return this.#state.wakeAt;
  }

  protected get awaitsReply(): boolean {
    return awaiting.includes(this.#state.phase);
  }

  start(hint?: Ip): void {
    this.step(hint ? { kind: "start", hint } : { kind: "start" });
  }

  resume(lease: Lease): void {
    this.step({ kind: "resume", lease });
  }

  /** Asks at once whether the lease stands, if it is at rest. */
  verify(): void {
    if (this.#state.phase === "bound") this.step({ kind: "verify" });
  }

  /** Gives the lease back, through the host if the link is gone, and ends. */
  release(): void {
    this.step({ kind: "release" });
    this.close();
  }

  protected step(event: Event): void {
    const { state, actions } = step(this.#state, event, { now: now(), random });
    this.#state = state;
    for (const action of actions) this.#do(action);
    this.tidy();
  }

  #do(action: Action): void {
    switch (action.kind) {
      case "send":
        this.#sendOrTell(action);
        break;
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

  #sendOrTell(action: Action & { kind: "send" }): void {
    const problem = this.attempt(() => this.#send(action));
    if (problem === undefined) return;
    if (action.type === "RELEASE") {
      this.#sendThroughHost(action, problem);
    } else if (problem === "gone") {
      const isHeld = this.#state.lease !== undefined;
      this.step({ kind: "linkGone" });
      if (!isHeld) this.hooks.failed("the link is gone", "");
    } else this.step({ kind: "sendFailed", why: problem });
  }

  #send({ payload, source, destination, mac = everyone }: Action & { kind: "send" }): void {
    const datagram = {
      source,
      destination,
      sourcePort: ports.client,
      destinationPort: ports.server,
      payload,
    };
    const address = packetAddress(this.id.index, mac);
    sys.send(this.socket(), writePacket(datagram), constants.MSG_DONTWAIT, address);
  }

  /** The server looks at what the message says, and not at who sends it, as relays do. */
  #sendThroughHost({ payload, destination }: Action & { kind: "send" }, problem: string): void {
    const why = problem === "gone" ? "the link is gone" : problem;
    let fd: number | undefined;
    try {
      fd = sys.socket(constants.AF_INET, constants.SOCK_DGRAM, 0);
      sys.send(fd, payload, constants.MSG_DONTWAIT, ipv4Address(destination, ports.server));
      this.hooks.log(`${why}: released through the host, to ${formatIp(destination)}`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.hooks.log(`${why}: the lease is dropped, it expires by itself: ${reasonOf(error)}`);
    } finally {
      if (fd !== undefined) sys.close(fd);
    }
  }

  protected openSocket(): number {
    return withLink(this.id, ({ netns, link }) => {
      const { AF_PACKET, SOCK_DGRAM, SOCK_NONBLOCK } = constants;
      this.#useMac(link.mac);
      // It gets nothing before it is bound, so nothing passes by the filter.
      const fd = sys.socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0, netns.descriptor());
      try {
        sys.attachFilter(fd, udpFilter(ports.client));
        sys.bind(fd, packetAddress(link.index));
      } catch (error) {
        sys.close(fd);
        throw error;
      }
      return fd;
    });
  }

  /** A plugin later in the chain may have changed it since the first message. */
  #useMac(text: string): void {
    const { config } = this.#state;
    if (text === "" || text === formatMac(config.mac)) return;
    this.#state = { ...this.#state, config: { ...config, mac: parseMac(text) } };
  }

  protected onDatagram(data: Uint8Array, address: Uint8Array): void {
    try {
      const datagram = readPacket(data);
      if (!datagram || datagram.destinationPort !== ports.client) return;
      const mac = macOf(address);
      this.step({ kind: "received", payload: datagram.payload, ...(mac && { mac }) });
    } catch (error) {
      if (!(error instanceof DhcpError)) throw error;
      this.step({ kind: "dropped", reason: error.reason });
    }
  }
}
