/** VLANs that bridges and their ports carry, of one namespace: `bridge vlan`. */

import type { Input } from "../netlink/codec.ts";
import { bridgeLinkMessage, vlanDumpRequest, vlanMessage } from "../netlink/route/bridge-vlan.ts";
import { families, routeTypes } from "../netlink/route/types.ts";
import { isKernelError } from "./errors.ts";
import type { Netns } from "./netns.ts";
import { request } from "./socket.ts";

/** A VLAN on a port. */
export interface BridgeVlan {
  /** 1 to 4094. */
  vid: number;
  /** Frames that come in without a tag belong to it. At most one VLAN of a port. */
  pvid?: boolean | undefined;
  /** Its frames go out without a tag. */
  untagged?: boolean | undefined;
}

type BridgeLinkRequest = Input<typeof bridgeLinkMessage>;
type VlanInfo = NonNullable<NonNullable<BridgeLinkRequest["afSpec"]>["vlans"]>[number];

const lastVid = 4094;

/** The VLANs of bridges of one namespace: `netns.use(BridgeVlans)`. */
export class BridgeVlans {
  readonly #netns: Netns;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  /**
   * `bridge vlan show dev X`, in ascending order; empty for what is neither a bridge nor a port.
   * @param index of the port, or of the bridge for its own VLANs
   */
  list(index: number): BridgeVlan[] {
    try {
      return this.#listOne(index);
    } catch (error) {
      // Linux before 5.6 can only be asked about all ports at once.
      if (isKernelError(error, "EOPNOTSUPP")) return this.#listFromAll(index);
      if (isKernelError(error, "EINVAL")) return []; // neither bridge nor port
      throw error;
    }
  }

  #listOne(index: number): BridgeVlan[] {
    const vlans: BridgeVlan[] = [];
    const what = `list VLANs of link ${this.#netns.links.nameOf(index)}`;
    const asked = { family: families.bridge, index };
    const messages = this.#netns.socket.dump(
      request(routeTypes.getVlan, 0, vlanDumpRequest, asked, what),
      vlanMessage,
    );
    for (const message of messages) {
      if (message.index !== index) continue;
      for (const { info, rangeEnd } of message.entries ?? []) {
        if (!info) continue;
        for (let vid = info.vid; vid <= (rangeEnd ?? info.vid); vid++) {
          vlans.push(vlanOf(vid, info));
        }
      }
    }
    return vlans;
  }

  #listFromAll(index: number): BridgeVlan[] {
    const what = `list VLANs of link ${this.#netns.links.nameOf(index)}`;
    const asked: BridgeLinkRequest = { family: families.bridge, extensions: ["bridgeVlan"] };
    return this.#netns.socket
      .dump(request(routeTypes.getLink, 0, bridgeLinkMessage, asked, what), bridgeLinkMessage)
      .filter((message) => message.index === index)
      .flatMap((message) => message.afSpec?.vlans ?? [])
      .map((info) => vlanOf(info.vid, info));
  }

  /**
   * `bridge vlan add dev X vid N [pvid] [untagged] [self]`
   * @param index of the port; of the bridge itself with `self`
   */
  add(index: number, vlan: BridgeVlan, self = false): void {
    this.addAll(index, [vlan], self);
  }

  /** As `add`, all in one message, whose length is that of the ranges in the list. */
  addAll(index: number, vlans: readonly BridgeVlan[], self = false): void {
    if (vlans.length === 0) return;
    const what = `add ${describe(vlans)} to link ${this.#netns.links.nameOf(index)}`;
    this.#change(routeTypes.setLink, index, ranges(vlans), self, what);
  }

  /** `bridge vlan add dev X vid FIRST-LAST`: tagged. */
  addRange(index: number, first: number, last: number, self = false): void {
    const what = `add VLANs ${first} to ${last} to link ${this.#netns.links.nameOf(index)}`;
    this.#change(routeTypes.setLink, index, range(first, last, []), self, what);
  }

  /** `bridge vlan delete dev X vid N`. One that is not there is no error. */
  remove(index: number, vid: number, self = false): void {
    this.removeRange(index, vid, vid, self);
  }

  /** `bridge vlan delete dev X vid FIRST-LAST`. Those that are not there are no error. */
  removeRange(index: number, first: number, last: number, self = false): void {
    const what = `delete VLANs ${first} to ${last} of link ${this.#netns.links.nameOf(index)}`;
    this.#change(routeTypes.deleteLink, index, range(first, last, []), self, what);
  }

  /** Leaves no VLAN on the port. */
  removeAll(index: number, self = false): void {
    this.removeRange(index, 1, lastVid, self);
  }

  #change(type: number, index: number, vlans: VlanInfo[], self: boolean, what: string): void {
    const message: BridgeLinkRequest = {
      family: families.bridge,
      index,
      afSpec: { target: [self ? "self" : "master"], vlans },
    };
    this.#netns.socket.transact([request(type, 0, bridgeLinkMessage, message, what)]);
  }
}

function describe(vlans: readonly BridgeVlan[]): string {
  const shown = vlans.slice(0, 3).map(({ vid }) => vid);
  return `VLAN ${shown.join(", ")}${vlans.length > 3 ? ", ..." : ""}`;
}

function vlanOf(vid: number, { flags = [] }: VlanInfo): BridgeVlan {
  return {
    vid,
    ...(flags.includes("pvid") && { pvid: true }),
    ...(flags.includes("untagged") && { untagged: true }),
  };
}

type Flag = NonNullable<VlanInfo["flags"]>[number];

function flagsOf({ pvid, untagged }: BridgeVlan): Flag[] {
  const flags: Flag[] = [];
  if (pvid) flags.push("pvid");
  if (untagged) flags.push("untagged");
  return flags;
}

function range(first: number, last: number, flags: Flag[]): VlanInfo[] {
  if (first === last) return [{ vid: first, flags }];
  return [
    { vid: first, flags: [...flags, "rangeBegin"] },
    { vid: last, flags: [...flags, "rangeEnd"] },
  ];
}

/** Neighbours of the same kind become a range; a pvid cannot be in one. */
function ranges(vlans: readonly BridgeVlan[]): VlanInfo[] {
  const infos: VlanInfo[] = [];
  for (let i = 0; i < vlans.length; ) {
    const first = vlans[i] as BridgeVlan;
    let end = i + 1;
    for (let next = vlans[end]; continues(first, end - i, next); next = vlans[end]) end++;
    infos.push(...range(first.vid, first.vid + end - i - 1, flagsOf(first)));
    i = end;
  }
  return infos;
}

function continues(first: BridgeVlan, distance: number, next: BridgeVlan | undefined): boolean {
  if (!next || first.pvid || next.pvid || next.vid !== first.vid + distance) return false;
  return Boolean(next.untagged) === Boolean(first.untagged);
}
