/** The connections that one namespace keeps track of: `conntrack`. */
import { equal } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import {
  type ConntrackMessage,
  type ConntrackRequest,
  type ConntrackTuple,
  conntrackMessage,
  conntrackTypes,
} from "../netlink/conntrack.ts";
import { constants } from "../sys/sys.ts";
import { isKernelError } from "./errors.ts";
import { type Family, familyNumber } from "./family.ts";
import type { Netns } from "./netns.ts";
import { type NetlinkSocket, request } from "./socket.ts";

/** Which connections, by what their first packet was addressed to before it was translated. */
export interface Addressed {
  family: Family;
  /** IPPROTO_*: 17 is UDP. */
  protocol: number;
  port: number;
  /** Absent: to any address. */
  address?: Ip | undefined;
}

/** A connection. */
export interface Connection {
  /** What its first packet was addressed to. */
  address: Ip;
  port: number;
  /** Who answers: the translated address. */
  server: Ip | undefined;
  serverPort: number | undefined;
}

/** What the kernel gave, which names a connection when it is to be deleted. */
interface Row {
  message: ConntrackMessage;
  connection: Connection;
}

/** More ports than this are looked for in one reading of the whole table. */
const maxReadings = 4;

/** The tracked connections of one namespace: `netns.use(Conntrack)`. */
export class Conntrack {
  readonly #netns: Netns;
  #socket: NetlinkSocket | undefined;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** Closes its socket; the namespace does it for all that it gave. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /**
   * `conntrack -D -p PROTOCOL --orig-port-dst PORT [--orig-dst ADDRESS]` for each of `wanted`, which
   * are of one family and one protocol. Reads the kernel's table, which may be large.
   *
   * @param isStale which of those found to delete
   * @returns how many were deleted
   * @throws KernelError, also on a kernel without CONFIG_NF_CT_NETLINK
   */
  remove(
    wanted: readonly Addressed[],
    isStale: (connection: Connection) => boolean = () => true,
  ): number {
    let removed = 0;
    for (const row of this.#find(wanted)) {
      if (isStale(row.connection) && this.#removeOne(row.message)) removed++;
    }
    return removed;
  }

  #find(wanted: readonly Addressed[]): Row[] {
    const [first] = wanted;
    if (!first || this.#isEmpty()) return [];
    const ports = [...new Set(wanted.map(({ port }) => port))];
    const readings = ports.length > maxReadings ? [undefined] : ports;
    const messages = readings.flatMap((port) => this.#dump(first, port));
    return messages.flatMap((message) => {
      const connection = connectionOf(first, message);
      const found = connection && wanted.some((each) => isAddressed(each, connection));
      return found ? [{ message, connection }] : [];
    });
  }

  /** To look through a table without connections takes the kernel milliseconds: it is a large one. */
  #isEmpty(): boolean {
    const count = this.#netns.sysctl.readIfPresent("net", "netfilter", "nf_conntrack_count");
    return count === "0";
  }

  #dump({ family, protocol }: Addressed, port: number | undefined): ConntrackMessage[] {
    const asked: ConntrackRequest = {
      family: family === 4 ? "ip" : "ip6",
      original: {
        protocol: { number: protocol, ...(port !== undefined && { destinationPort: port }) },
      },
      filter: { original: port === undefined ? ["protocol"] : ["protocol", "destinationPort"] },
    };
    const what = "list connections";
    const number = familyNumber(family);
    return this.#open.dump(
      request(conntrackTypes.get, 0, conntrackMessage, asked, what),
      conntrackMessage,
      (row) => row.peek(0) === number,
    );
  }

  /** By its addresses and ports, and the id that tells it from a later one with the same. */
  #removeOne({ family, original, reply, zone, id }: ConntrackMessage): boolean {
    const asked: ConntrackRequest = { family, original, reply, zone, id };
    const what = "delete a connection";
    try {
      this.#open.transact([request(conntrackTypes.delete, 0, conntrackMessage, asked, what)]);
      return true;
    } catch (error) {
      if (isKernelError(error, "ENOENT")) return false; // it ended by itself
      throw error;
    }
  }

  get #open(): NetlinkSocket {
    this.#socket ??= this.#netns.openSocket(constants.NETLINK_NETFILTER);
    return this.#socket;
  }
}

/** Kernels before 5.8 do not filter, so that each row is looked at. */
function connectionOf(
  { protocol }: Addressed,
  { original, reply }: ConntrackMessage,
): Connection | undefined {
  const address = destinationOf(original);
  const port = original?.protocol?.destinationPort;
  if (!address || port === undefined || original?.protocol?.number !== protocol) return undefined;
  const server = reply?.ip?.source4 ?? reply?.ip?.source6;
  return { address, port, server, serverPort: reply?.protocol?.sourcePort };
}

function destinationOf(tuple: ConntrackTuple | undefined): Ip | undefined {
  return tuple?.ip?.destination4 ?? tuple?.ip?.destination6;
}

function isAddressed(wanted: Addressed, { address, port }: Connection): boolean {
  return wanted.port === port && (!wanted.address || equal(wanted.address, address));
}
