/** Who is known to be where on a link, of one namespace: `ip neighbour`. */
import { formatIp, type Ip } from "../addr/ip.ts";
import { messageFlags } from "../netlink/message.ts";
import {
  type NeighbourMessage,
  type NeighbourRequest,
  neighbourMessage,
} from "../netlink/route/neighbour.ts";
import { routeTypes } from "../netlink/route/types.ts";
import { isKernelError } from "./errors.ts";
import { type Family, familyNamed, familyNumber, familyOf } from "./family.ts";
import type { Netns } from "./netns.ts";
import { request } from "./socket.ts";

/** An entry of the neighbour table. */
export interface Neighbour {
  /** Of the link. */
  index: number;
  family: Family;
  ip: Ip;
  /** Absent while the kernel asks for it, or has asked in vain. */
  mac?: string;
  state: NeighbourMessage["state"];
  flags: NeighbourMessage["flags"];
}

/** An entry to make. */
export interface NeighbourSpec {
  ip: Ip;
  mac: string;
  /** Default: permanent. */
  state?: NeighbourMessage["state"] | undefined;
}

/** The neighbours of one namespace: `netns.use(Neighbours)`. */
export class Neighbours {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /** `ip neighbour show dev X`, of one family or both. */
  list(index: number, family?: Family): Neighbour[] {
    const families = family ? [family] : ([4, 6] as const);
    return families.flatMap((one) => {
      const asked: NeighbourRequest = { family: familyNumber(one), viaIndex: index };
      const what = `list neighbours on link ${this.#netns.links.nameOf(index)}`;
      return this.#netns.socket
        .dump(request(routeTypes.getNeighbour, 0, neighbourMessage, asked, what), neighbourMessage)
        .flatMap((message) => neighbourOf(message) ?? [])
        .filter((found) => found.index === index && found.family === one);
    });
  }

  /** `ip neighbour replace IP lladdr MAC dev X` */
  add(index: number, spec: NeighbourSpec): void {
    const { ip, mac, state = "permanent" } = spec;
    const { create, replace } = messageFlags;
    const message = { family: familyOf(ip), index, state, ip, mac };
    const what = `add neighbour ${formatIp(ip)} to link ${this.#netns.links.nameOf(index)}`;
    this.#netns.socket.transact([
      request(routeTypes.newNeighbour, create | replace, neighbourMessage, message, what),
    ]);
  }

  /**
   * `ip neighbour delete IP dev X`
   * @returns false if it was not there
   */
  remove(index: number, ip: Ip): boolean {
    const message = { family: familyOf(ip), index, ip };
    const what = `delete neighbour ${formatIp(ip)} of link ${this.#netns.links.nameOf(index)}`;
    try {
      this.#netns.socket.transact([
        request(routeTypes.deleteNeighbour, 0, neighbourMessage, message, what),
      ]);
      return true;
    } catch (error) {
      if (isKernelError(error, "ENOENT")) return false;
      throw error;
    }
  }
}

function neighbourOf(message: NeighbourMessage): Neighbour | undefined {
  const { index, ip, mac, state, flags } = message;
  const family = familyNamed(message.family);
  if (!family || !ip) return undefined;
  const found: Neighbour = { index, family, ip, state, flags };
  if (mac !== undefined) found.mac = mac;
  return found;
}
