/** One attachment's leases, of either family or both: got, kept, stored, applied, given back. */

import { formatIp } from "../../addr/ip.ts";
import { parseMac } from "../../addr/mac.ts";
import { sys } from "../../sys/sys.ts";
import { type Attachment, attachmentName, iaidOf, referenceClientId } from "../client-id.ts";
import type { ClientConfig, Timing } from "../client-state.ts";
import type { Lease } from "../lease.ts";
import { configOf } from "../lease-config.ts";
import type { CallResult } from "../rpc.ts";
import { digestUuid, uuidDuid } from "../v6/duid.ts";
import { configOf6, type Lease6 } from "../v6/lease.ts";
import { applyChange, type Given, nothing } from "./apply.ts";
import { Client4 } from "./client4.ts";
import { Client6 } from "./client6.ts";
import { now } from "./clock.ts";
import type { StoredLease } from "./lease-file.ts";
import { LinkGone, type LinkId, type OpenLink, reasonOf } from "./link.ts";
import type { Hooks, LinkClient } from "./link-client.ts";
import type { LeaseRequest } from "./request.ts";

/** What a keeper needs of the daemon. */
export interface KeeperEnv {
  readonly timing: Timing;
  log(text: string): void;
  /** The lease is to be written down as it is now. */
  changed(keeper: Keeper): void;
  closeLater(fd: number): void;
}

/** How an acquisition ended for one who waits for it. */
export type Outcome =
  | { kind: "got"; result: CallResult }
  | { kind: "failed"; why: string; detail: string };

/** After a failure that nobody waits to hear of, how many seconds until it is tried again. */
const retryAfter = 60;

export class Keeper {
  readonly attachment: Attachment;
  readonly id: LinkId;
  readonly #env: KeeperEnv;
  readonly #request: LeaseRequest;
  readonly #mac: Uint8Array;
  readonly #broadcast: boolean;
  readonly #waiting = new Set<(outcome: Outcome) => void>();
  #client4: Client4 | undefined;
  #client6: Client6 | undefined;
  /** Whether all leases were there once: from then on changes are ours to apply. */
  #wasBound = false;
  #isOver = false;
  #verifyAt = Infinity;
  #retryAt = Infinity;

  constructor(
    env: KeeperEnv,
    request: LeaseRequest,
    link: { id: LinkId; mac: Uint8Array; broadcast: boolean },
  ) {
    this.#env = env;
    this.#request = request;
    this.attachment = request.attachment;
    this.id = link.id;
    this.#mac = link.mac;
    this.#broadcast = link.broadcast;
    this.#makeClients();
  }

  /** A keeper for a link that is open now. IPVLAN links share a MAC: only broadcasts reach them. */
  static of(
    env: KeeperEnv,
    request: LeaseRequest,
    open: OpenLink & { id: LinkId },
    broadcast: boolean,
  ) {
    const { link, id } = open;
    const sharesMac = link.info?.kind === "ipvlan" || link.info?.kind === "ipvtap";
    return new Keeper(env, request, {
      id,
      mac: parseMac(link.mac),
      broadcast: broadcast || sharesMac,
    });
  }

  #makeClients(): void {
    const { attachment, selection, choices } = this.#request;
    const { timing } = this.#env;
    if (choices.ipv4) {
      const config: ClientConfig = {
        mac: this.#mac,
        clientId: referenceClientId(attachment),
        ...selection,
        broadcast: this.#broadcast,
        timing,
      };
      this.#client4 = new Client4(
        this.id,
        config,
        this.#hooks<Lease>("IPv4", given4(this.#request)),
      );
    }
    if (choices.ipv6) {
      const digest = sys.digest(sys.encodeUtf8(attachmentName(attachment)));
      const config = {
        duid: uuidDuid(digestUuid(digest)),
        iaid: iaidOf(attachment),
        rapidCommit: true,
        resendTimeout: timing.resendTimeout,
      };
      this.#client6 = new Client6(this.id, config, this.#hooks<Lease6>("IPv6", given6));
    }
  }

  /** All clients. */
  get clients(): LinkClient<never, unknown>[] {
    const clients: unknown[] = [this.#client4, this.#client6].filter(Boolean);
    return clients as LinkClient<never, unknown>[];
  }

  get isBound(): boolean {
    return !this.#isOver && this.clients.every(({ lease }) => lease !== undefined);
  }

  /** Whether nothing is to be done any more; then the daemon forgets the keeper. */
  get isOver(): boolean {
    return this.#isOver && this.clients.every(({ hasEnded }) => hasEnded);
  }

  /** Whether it is worth a file: somebody was told of a lease. */
  get isStorable(): boolean {
    return this.#wasBound && !this.#isOver;
  }

  get wakeAt(): number {
    // Written out, since of a thousand keepers each is asked.
    const own = Math.min(this.#verifyAt, this.#retryAt);
    const { wakeAt: wake4 = Infinity } = this.#client4 ?? {};
    const { wakeAt: wake6 = Infinity } = this.#client6 ?? {};
    return Math.min(own, wake4, wake6);
  }

  /** Asks servers for leases. */
  start(): void {
    this.#client4?.start();
    this.#client6?.start();
  }

  /**
   * Goes on with what an earlier daemon had.
   * @param verifyAt when to ask whether it still stands: not all leases at once
   */
  resume({ lease4, lease6 }: StoredLease, verifyAt: number): void {
    this.#wasBound = true;
    this.#verifyAt = verifyAt;
    if (lease4) this.#client4?.resume(lease4);
    else this.#client4?.start();
    if (lease6) this.#client6?.resume(lease6);
    else this.#client6?.start();
  }

  /** Gives back what an earlier daemon had. */
  leave({ lease4, lease6 }: StoredLease): void {
    this.#isOver = true;
    if (lease4) this.#client4?.resume(lease4);
    this.#client4?.release();
    if (lease6) this.#client6?.resume(lease6);
    this.#client6?.release();
  }

  onTimer(): void {
    if (now() >= this.#verifyAt) {
      this.#verifyAt = Infinity;
      this.#client4?.verify();
      this.#client6?.verify();
    }
    if (now() >= this.#retryAt) this.#retry();
    for (const client of this.clients) client.onTimer();
  }

  /** The result once all leases are there, or the first failure. */
  whenBound(tell: (outcome: Outcome) => void): void {
    if (this.isBound) tell({ kind: "got", result: this.result() });
    else this.#waiting.add(tell);
  }

  /** Somebody does not wait any more. @returns whether an acquisition goes on for nobody */
  forget(tell: (outcome: Outcome) => void): boolean {
    this.#waiting.delete(tell);
    return this.#waiting.size === 0 && !this.#wasBound;
  }

  /** Gives everything back. */
  release(why: string): void {
    this.#isOver = true;
    this.#client4?.release();
    this.#client6?.release();
    this.#tell({ kind: "failed", why, detail: "" });
  }

  /** What the leases give, as a CNI result. */
  result(): CallResult {
    const result: CallResult = { ips: [], routes: [], dns: {} };
    const { choices } = this.#request;
    const lease4 = this.#client4?.lease;
    const lease6 = this.#client6?.lease;
    const dns: Required<CallResult["dns"]>[] = [];
    if (lease4) {
      const { address, gateway, routes, dns: more } = configOf(lease4, choices);
      result.ips.push({ address, ...(gateway && { gateway }) });
      result.routes.push(...routes);
      dns.push({ domain: "", options: [], ...more });
    }
    if (lease6) {
      const { addresses, dns: more } = configOf6(lease6);
      result.ips.push(...addresses.map(({ address }) => ({ address })));
      dns.push({ domain: "", options: [], ...more });
    }
    if (choices.useDns) {
      result.dns = {
        nameservers: dns.flatMap(({ nameservers }) => nameservers),
        domain: dns.find(({ domain }) => domain !== "")?.domain ?? "",
        search: [...new Set(dns.flatMap(({ search }) => search))],
      };
    }
    return result;
  }

  stored(): StoredLease {
    const { selection, choices } = this.#request;
    return {
      attachment: this.attachment,
      id: this.id,
      mac: this.#mac,
      broadcast: this.#broadcast,
      selection,
      choices,
      lease4: this.#client4?.lease,
      lease6: this.#client6?.lease,
    };
  }

  #hooks<L>(family: string, givenBy: (lease: L) => Given): Hooks<L> {
    return {
      changed: (previous, lease, why) => {
        if (this.#isOver) return;
        const before = previous === undefined ? nothing : givenBy(previous);
        const after = lease === undefined ? nothing : givenBy(lease);
        if (why === "link gone") this.#over(`${family}: the link is gone`);
        else if (this.#wasBound) this.#apply(before, after);
        if (lease) this.#log(`${family}: ${why}: ${describe(after)}`);
        this.#wasBound ||= this.isBound;
        this.#env.changed(this); // what somebody is told of is on disk
        if (this.isBound) this.#tell({ kind: "got", result: this.result() });
      },
      renewed: () => {
        if (!this.#isOver) this.#env.changed(this);
      },
      failed: (why, detail) => this.#failed(why, `${family}: ${detail} on ${this.id.name}`),
      log: (text) => this.#log(`${family}: ${text}`),
      closeLater: this.#env.closeLater,
    };
  }

  #failed(why: string, detail: string): void {
    if (this.#isOver) return;
    this.#log(`${why}: ${detail}`);
    if (this.#wasBound) {
      this.#retryAt = now() + retryAfter;
      return;
    }
    this.#isOver = true;
    // What the other family has got is of no use now.
    for (const client of [this.#client4, this.#client6]) if (!client?.hasEnded) client?.release();
    this.#tell({ kind: "failed", why, detail });
    this.#env.changed(this);
  }

  /** A family without a lease begins anew. */
  #retry(): void {
    this.#retryAt = Infinity;
    const [old4, old6] = [this.#client4, this.#client6];
    this.#makeClients();
    if (old4 && !old4.hasEnded) this.#client4 = old4;
    else this.#client4?.start();
    if (old6 && !old6.hasEnded) this.#client6 = old6;
    else this.#client6?.start();
  }

  #over(why: string): void {
    this.#isOver = true;
    this.#log(why);
    this.#tell({ kind: "failed", why, detail: "" });
  }

  #apply(before: Given, after: Given): void {
    try {
      for (const failure of applyChange(this.id, before, after)) this.#log(failure);
    } catch (error) {
      if (!(error instanceof LinkGone)) throw error;
      this.#log(reasonOf(error));
    }
  }

  #tell(outcome: Outcome): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const tell of waiting) tell(outcome);
  }

  #log(text: string): void {
    this.#env.log(`${attachmentName(this.attachment)}: ${text}`);
  }
}

function given4({ choices }: LeaseRequest): (lease: Lease) => Given {
  return (lease) => {
    const { address, routes } = configOf(lease, choices);
    return { addresses: [address], routes };
  };
}

function given6(lease: Lease6): Given {
  return { addresses: configOf6(lease).addresses.map(({ address }) => address), routes: [] };
}

function describe({ addresses }: Given): string {
  return addresses.map(({ ip, prefixLength }) => `${formatIp(ip)}/${prefixLength}`).join(" ");
}
