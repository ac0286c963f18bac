/**
 * Drops frames that come in by a bridge port with another source than the container's MAC address.
 * `attachment-set.ts` says where the rules stand. Reference: pkg/link/spoofcheck.go.
 */
import { concat } from "../addr/bytes.ts";
import { parseMac } from "../addr/mac.ts";
import type { Netns } from "../kernel/netns.ts";
import { interfaceKey } from "../netlink/nftables/build.ts";
import type { Attachment } from "./attachment.ts";
import { install } from "./attachment-set.ts";
import { feature } from "./spoof-check-nft.ts";

/**
 * Drops what comes in by `hostIfName` with another source than `mac`. Safe to repeat.
 *
 * @param hostIfName the bridge port: the host's end of the veth pair
 * @param mac the container's address, as `02:00:00:00:00:01`
 * @throws KernelError; NftUnsupported on a kernel without nf_tables for bridges
 */
export function setup(host: Netns, attachment: Attachment, hostIfName: string, mac: string): void {
  const entry = concat(interfaceKey(hostIfName), parseMac(mac), new Uint8Array(2));
  install(host, attachment, [{ feature, entries: [{ value: entry }] }]);
}
