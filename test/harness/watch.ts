/** Packets, as the namespace where they arrive sees them. */
import type { Namespace } from "./namespace.ts";

/** Counts what arrives, by source and destination. */
export function watch(namespace: Namespace) {
  const seen = (family: string, n: number, match: string) =>
    `nft add rule ${family} seen arriving ${match} counter comment \\"${n}\\"\n`;
  const matches: string[] = [];
  for (const family of ["ip", "ip6"]) {
    namespace.sh(`nft add table ${family} seen
      nft add chain ${family} seen arriving '{ type filter hook prerouting priority -300; }'`);
  }
  return {
    /** Packets so far of a match like `ip saddr 10.1.2.2`, counted from the first question on. */
    count(match: string): number {
      const family = match.split(" ", 1)[0] ?? "ip";
      if (!matches.includes(match)) namespace.sh(seen(family, matches.push(match) - 1, match));
      const rules = namespace.json(`nft -j list chain ${family} seen arriving`).nftables;
      const rule = rules.find(
        (o: { rule?: { comment?: string } }) => o.rule?.comment === `${matches.indexOf(match)}`,
      ).rule;
      return rule.expr.find((e: { counter?: object }) => e.counter).counter.packets;
    },
  };
}
