/** The MAC spoof check in nf_tables: what the rules say. `attachment-set.ts` says where they stand. */
import { concat } from "../addr/bytes.ts";
import * as say from "../netlink/nftables/build.ts";
import type { SetFeature } from "./set-feature.ts";

const hook = "prerouting";
const set = "ports";
const nameLength = 16;
const port = { first: say.loadMeta("iifname"), length: nameLength } as const;
/** Stands for any address, which is what a mask of nothing makes of it; bridges take no such frame. */
const anyMac = new Uint8Array(6);

/** An entry is a port and the address that may send by it. */
export const feature: SetFeature = {
  family: "bridge",
  table: "cnibox_macspoofchk",
  comment: "cnibox: MAC addresses of containers",
  hooks: [
    {
      name: hook,
      base: { type: "filter", hook: { number: "prerouting", priority: -300 }, policy: "accept" },
      rules: [],
    },
  ],
  entry: ["interfaceName", "etherAddress"],
  elementsOf: (entry) => [
    { set, key: entry },
    { set, key: concat(entry.subarray(0, nameLength), anyMac, new Uint8Array(2)) },
  ],
  describe: (name) =>
    name === set
      ? {
          key: ["interfaceName", "etherAddress"],
          rules: [
            {
              hook,
              make: () => [...say.isPairIn(set, port, "ether saddr"), say.verdict("return")],
            },
            {
              hook,
              make: () => [...say.isPairIn(set, port, "ether saddr", anyMac), say.verdict("drop")],
            },
          ],
        }
      : undefined,
};
