/**
 * Drops frames that come in by a bridge port with another source than the container's MAC address.
 * `attachment-chain.ts` says where the rules stand. Reference: pkg/link/spoofcheck.go.
 */
import { parseMac } from "../addr/mac.ts";
import type { Netns } from "../kernel/netns.ts";
import * as say from "../netlink/nftables/build.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, install, uninstall } from "./attachment-chain.ts";
import type { Feature } from "./feature.ts";
import { whereSupported } from "./nft-remains.ts";
import * as remains from "./spoof-check-remains.ts";

const map = "attachments";
const prefix = "port";
const port = say.loadMeta("iifname");

const feature: Feature = {
  family: "bridge",
  table: "cnibox_spoofcheck",
  comment: "cnibox: MAC addresses of containers",
  prefixes: [prefix],
  maps: [{ name: map, key: ["interfaceName"] }],
  hooks: [
    {
      name: "prerouting",
      base: { type: "filter", hook: { number: "prerouting", priority: -300 }, policy: "accept" },
      rules: [[port, say.goBy(map)]],
    },
  ],
  keysOf({ expressions }) {
    const key = say.expected(expressions, port);
    return key ? [{ map, key }] : [];
  },
};

/**
 * Drops what comes in by `hostIfName` with another source than `mac`. Safe to repeat.
 *
 * @param hostIfName the bridge port: the host's end of the veth pair
 * @param mac the container's address, as `02:00:00:00:00:01`
 * @throws KernelError; NftUnsupported on a kernel without nf_tables for bridges
 */
export function setup(host: Netns, attachment: Attachment, hostIfName: string, mac: string): void {
  const rule = [
    ...say.isInterface("iifname", hostIfName),
    ...say.isNot("ether saddr", parseMac(mac)),
    say.verdict("drop"),
  ];
  const keys = [{ map, key: say.interfaceKey(hostIfName) }];
  install(host, attachment, [{ feature, chains: [{ prefix, rules: [rule], keys }] }]);
}

/** Removes what `setup` made, and what the Go bridge made for the same attachment. */
export function teardown(host: Netns, attachment: Attachment): void {
  whereSupported(() => {
    uninstall(host, [feature], attachment);
    remains.remove(host, attachment);
  });
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  whereSupported(() => collect(host, [feature], network, valid));
}
