import fc from "fast-check";
import t from "tap";
import { formatCidr } from "../../src/addr/cidr.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import { candidates } from "../../src/pool/allocator.ts";
import { capacity, type RangeConfig, readRangeSet } from "../../src/pool/range.ts";

function order(configs: RangeConfig[], last?: string, limit = 1000): string[] {
  const ips: string[] = [];
  for (const { ip } of candidates(readRangeSet(configs), last ? requireIp(last) : undefined)) {
    ips.push(formatIp(ip));
    if (ips.length === limit) break;
  }
  return ips;
}

/** The addresses `prefix` + each of the numbers. */
const numbered = (prefix: string, first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${prefix}${first + i}`);

t.test("the order of the addresses", (t) => {
  const slash29 = [{ subnet: "10.0.0.0/29" }];
  t.same(order(slash29), numbered("10.0.0.", 2, 6), "from the start, without the gateway");
  t.same(order(slash29, "10.0.0.3"), ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3"]);
  t.same(order(slash29, "10.0.0.6"), numbered("10.0.0.", 2, 6), "after the end, from the start");
  t.same(order(slash29, "10.0.0.1"), numbered("10.0.0.", 2, 6), "the gateway is a place, too");
  t.same(order(slash29, "10.0.0.7"), numbered("10.0.0.", 2, 6), "outside, so from the start");
  t.same(order(slash29, "2001:db8::1"), numbered("10.0.0.", 2, 6), "outside, so from the start");
  t.same(order([{ subnet: "10.0.0.0/30" }]), ["10.0.0.2"], "one usable address");
  t.same(order([{ subnet: "10.0.0.0/30" }], "10.0.0.2"), ["10.0.0.2"], "the last one comes again");
  t.same(
    order([{ subnet: "10.0.0.0/24", rangeStart: "10.0.0.1", rangeEnd: "10.0.0.1" }]),
    [],
    "nothing but the gateway",
  );
  t.same(
    order([{ subnet: "10.0.0.0/29", gateway: "10.0.0.4" }], "10.0.0.2"),
    ["10.0.0.3", "10.0.0.5", "10.0.0.6", "10.0.0.1", "10.0.0.2"],
    "a gateway in the middle",
  );
  t.same(order([{ subnet: "2001:db8::/64" }], "2001:db8::fffe", 3), [
    "2001:db8::ffff",
    "2001:db8::1:0",
    "2001:db8::1:1",
  ]);
  t.end();
});

t.test("the order over several ranges", (t) => {
  const three = [
    { subnet: "10.0.0.0/29", rangeStart: "10.0.0.1", rangeEnd: "10.0.0.3" },
    { subnet: "10.0.1.0/29", rangeStart: "10.0.1.1", rangeEnd: "10.0.1.3" },
    { subnet: "10.0.2.0/29", rangeStart: "10.0.2.1", rangeEnd: "10.0.2.2", gateway: "10.0.2.6" },
  ];
  const all = ["10.0.0.2", "10.0.0.3", "10.0.1.2", "10.0.1.3", "10.0.2.1", "10.0.2.2"];
  t.same(order(three), all);
  t.same(order(three, "10.0.0.3"), [...all.slice(2), ...all.slice(0, 2)], "the next range's start");
  t.same(order(three, "10.0.2.2"), all, "after the last range the first one");
  t.same(order(three, "10.0.1.2"), [...all.slice(3), ...all.slice(0, 3)]);
  const subnets = [...candidates(readRangeSet(three))].map(({ range }) => formatCidr(range.subnet));
  t.same([...new Set(subnets)], ["10.0.0.0/29", "10.0.1.0/29", "10.0.2.0/29"]);
  t.end();
});

/** Sets of up to three slices of different subnets, and any last address in or near them. */
const sets = fc
  .uniqueArray(
    fc.record({
      net: fc.integer({ min: 0, max: 5 }),
      start: fc.integer({ min: 0, max: 15 }),
      size: fc.integer({ min: 1, max: 16 }),
      gateway: fc.option(fc.integer({ min: 0, max: 15 })),
    }),
    { minLength: 1, maxLength: 3, selector: ({ net }) => net },
  )
  .map((ranges) =>
    ranges.map(({ net, start, size, gateway }) => ({
      subnet: `10.0.${net}.0/28`,
      rangeStart: `10.0.${net}.${start}`,
      rangeEnd: `10.0.${net}.${Math.min(15, start + size - 1)}`,
      ...(gateway === null ? {} : { gateway: `10.0.${net}.${gateway}` }),
    })),
  );
const last = fc.option(
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 15 }))
    .map(([net, host]) => `10.0.${net}.${host}`),
);

t.test("each address comes once, the gateways never, the last one last", (t) => {
  fc.assert(
    fc.property(sets, last, (configs, last) => {
      const set = readRangeSet(configs);
      const ips = order(configs, last ?? undefined);
      const gateways = set.map((range) => formatIp(range.gateway));
      const expected = configs.flatMap(({ rangeStart, rangeEnd }, i) => {
        const [, , net, first] = rangeStart.split(".");
        const all = numbered(`10.0.${net}.`, Number(first), Number(rangeEnd.split(".")[3]));
        return all.filter((ip) => ip !== gateways[i]);
      });
      if (ips.length !== capacity(set)) return false;
      if (last !== null && expected.includes(last) && ips[ips.length - 1] !== last) return false;
      return JSON.stringify([...ips].sort()) === JSON.stringify(expected.sort());
    }),
    { numRuns: 500 },
  );
  t.pass("in 500 sets");
  t.end();
});
