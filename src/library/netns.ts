/**
 * Links, addresses, routes, rules, neighbours and nf_tables rules of any network namespace, by
 * netlink.
 *
 * All of it is synchronous: the kernel answers from memory, mostly in some ten microseconds, and a
 * handle never leaves a thread in a foreign namespace. Only the functions that begin with `wait`
 * block for longer. A {@link Netns} holds descriptors: close it.
 *
 * Addresses are bytes ({@link parseIp}, {@link formatIp}); a subnet, and an address in its subnet, is
 * a {@link Cidr}.
 *
 * @example
 * const blue = Netns.open("/run/netns/blue");
 * try {
 *   const eth0 = blue.links.get("eth0");
 *   blue.links.change(eth0.index, { up: true, mtu: 1400 });
 *   blue.addresses.add(eth0.index, { address: parseCidr("10.1.2.3/24") });
 *   blue.routes.add({ dst: parseCidr("0.0.0.0/0"), gateway: requireIp("10.1.2.1") });
 * } finally {
 *   blue.close();
 * }
 * @module
 */
export { type Cidr, formatCidr, host, mask, network, parseCidr } from "../addr/cidr.ts";
export { formatIp, type Ip, parseIp, requireIp } from "../addr/ip.ts";
export {
  type Address,
  Addresses,
  type AddressFlag,
  type AddressSpec,
} from "../kernel/addresses.ts";
export { type BridgeVlan, BridgeVlans } from "../kernel/bridge-vlans.ts";
export { type Addressed, type Connection, Conntrack } from "../kernel/conntrack.ts";
export { isKernelError, KernelError, NetnsError } from "../kernel/errors.ts";
export {
  type BridgeInfo,
  type BridgePort,
  dataOf,
  type EndSpec,
  type InfoSpec,
  type Link,
  type LinkChanges,
  type LinkFlag,
  type LinkInfo,
  type LinkSpec,
  Links,
  type OperState,
  type VlanInfo,
} from "../kernel/links.ts";
export {
  type Neighbour,
  type NeighbourSpec,
  Neighbours,
} from "../kernel/neighbours.ts";
export { Netns } from "../kernel/netns.ts";
export { askChain, askElement, askSet, askTable, Nft, type Question } from "../kernel/nft.ts";
export type { Change, Hook, TableName } from "../kernel/nft-changes.ts";
export { NftUnsupported } from "../kernel/nft-support.ts";
export {
  type NextHop,
  type Route,
  type RouteFilter,
  type RouteMode,
  type RouteSpec,
  Routes,
  routeScopes,
  routeTables,
} from "../kernel/routes.ts";
export { type Rule, type RuleSpec, Rules } from "../kernel/rules.ts";
export { Sysctl } from "../kernel/sysctl.ts";
export { type Bucket, type Qdisc, Traffic } from "../kernel/traffic.ts";
export { addTap, type TapSpec } from "../kernel/tun.ts";
export { isSystemError, type SystemError } from "../sys/errno.ts";
export * as netlink from "./netlink.ts";
export * as nft from "./nft.ts";
