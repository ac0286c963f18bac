/**
 * What earlier versions made of masquerade and spoof check: a chain for each attachment, to which a
 * map leads. A node may have it still.
 */
import type { TableName } from "../kernel/nft-changes.ts";
import * as say from "../netlink/nftables/build.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Feature } from "./feature.ts";

const map = "attachments";

function former(
  place: TableName,
  prefix: string,
  [name, type, priority]: ["postrouting", "nat", number] | ["prerouting", "filter", number],
  source: ExpressionInput,
): Feature {
  return {
    ...place,
    comment: "",
    prefixes: [prefix],
    maps: [{ name: map, key: [] }],
    hooks: [{ name, base: { type, hook: { number: name, priority } }, rules: [] }],
    keysOf({ expressions }) {
      const key = say.expected(expressions, source);
      return key ? [{ map, key }] : [];
    },
  };
}

export const masquerade = (["ip", "ip6"] as const).map((family) =>
  former(
    { family, table: "cnibox_masquerade" },
    "masq",
    ["postrouting", "nat", 100],
    say.load(`${family} saddr`),
  ),
);

export const spoofCheck = [
  former(
    { family: "bridge", table: "cnibox_spoofcheck" },
    "port",
    ["prerouting", "filter", -300],
    say.loadMeta("iifname"),
  ),
];
