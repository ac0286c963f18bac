/** All tables of attributes that there are: they are indexed when they are first read, one by one. */
import t from "tap";
import { attr, attributes } from "../../src/netlink/attr.ts";
import { u8, u16 } from "../../src/netlink/codec.ts";
import * as conntrack from "../../src/netlink/conntrack.ts";
import * as message from "../../src/netlink/message.ts";
import * as chain from "../../src/netlink/nftables/chain.ts";
import * as element from "../../src/netlink/nftables/element.ts";
import * as expression from "../../src/netlink/nftables/expression.ts";
import * as header from "../../src/netlink/nftables/header.ts";
import * as rule from "../../src/netlink/nftables/rule.ts";
import * as set from "../../src/netlink/nftables/set.ts";
import * as skim from "../../src/netlink/nftables/skim.ts";
import * as table from "../../src/netlink/nftables/table.ts";
import * as address from "../../src/netlink/route/address.ts";
import * as bridgeVlan from "../../src/netlink/route/bridge-vlan.ts";
import * as link from "../../src/netlink/route/link.ts";
import * as linkKinds from "../../src/netlink/route/link-kinds.ts";
import * as neighbour from "../../src/netlink/route/neighbour.ts";
import * as route from "../../src/netlink/route/route.ts";
import * as routeRule from "../../src/netlink/route/rule.ts";
import * as traffic from "../../src/netlink/route/traffic.ts";

const modules = [
  conntrack,
  message,
  chain,
  element,
  expression,
  header,
  rule,
  set,
  skim,
  table,
].concat(
  // biome-ignore lint/suspicious/noExplicitAny: what they export is looked through, whatever it is
  [address, bridgeVlan, linkKinds, link, neighbour, route, routeRule, traffic] as any[],
);

t.test("a row is called the same in all tables that have it", async (t) => {
  const seen = new Set<object>();
  let tables = 0;
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if ("table" in value && "index" in value && typeof value.index === "function") {
      value.index();
      tables++;
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  modules.forEach(visit);
  t.ok(tables > 60, `${tables} tables`);
});

t.test("what would be called two things is refused", async (t) => {
  const shared = attr(1, "SHARED", u8);
  const one = attributes({ one: shared });
  const two = attributes({ two: shared, other: attr(2, "OTHER", u16) });
  one.index();
  t.throws(() => two.index(), { message: "SHARED is called one and two" });
});
