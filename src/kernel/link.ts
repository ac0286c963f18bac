/** What a link is, and what it shall be, in friendly form; `links.ts` does what is said here. */
import type { Infer } from "../netlink/codec.ts";
import {
  type BridgePort,
  type LinkInfo,
  type LinkInfoInput,
  type LinkRequest,
  type LinkSummary,
  type linkFlags,
  readBridgePort,
  readKindData,
} from "../netlink/route/link.ts";
import type { bridgeInfo, vlanInfo } from "../netlink/route/link-kinds.ts";
import type { Netns } from "./netns.ts";
import { fromWire, toWire } from "./text.ts";

export { dataOf } from "../netlink/attr.ts";
export type { BridgePort, LinkInfo } from "../netlink/route/link.ts";
/** The settings of a bridge. */
export type BridgeInfo = Infer<typeof bridgeInfo>;
/** The settings of a VLAN link. */
export type VlanInfo = Infer<typeof vlanInfo>;

/** A flag of a link, as `up` (IFF_UP). */
export type LinkFlag = keyof typeof linkFlags;
/** Whether a link works, as the kernel sees it (RFC 2863). */
export type OperState = NonNullable<LinkSummary["operState"]>;

/** A network interface, as it was when it was looked at. */
export interface Link {
  index: number;
  name: string;
  /** Other names it answers to; empty for most. */
  altNames: readonly string[];
  /** `02:00:00:00:00:01`; empty where the kind has none. */
  mac: string;
  mtu: number;
  /** Whether it is meant to be up (IFF_UP); `operState` says whether it works. */
  up: boolean;
  flags: readonly (LinkFlag | number)[];
  operState: OperState;
  /** Index of the bridge, vrf or bond that it is part of. */
  master?: number;
  /** Index of what it sits on; of a veth, of its other end. In the namespace `parentNetnsId`. */
  parent?: number;
  /** The namespace of `parent` as this one numbers it; absent: the same namespace. */
  parentNetnsId?: number;
  /** How many want it promiscuous; the `promiscuous` flag only tells of what was set by hand. */
  promiscuity: number;
  /** What kind it is; absent for hardware and `lo`. Its data: `dataOf(link.info, "vlan")?.id`. */
  info?: LinkInfo;
  /** Settings as part of a bridge. */
  bridgePort?: BridgePort;
  alias?: string;
  txQueueLength: number;
}

/**
 * What can be said of a link when it is made, and of the other end of a veth pair. An alias can only
 * be given to a link that is there, and the other end can only come up when the pair is complete.
 */
export interface EndSpec {
  name: string;
  mtu?: number | undefined;
  mac?: string | undefined;
  txQueueLength?: number | undefined;
  /** The namespace that it lands in; default: that of the `Links` that makes it. */
  netns?: Netns | undefined;
  /** Default: the kernel picks one. */
  index?: number | undefined;
}

/** Kind and data of a new link; of a veth, the data is its other end. */
export type InfoSpec =
  | Exclude<LinkInfoInput, { kind: "veth" }>
  | { kind: "veth"; data: { peer: EndSpec } };

/** A link to make. */
export interface LinkSpec extends EndSpec {
  info: InfoSpec;
  up?: boolean | undefined;
  /** Index of the bridge or vrf that it shall be part of. */
  master?: number | undefined;
  /** Index of what it sits on, in the namespace of the `Links` that makes it. */
  parent?: number | undefined;
  /**
   * The name that it has for a moment in another namespace, where the kernel minds one of its own
   * name here; default: a random one. A link that was left behind under it is removed.
   */
  interim?: string | undefined;
}

/** What can be changed of a link; what is absent stays. */
export interface LinkChanges {
  up?: boolean | undefined;
  promiscuous?: boolean | undefined;
  allMulticast?: boolean | undefined;
  name?: string | undefined;
  mac?: string | undefined;
  mtu?: number | undefined;
  /** Index of a bridge or vrf; 0 takes it out. */
  master?: number | undefined;
  /** Empty removes it. */
  alias?: string | undefined;
  txQueueLength?: number | undefined;
  /** Where it moves to. It arrives down, without addresses. */
  netns?: Netns | undefined;
  /** Settings as part of a bridge; it must be one already. */
  bridgePort?: BridgePort | undefined;
  /** Settings of its kind, e.g. `{ kind: "bridge", data: { vlanFiltering: true } }`. */
  info?: Exclude<LinkInfoInput, { kind: "veth" }> | undefined;
  /** How its IPv6 link-local address is made. */
  addressGeneration?: "eui64" | "none" | "stable-secret" | "random" | undefined;
}

const switches = {
  up: "up",
  promiscuous: "promiscuous",
  allMulticast: "allMulticast",
} as const satisfies Record<string, LinkFlag>;

/** The message that makes a link. */
export function newLinkMessage(spec: LinkSpec): LinkRequest {
  const { info, up, master, parent } = spec;
  const message = endMessage(spec);
  if (up) message.flags = message.change = ["up"];
  if (parent !== undefined) message.parent = parent;
  if (master !== undefined) message.master = master;
  message.info = (
    info.kind === "veth" ? { kind: "veth", data: { peer: endMessage(peerOf(info)) } } : info
  ) as LinkInfoInput;
  return message;
}

function peerOf(info: InfoSpec): EndSpec {
  return (info.data as { peer: EndSpec }).peer;
}

function endMessage(spec: EndSpec): LinkRequest {
  const { name, mtu, mac, txQueueLength, netns, index } = spec;
  const message: LinkRequest = {};
  if (index !== undefined) message.index = index;
  message.name = toWire(name);
  if (mtu !== undefined) message.mtu = mtu;
  if (mac !== undefined) message.mac = mac;
  if (txQueueLength !== undefined) message.txQueueLength = txQueueLength;
  if (netns) message.netnsFd = netns.descriptor();
  return message;
}

/** The message that changes a link. */
export function changeMessage(index: number, changes: LinkChanges): LinkRequest {
  const { name, mac, mtu, master, alias, txQueueLength, netns, bridgePort, info } = changes;
  const message: LinkRequest = { index };
  const change: LinkFlag[] = [];
  const flags: LinkFlag[] = [];
  for (const key of Object.keys(switches) as (keyof typeof switches)[]) {
    if (changes[key] === undefined) continue;
    change.push(switches[key]);
    if (changes[key]) flags.push(switches[key]);
  }
  if (change.length > 0) Object.assign(message, { flags, change });
  if (name !== undefined) message.name = toWire(name);
  if (mac !== undefined) message.mac = mac;
  if (mtu !== undefined) message.mtu = mtu;
  if (master !== undefined) message.master = master;
  if (alias !== undefined) message.alias = toWire(alias);
  if (txQueueLength !== undefined) message.txQueueLength = txQueueLength;
  if (netns) message.netnsFd = netns.descriptor();
  if (changes.addressGeneration !== undefined) {
    message.afSpec = { inet6: { addressGeneration: changes.addressGeneration } };
  }
  if (info || bridgePort) {
    const port = bridgePort && { portKind: "bridge", portData: bridgePort };
    message.info = { ...info, ...port } as LinkInfoInput;
  }
  return message;
}

export function linkOf(summary: LinkSummary): Link {
  const { index, flags, master, parent, parentNetnsId, info, alias } = summary;
  const link: Link = {
    index,
    name: fromWire(summary.name ?? ""),
    altNames: (summary.properties?.altNames ?? []).map(fromWire),
    mac: summary.mac ?? "",
    mtu: summary.mtu ?? 0,
    up: flags.includes("up"),
    flags,
    operState: summary.operState ?? "unknown",
    promiscuity: summary.promiscuity ?? 0,
    txQueueLength: summary.txQueueLength ?? 0,
  };
  if (master) link.master = master;
  if (parent) link.parent = parent;
  if (parentNetnsId !== undefined) link.parentNetnsId = parentNetnsId;
  if (alias !== undefined) link.alias = fromWire(alias);
  if (info?.kind !== undefined) {
    const { kind, data } = info;
    link.info = { kind } as LinkInfo;
    if (data) whenAsked(link.info, "data", () => readKindData(kind, data));
  }
  const port = info?.portKind === "bridge" ? info.portData : undefined;
  if (port) whenAsked(link, "bridgePort", () => readBridgePort(port));
  return link;
}

/** A property that is worked out when it is first looked at. */
function whenAsked<T extends object>(object: T, key: keyof T, read: () => unknown): void {
  Object.defineProperty(object, key, {
    configurable: true,
    enumerable: true,
    get(this: T) {
      const value = read();
      Object.defineProperty(this, key, { value, enumerable: true, writable: true });
      return value;
    },
  });
}
