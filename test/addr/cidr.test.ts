import fc from "fast-check";
import t from "tap";
import * as cidr from "../../src/addr/cidr.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";

const parse = cidr.parseCidr;

t.test("CIDR text, host bits kept", async (t) => {
  const cases = {
    "1.2.3.4/24": "1.2.3.4/24",
    "1.2.3.4/0": "1.2.3.4/0",
    "1.2.3.4/32": "1.2.3.4/32",
    "1.2.3.4/024": "1.2.3.4/24",
    "ABCD::1/64": "abcd::1/64",
    "::/128": "::/128",
    "::ffff:1.2.3.4/120": "1.2.3.4/24",
    "::ffff:1.2.3.4/64": "1.2.3.4/0",
  };
  for (const [text, written] of Object.entries(cases))
    t.equal(cidr.formatCidr(parse(text)), written);
});

t.test("text that is no CIDR", async (t) => {
  const texts = [
    "",
    "1.2.3/45",
    "1.2.3.4",
    "1.2.3.4/",
    "/24",
    "1.2.3.4/33",
    "1.2.3.4/99",
    "1.2.3.4/-1",
    "1.2.3.4/+1",
    "1.2.3.4/ 1",
    "1.2.3.4/24/",
    "1.2.3.4/24/1",
    "1.2.3.4/255.255.255.0",
    "01.2.3.4/24",
    "::1/129",
    "::1/1e1",
    "fe80::1%eth0/64",
    "::ffff:1.2.3.4/129",
    "5",
  ];
  for (const text of texts) t.throws(() => parse(text), new Error(`invalid CIDR address: ${text}`));
});

t.test("no address is written as Go writes it", async (t) => {
  t.equal(cidr.formatCidr(cidr.noCidr), "<nil>");
});

t.test("an address with or without a prefix length", async (t) => {
  t.same(cidr.parseIpOrCidr("1.2.3.4/24"), { ip: requireIp("1.2.3.4"), prefixLength: 24 });
  t.same(cidr.parseIpOrCidr("fd00::1"), { ip: requireIp("fd00::1") });
  for (const text of ["", "x", "1.2.3.4/33", "1.2.3/24"]) {
    t.throws(() => cidr.parseIpOrCidr(text), new Error(`invalid IP address ${text}`));
  }
});

t.test("the parts of a subnet", async (t) => {
  const cases = [
    // given, network, mask, broadcast, last address of a host
    ["10.1.2.3/24", "10.1.2.0/24", "255.255.255.0", "10.1.2.255", "10.1.2.254"],
    ["10.1.2.3/20", "10.1.0.0/20", "255.255.240.0", "10.1.15.255", "10.1.15.254"],
    ["10.1.2.3/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "255.255.255.254"],
    ["10.1.2.6/30", "10.1.2.4/30", "255.255.255.252", "10.1.2.7", "10.1.2.6"],
    ["10.1.2.2/31", "10.1.2.2/31", "255.255.255.254", "10.1.2.3", "10.1.2.3"],
    ["10.1.2.3/32", "10.1.2.3/32", "255.255.255.255", "10.1.2.3", "10.1.2.3"],
    [
      "fd00::1/64",
      "fd00::/64",
      "ffff:ffff:ffff:ffff::",
      "fd00::ffff:ffff:ffff:ffff",
      "fd00::ffff:ffff:ffff:ffff",
    ],
    [
      "fd00::ff/121",
      "fd00::80/121",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff80",
      "fd00::ff",
      "fd00::ff",
    ],
  ] as const;
  for (const [text, network, mask, broadcast, last] of cases) {
    const value = parse(text);
    t.equal(cidr.formatCidr(cidr.network(value)), network);
    t.equal(formatIp(cidr.mask(value)), mask);
    t.equal(formatIp(cidr.broadcast(value)), broadcast);
    t.equal(formatIp(cidr.lastAddress(value)), last);
    t.equal(cidr.formatCidr(value), text, "is left alone");
  }
});

t.test("contains", async (t) => {
  const yes = [
    ["10.1.2.3/24", "10.1.2.200"],
    ["10.1.2.3/20", "10.1.15.255"],
    ["0.0.0.0/0", "9.9.9.9"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["fd00::/7", "fc12::1"],
    ["::1/128", "::1"],
  ] as const;
  const no = [
    ["10.1.2.3/24", "10.1.3.0"],
    ["10.1.2.3/20", "10.1.16.0"],
    ["10.1.2.3/32", "10.1.2.2"],
    ["0.0.0.0/0", "::"],
    ["::/0", "1.2.3.4"],
    ["fd00::/7", "fe00::1"],
  ] as const;
  for (const [subnet, ip] of yes)
    t.ok(cidr.contains(parse(subnet), requireIp(ip)), `${subnet} ${ip}`);
  for (const [subnet, ip] of no)
    t.notOk(cidr.contains(parse(subnet), requireIp(ip)), `${subnet} ${ip}`);
});

t.test("overlaps, in both directions", async (t) => {
  const cases = [
    ["10.1.2.0/24", "10.1.2.128/25", true],
    ["10.1.2.0/24", "10.1.3.0/24", false],
    ["10.1.2.9/24", "10.1.2.1/24", true],
    ["0.0.0.0/0", "10.1.3.0/24", true],
    ["::/0", "0.0.0.0/0", false],
  ] as const;
  for (const [a, b, expected] of cases) {
    t.equal(cidr.overlaps(parse(a), parse(b)), expected, `${a} ${b}`);
    t.equal(cidr.overlaps(parse(b), parse(a)), expected, `${b} ${a}`);
  }
});

t.test("equal looks at the host bits and at the length", async (t) => {
  t.ok(cidr.equal(parse("1.2.3.4/24"), parse("1.2.3.4/24")));
  t.notOk(cidr.equal(parse("1.2.3.4/24"), parse("1.2.3.5/24")));
  t.notOk(cidr.equal(parse("1.2.3.4/24"), parse("1.2.3.4/25")));
});

t.test("host", async (t) => {
  t.equal(cidr.formatCidr(cidr.host(requireIp("1.2.3.4"))), "1.2.3.4/32");
  t.equal(cidr.formatCidr(cidr.host(requireIp("::1"))), "::1/128");
});

t.test("a subnet holds its own network, broadcast and last address, and no more", async (t) => {
  const anyCidr = fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 1, max: 32 }))
    .map(([ip, prefixLength]) => ({ ip, prefixLength }));
  const number = (ip: Uint8Array) => ip.reduce((sum, byte) => sum * 256 + byte, 0);
  fc.assert(
    fc.property(anyCidr, (value) => {
      const first = cidr.network(value).ip;
      const last = cidr.broadcast(value);
      t.equal(number(last) - number(first), 2 ** (32 - value.prefixLength) - 1);
      t.ok(cidr.contains(value, first) && cidr.contains(value, last));
      t.ok(cidr.contains(value, cidr.lastAddress(value)));
      t.same(cidr.parseCidr(cidr.formatCidr(value)), value);
    }),
  );
});
