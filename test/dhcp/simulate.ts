/** A clock, a client and a server that is a function: what happens between them, second by second. */
import { requireIp } from "../../src/addr/ip.ts";
import { parseMac } from "../../src/addr/mac.ts";
import {
  type Action,
  type ClientConfig,
  createClient,
  defaultTiming,
  type Event,
  type State,
  step,
} from "../../src/dhcp/client.ts";
import { referenceClientId } from "../../src/dhcp/client-id.ts";
import {
  emptyMessage,
  type Message,
  readMessage,
  typeOf,
  writeMessage,
} from "../../src/dhcp/message.ts";
import { entry, type MessageType, messageTypes, option4 } from "../../src/dhcp/options.ts";

export const mac = parseMac("02:00:00:00:00:02");
export const serverMac = parseMac("02:00:00:00:00:01");
export const serverId = requireIp("192.0.2.1");
export const address = requireIp("192.0.2.10");

export const config: ClientConfig = {
  mac,
  clientId: referenceClientId({ containerId: "c1", network: "net", ifName: "eth0" }),
  send: new Map(),
  requestList: Uint8Array.of(3, 1),
  broadcast: false,
  timing: defaultTiming,
};

export interface ReplyParts {
  yiaddr?: Uint8Array;
  serverId?: Uint8Array | undefined;
  seconds?: number | undefined;
  more?: (readonly [number, Uint8Array])[];
  xid?: number;
  chaddr?: Uint8Array;
  op?: Message["op"];
}

/** What a server answers to a message: an address for 120 seconds, unless `parts` say otherwise. */
export function reply(to: Message, type: MessageType, parts: ReplyParts = {}): Uint8Array {
  const isGrant = type !== "NAK";
  const { seconds, more = [] } = { seconds: 120, ...parts };
  const from = "serverId" in parts ? parts.serverId : serverId;
  return writeMessage({
    ...emptyMessage,
    op: parts.op ?? "reply",
    xid: parts.xid ?? to.xid,
    yiaddr: parts.yiaddr ?? (isGrant ? address : emptyMessage.yiaddr),
    chaddr: parts.chaddr ?? to.chaddr,
    options: new Map([
      entry(option4.messageType, messageTypes[type]),
      ...(from ? [entry(option4.serverId, from)] : []),
      ...(isGrant && seconds !== undefined ? [entry(option4.leaseTime, seconds)] : []),
      ...(isGrant ? [entry(option4.subnetMask, requireIp("255.255.255.0"))] : []),
      ...more,
    ]),
  });
}

/** A message that the client sent, and when. */
export interface Sent {
  at: number;
  type: MessageType;
  message: Message;
  action: Extract<Action, { kind: "send" }>;
}

/** Answers a message with datagrams. */
export type Server = (sent: Sent) => Uint8Array[];

export const silent: Server = () => [];

/** Grants what is asked. */
export const generous: Server = ({ type, message }) => {
  if (type === "DISCOVER") return [reply(message, "OFFER")];
  return type === "REQUEST" ? [reply(message, "ACK")] : [];
};

export class Simulation {
  state: State;
  now = 1000;
  server: Server;
  readonly sent: Sent[] = [];
  /** All actions but messages and the log, as text. */
  readonly news: string[] = [];
  readonly logs: string[] = [];
  readonly actions: Action[] = [];
  #random: () => number;

  constructor(server: Server, changes: Partial<ClientConfig> = {}, random = () => 0.5) {
    this.server = server;
    this.#random = random;
    this.state = createClient({ ...config, ...changes });
  }

  /** Steps the client, and delivers what the server answers at once. */
  do(event: Event): this {
    const { state, actions } = step(this.state, event, { now: this.now, random: this.#random });
    this.state = state;
    for (const action of actions) this.#note(action);
    for (const action of actions) {
      if (action.kind !== "send") continue;
      const last = this.sent[this.sent.length - 1] as Sent;
      for (const payload of this.server(last))
        this.do({ kind: "received", payload, mac: serverMac });
    }
    return this;
  }

  #note(action: Action): void {
    this.actions.push(action);
    if (action.kind === "log") this.logs.push(action.text);
    else if (action.kind === "send") {
      const message = readMessage(action.payload);
      const type = typeOf(message) as MessageType;
      this.sent.push({ at: this.now - 1000, type, message, action });
    } else this.news.push(`${this.now - 1000} ${tell(action)}`);
  }

  /** Lets time pass, timer by timer, until so many seconds after the start. */
  until(seconds: number): this {
    const end = 1000 + seconds;
    while (this.state.wakeAt <= end) {
      this.now = Math.max(this.now, this.state.wakeAt);
      this.do({ kind: "timer" });
    }
    this.now = end;
    return this;
  }

  /** `0 DISCOVER, 4 DISCOVER` */
  get times(): string {
    return this.sent.map(({ at, type }) => `${at} ${type}`).join(", ");
  }
}

function tell(action: Exclude<Action, { kind: "send" | "log" }>): string {
  if (action.kind === "failed") return `failed: ${action.why}: ${action.detail}`;
  const ip = action.lease.address.join(".");
  if (action.kind === "lost") return `lost ${ip}: ${action.why}`;
  if (action.kind === "bound") return `bound ${ip}`;
  return `renewed ${ip}${action.changed ? ", changed" : ""}`;
}
