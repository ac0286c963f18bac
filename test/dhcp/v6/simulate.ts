/** As ../simulate.ts, for DHCPv6. */
import { requireIp } from "../../../src/addr/ip.ts";
import {
  type Action6,
  type ClientConfig6,
  createClient6,
  type Event6,
  type State6,
  step6,
} from "../../../src/dhcp/v6/client.ts";
import {
  type Message6,
  type MessageType6,
  readMessage6,
  writeMessage6,
} from "../../../src/dhcp/v6/message.ts";
import { make, option6, type RawOption } from "../../../src/dhcp/v6/options.ts";
import { bytesOf } from "../show.ts";

export const duid = bytesOf("00030001020000000002");
export const serverDuid = bytesOf("00030001020000000001");
export const otherDuid = bytesOf("00030001020000000009");
export const address = requireIp("2001:db8:1::10");

export const config6: ClientConfig6 = { duid, iaid: 7, rapidCommit: false, resendTimeout: 60 };

export interface ReplyParts6 {
  xid?: number;
  clientId?: Uint8Array | undefined;
  serverId?: Uint8Array | undefined;
  iaid?: number;
  t1?: number;
  t2?: number;
  address?: Uint8Array;
  preferred?: number;
  valid?: number;
  /** Instead of an address: what the association has. */
  ia?: RawOption[];
  /** Instead of an association: what the message has. */
  instead?: RawOption[];
  more?: RawOption[];
}

export const status = (code: number, text = "so it is") => make(option6.status, { code, text });

/** What a server answers: an address for 100 s, preferred for 80. */
export function reply6(to: Pick<Message6, "xid">, type: MessageType6, parts: ReplyParts6 = {}) {
  const all = { clientId: duid, serverId: serverDuid, iaid: 7, t1: 0, t2: 0, address, ...parts };
  const { preferred = 80, valid = 100 } = parts;
  const ia = parts.ia ?? [
    make(option6.iaAddress, { address: all.address, preferred, valid, options: [] }),
  ];
  const { iaid, t1, t2 } = all;
  return writeMessage6({
    type,
    xid: parts.xid ?? to.xid,
    options: [
      ...(all.clientId ? [make(option6.clientId, all.clientId)] : []),
      ...(all.serverId ? [make(option6.serverId, all.serverId)] : []),
      ...(parts.instead ?? [make(option6.iaNa, { iaid, t1, t2, options: ia })]),
      ...(parts.more ?? []),
    ],
  });
}

export interface Sent6 {
  at: number;
  message: Message6;
}

export type Server6 = (sent: Sent6) => Uint8Array[];

export const silent6: Server6 = () => [];

/** Grants what is asked. */
export const generous6: Server6 = ({ message }) => [
  reply6(message, message.type === "SOLICIT" ? "ADVERTISE" : "REPLY"),
];

export class Simulation6 {
  state: State6;
  now = 1000;
  server: Server6;
  readonly sent: Sent6[] = [];
  readonly news: string[] = [];
  readonly logs: string[] = [];
  readonly actions: Action6[] = [];
  #random: () => number;

  constructor(server: Server6, changes: Partial<ClientConfig6> = {}, random = () => 0.5) {
    this.server = server;
    this.#random = random;
    this.state = createClient6({ ...config6, ...changes });
  }

  do(event: Event6): this {
    const { state, actions } = step6(this.state, event, { now: this.now, random: this.#random });
    this.state = state;
    for (const action of actions) this.#note(action);
    for (const action of actions) {
      if (action.kind !== "send") continue;
      for (const payload of this.server(this.last)) this.do({ kind: "received", payload });
    }
    return this;
  }

  get last(): Sent6 {
    return this.sent[this.sent.length - 1] as Sent6;
  }

  #note(action: Action6): void {
    this.actions.push(action);
    if (action.kind === "log") this.logs.push(action.text);
    else if (action.kind === "send") {
      this.sent.push({ at: this.now - 1000, message: readMessage6(action.payload) });
    } else this.news.push(`${round(this.now - 1000)} ${tell(action)}`);
  }

  until(seconds: number): this {
    const end = 1000 + seconds;
    while (this.state.wakeAt <= end) {
      this.now = Math.max(this.now, this.state.wakeAt);
      this.do({ kind: "timer" });
    }
    this.now = end;
    return this;
  }

  get times(): string {
    return this.sent.map(({ at, message }) => `${round(at)} ${message.type}`).join(", ");
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function tell(action: Exclude<Action6, { kind: "send" | "log" }>): string {
  if (action.kind === "failed") return `failed: ${action.why}: ${action.detail}`;
  const last = action.lease.addresses.map(({ address }) => address[15]).join("+");
  if (action.kind === "lost") return `lost ${last}: ${action.why}`;
  if (action.kind === "bound") return `bound ${last}`;
  return `renewed ${last}${action.changed ? ", changed" : ""}`;
}
