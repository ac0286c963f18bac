import fc from "fast-check";
import t from "tap";
import * as ip from "../../src/addr/ip.ts";

const parse = ip.requireIp;

t.test("text that is an address, and how it is written", async (t) => {
  const cases = {
    "0.0.0.0": "0.0.0.0",
    "255.255.255.255": "255.255.255.255",
    "10.1.2.3": "10.1.2.3",
    "::": "::",
    "::1": "::1",
    "1::": "1::",
    "FD00:0:0:ABCD::1": "fd00:0:0:abcd::1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1", // one group of zeros is not shortened
    "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1", // of two runs the first
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1", // of two runs the longer
    "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
    "0001:0002::00ff": "1:2::ff",
    "::ffff:1.2.3.4": "1.2.3.4",
    "::FFFF:0102:0304": "1.2.3.4",
    "::1.2.3.4": "::102:304",
    "1:2:3:4:5:6:1.2.3.4": "1:2:3:4:5:6:102:304",
    "64:ff9b::1.2.3.4": "64:ff9b::102:304",
  };
  for (const [text, written] of Object.entries(cases))
    t.equal(ip.formatIp(parse(text)), written, text);
});

t.test("text that is none", async (t) => {
  const texts = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.1000",
    "01.2.3.4",
    "1.2.3.00",
    "1.2.3.-4",
    "1.2.3.+4",
    "1.2.3. 4",
    "1.2.3.4 ",
    "1..3.4",
    "1.2.3.x",
    "0x1.2.3.4",
    ":",
    ":::",
    "1:",
    ":1",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8", // `::` must stand for something
    "12345::",
    "g::",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::01.2.3.4",
    "[::1]",
  ];
  for (const text of texts) {
    t.equal(ip.parseIp(text), undefined, text);
    t.throws(() => parse(text), new Error(`invalid IP address: ${text}`));
  }
});

t.test("a mapped address is an IPv4 address", async (t) => {
  t.same(ip.parseIp("::ffff:1.2.3.4"), Uint8Array.of(1, 2, 3, 4));
  const mapped = ip.parseIpv6("::ffff:1.2.3.4");
  t.equal(mapped?.length, 16);
  t.equal(ip.formatIp(mapped as ip.Ip), "1.2.3.4");
  t.ok(ip.isMapped(mapped as ip.Ip));
  t.notOk(ip.isMapped(parse("::1:ffff:102:304")));
  t.notOk(ip.isMapped(parse("1.2.3.4")));
});

t.test("no address is the empty text", async (t) => {
  t.equal(ip.formatIp(new Uint8Array()), "");
});

const anyIp = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // many zeros, so that there is something to shorten
  fc
    .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
    .map((a) => Uint8Array.from(a)),
);

t.test("formatIp and parseIp are inverse", async (t) => {
  fc.assert(fc.property(anyIp, (address) => t.same(ip.parseIp(ip.formatIp(address)), address)));
});

t.test("formatIp agrees with the platform's URL parser", async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 0, 1, 255), { minLength: 16, maxLength: 16 }),
      (list) => {
        const groups = [];
        for (let i = 0; i < 16; i += 2)
          groups.push(Buffer.from(list.slice(i, i + 2)).toString("hex"));
        const address = Uint8Array.from(list);
        if (ip.isMapped(address)) return;
        t.equal(`[${ip.formatIp(address)}]`, new URL(`http://[${groups.join(":")}]`).hostname);
      },
    ),
  );
});

t.test("next and prev carry", async (t) => {
  const pairs = [
    ["1.2.3.4", "1.2.3.5"],
    ["1.2.3.255", "1.2.4.0"],
    ["1.255.255.255", "2.0.0.0"],
    ["255.255.255.255", "0.0.0.0"],
    ["::1", "::2"],
    ["::ffff", "::1:0"],
    ["1::ffff:ffff:ffff:ffff", "1:0:0:1::"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"],
  ] as const;
  for (const [low, high] of pairs) {
    t.equal(ip.formatIp(ip.next(parse(low))), high);
    t.equal(ip.formatIp(ip.prev(parse(high))), low);
  }
});

t.test("add leaves its argument alone and undoes itself", async (t) => {
  t.equal(ip.formatIp(ip.add(parse("10.0.0.0"), 65536 + 258)), "10.1.1.2");
  t.equal(ip.formatIp(ip.add(parse("10.1.1.2"), -(65536 + 258))), "10.0.0.0");
  t.equal(ip.formatIp(ip.add(parse("fd00::"), 2 ** 53 - 1)), "fd00::1f:ffff:ffff:ffff");
  fc.assert(
    fc.property(anyIp, fc.maxSafeInteger(), (address, count) => {
      const before = address.slice();
      t.same(ip.add(ip.add(address, count), -count), before);
      t.same(address, before);
    }),
  );
});

t.test("compare", async (t) => {
  const order = ["0.0.0.1", "1.2.3.4", "1.2.3.5", "200.0.0.0", "::", "::1:0", "ff00::"];
  t.same([...order].reverse().map(parse).sort(ip.compare).map(ip.formatIp), order);
  t.equal(ip.compare(parse("1.2.3.4"), parse("1.2.3.4")), 0);
});

t.test("classes of addresses", async (t) => {
  const { isUnspecified, isLoopback, isMulticast, isLinkLocal, isGlobalUnicast, isV4 } = ip;
  const tests = { isUnspecified, isLoopback, isMulticast, isLinkLocal, isGlobalUnicast, isV4 };
  const cases: Record<string, string[]> = {
    "0.0.0.0": ["isUnspecified", "isV4"],
    "127.0.0.1": ["isLoopback", "isV4"],
    "127.255.0.1": ["isLoopback", "isV4"],
    "224.0.0.1": ["isMulticast", "isV4"],
    "239.255.255.255": ["isMulticast", "isV4"],
    "240.0.0.1": ["isGlobalUnicast", "isV4"],
    "169.254.1.1": ["isLinkLocal", "isV4"],
    "169.253.1.1": ["isGlobalUnicast", "isV4"],
    "255.255.255.255": ["isV4"],
    "10.0.0.1": ["isGlobalUnicast", "isV4"],
    "::": ["isUnspecified"],
    "::1": ["isLoopback"],
    "::2": ["isGlobalUnicast"],
    "1::1": ["isGlobalUnicast"],
    "ff02::1": ["isMulticast"],
    "fe80::1": ["isLinkLocal"],
    "febf::1": ["isLinkLocal"],
    "fec0::1": ["isGlobalUnicast"],
    "fd00::1": ["isGlobalUnicast"],
  };
  for (const [text, expected] of Object.entries(cases)) {
    const found = Object.entries(tests).filter(([, is]) => is(parse(text)));
    t.same(
      found.map(([name]) => name),
      expected,
      text,
    );
  }
});
