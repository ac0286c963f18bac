/** The MAC spoof check in nf_tables: what the rules say. `attachment-set.ts` says where they stand. */
import { concat } from "../addr/bytes.ts";
import * as say from "../netlink/nftables/build.ts";
import type { SetFeature } from "./set-feature.ts";

const sets = "ports";
const nameLength = 16;
const port = { first: say.loadMeta("iifname"), length: nameLength } as const;
/** Stands for any address, which is what a mask of nothing makes of it; bridges take no such frame. */
const anyMac = new Uint8Array(6);

/** An entry is a port and the address that may send by it. */
export const feature: SetFeature = {
  family: "bridge",
  table: "cnibox_macspoofchk",
  comment: "cnibox: MAC addresses of containers",
  hook: {
    name: "prerouting",
    base: { type: "filter", hook: { number: "prerouting", priority: -300 }, policy: "accept" },
  },
  rules: [],
  sets,
  entry: ["interfaceName", "etherAddress"],
  key: ["interfaceName", "etherAddress"],
  elementsOf: (entry) => ({
    set: sets,
    keys: [entry, concat(entry.subarray(0, nameLength), anyMac, new Uint8Array(2))],
  }),
  rulesOf: (set) => ({
    first: [...say.isPairIn(set, port, "ether saddr"), say.verdict("return")],
    last: [...say.isPairIn(set, port, "ether saddr", anyMac), say.verdict("drop")],
  }),
};
