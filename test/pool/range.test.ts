import t from "tap";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import {
  capacity,
  formatRangeSet,
  type RangeConfig,
  rangeOf,
  readRange,
  readRangeSet,
  readRangeSets,
} from "../../src/pool/range.ts";

/** `subnet[,start[,end[,gateway]]]`, with `-` for what is left out. */
function config(text: string): RangeConfig {
  const [subnet, rangeStart, rangeEnd, gateway] = text
    .split(",")
    .map((part) => (part === "-" ? undefined : part));
  return { subnet, rangeStart, rangeEnd, gateway };
}

t.test("what a range leaves out is filled in", (t) => {
  for (const [given, start, end, gateway] of [
    ["192.0.2.0/24", "192.0.2.1", "192.0.2.254", "192.0.2.1"],
    ["192.0.2.0/25", "192.0.2.1", "192.0.2.126", "192.0.2.1"],
    ["192.0.2.4/30", "192.0.2.5", "192.0.2.6", "192.0.2.5"],
    ["2001:db8:1::/64", "2001:db8:1::1", "2001:db8:1:0:ffff:ffff:ffff:ffff", "2001:db8:1::1"],
    ["2001:DB8::/126", "2001:db8::1", "2001:db8::3", "2001:db8::1"],
    ["192.0.2.0/24,-,192.0.2.50", "192.0.2.1", "192.0.2.50", "192.0.2.1"],
    ["192.0.2.0/24,192.0.2.40", "192.0.2.40", "192.0.2.254", "192.0.2.1"],
    ["192.0.2.0/24,192.0.2.40,192.0.2.50", "192.0.2.40", "192.0.2.50", "192.0.2.1"],
    ["192.0.2.0/24,192.0.2.9,192.0.2.9,192.0.2.7", "192.0.2.9", "192.0.2.9", "192.0.2.7"],
    // The network and broadcast addresses may be asked for, and a gateway from anywhere.
    ["192.0.2.0/24,192.0.2.0,192.0.2.255,10.0.0.9", "192.0.2.0", "192.0.2.255", "10.0.0.9"],
    ["192.0.2.0/24,,,", "192.0.2.1", "192.0.2.254", "192.0.2.1"],
  ] as const) {
    const range = readRange(config(given));
    t.same(
      [range.start, range.end, range.gateway].map((ip) => formatIp(ip)),
      [start, end, gateway],
      given,
    );
  }
  t.end();
});

t.test("what is wrong with a range is said in the reference's words", (t) => {
  for (const [given, message] of [
    ["-", "IP <nil> not v4 nor v6"],
    ["", "invalid CIDR address: "],
    ["10.0.0.0", "invalid CIDR address: 10.0.0.0"],
    ["192.0.2.0/31", "Network 192.0.2.0/31 too small to allocate from"],
    ["192.0.2.0/32", "Network 192.0.2.0/32 too small to allocate from"],
    ["2001:db8::/127", "Network 2001:db8::/127 too small to allocate from"],
    ["::ffff:10.0.0.0/104", "IPNet IP and Mask version mismatch"],
    [
      "192.0.2.12/24",
      "Network has host bits set. For a subnet mask of length 24 the network address is 192.0.2.0",
    ],
    [
      "192.168.127.0/23",
      "Network has host bits set. For a subnet mask of length 23 the network address is 192.168.126.0",
    ],
    [
      "2001:db8:1::5/64",
      "Network has host bits set. For a subnet mask of length 64 the network address is 2001:db8:1::",
    ],
    [
      "2001:db8:0:1::/63",
      "Network has host bits set. For a subnet mask of length 63 the network address is 2001:db8::",
    ],
    ["192.0.2.0/24,192.0.3.0,-", "RangeStart 192.0.3.0 not in network 192.0.2.0/24"],
    ["192.0.2.0/24,192.0.2.50,192.0.2.40", "RangeStart 192.0.2.50 not in network 192.0.2.0/24"],
    ["192.0.2.0/24,2001:db8::1", "RangeStart 2001:db8::1 not in network 192.0.2.0/24"],
    ["192.0.2.0/24,-,192.0.4.0", "RangeEnd 192.0.4.0 not in network 192.0.2.0/24"],
    ["192.0.2.0/24,-,192.0.2.0", "RangeEnd 192.0.2.0 not in network 192.0.2.0/24"],
    ["192.0.2.0/24,192.0.2.40,10.0.0.1", "RangeStart 192.0.2.40 not in network 192.0.2.0/24"],
    ["192.0.2.0/24,-,-,nonsense", "invalid IP address: nonsense"],
    ["192.0.2.0/24,192.0.2.01", "invalid IP address: 192.0.2.01"],
  ] as const) {
    t.throws(() => readRange(config(given)), { message }, given);
  }
  t.end();
});

t.test("a set", (t) => {
  const read = (...texts: string[]) => readRangeSet(texts.map(config));
  t.throws(() => read(), { message: "empty range set" });
  t.throws(() => read("10.1.0.0/24", "2001:db8::/64"), { message: "mixed address families" });
  t.throws(() => read("10.1.0.0/24", "10.1.0.0/24"), {
    message: "subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.0.254 overlap",
  });
  for (const [a, b, overlap] of [
    ["10.1.0.0/24", "10.2.0.0/24", false],
    ["10.1.0.0/20", "10.1.2.0/24", true],
    ["10.1.2.0/24", "10.1.0.0/20", true],
    ["10.1.0.0/24,10.1.0.9,10.1.0.19", "10.1.0.0/24,10.1.0.20,10.1.0.29", false],
    ["10.1.0.0/24,10.1.0.9,10.1.0.20", "10.1.0.0/24,10.1.0.20,10.1.0.29", true],
    ["10.1.0.0/24,10.1.0.20,10.1.0.29", "10.1.0.0/24,10.1.0.9,10.1.0.20", true],
    ["10.1.0.0/24,10.1.0.10,10.1.0.40", "10.1.0.0/24,10.1.0.20,10.1.0.29", true],
    ["2001:db8::/64", "2001:db8:0:1::/64", false],
    ["2001:db8::/64", "2001:db8::/112", true],
  ] as const) {
    if (overlap) t.throws(() => read(a, b), { message: /^subnets .* overlap$/ }, `${a} and ${b}`);
    else t.equal(read(a, b).length, 2, `${a} and ${b}`);
  }
  const set = read("10.1.0.0/24,10.1.0.9,10.1.0.19", "10.2.0.0/29");
  t.equal(formatRangeSet(set), "10.1.0.9-10.1.0.19,10.2.0.1-10.2.0.6");
  t.equal(rangeOf(set, requireIp("10.2.0.6")), set[1]);
  for (const ip of ["10.1.0.8", "10.1.0.20", "10.2.0.0", "10.2.0.7", "2001:db8::1"]) {
    t.equal(rangeOf(set, requireIp(ip)), undefined, ip);
  }
  t.end();
});

t.test("all sets of a config", (t) => {
  const read = (sets: string[][], version?: string) =>
    readRangeSets(
      sets.map((set) => set.map(config)),
      version,
    );
  t.throws(() => read([]), { message: "no IP ranges specified" });
  t.throws(() => read([["10.1.0.0/24"], []]), { message: "invalid range set 1: empty range set" });
  t.throws(() => read([["10.1.0.0/31"]]), {
    message: "invalid range set 0: Network 10.1.0.0/31 too small to allocate from",
  });
  t.throws(() => read([["10.1.0.0/24"], ["10.9.0.0/24", "10.1.0.0/16"]]), {
    message: "range set 0 overlaps with 1",
  });
  t.throws(() => read([["10.1.0.0/24"], ["10.2.0.0/24"]], "0.2.0"), {
    message: "CNI version 0.2.0 does not support more than 1 address per family",
  });
  t.throws(() => read([["2001:db8::/64"], ["10.2.0.0/24"], ["2001:db9::/64"]], "0.1.0"), {
    message: "CNI version 0.1.0 does not support more than 1 address per family",
  });
  t.equal(read([["10.1.0.0/24"], ["2001:db8::/64"]], "0.2.0").length, 2);
  t.equal(read([["10.1.0.0/24"], ["10.2.0.0/24"]]).length, 2);
  t.end();
});

t.test("capacity", (t) => {
  for (const [texts, size] of [
    [["10.1.2.0/24"], 253],
    [["10.1.2.0/30"], 1],
    [["10.1.2.0/24,10.1.2.10,10.1.2.19"], 10],
    [["10.1.2.0/24,10.1.2.10,10.1.2.19,10.1.2.15"], 9],
    [["10.1.2.0/24,10.1.2.1,10.1.2.1"], 0],
    [["10.0.0.0/8"], 2 ** 24 - 3],
    [["10.1.2.0/30", "10.1.3.0/29"], 6],
    [["2001:db8::/64"], 2 ** 64],
    [["2001:db8::/120"], 254],
  ] as const) {
    t.equal(capacity(readRangeSet(texts.map(config))), size, texts.join(" "));
  }
  t.end();
});
