import fc from "fast-check";
import t from "tap";
import { utf8 } from "../../src/addr/bytes.ts";
import { formatCidr } from "../../src/addr/cidr.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import {
  givesSame,
  type Lease,
  optionsOf,
  prefixLengthOf,
  readLease,
} from "../../src/dhcp/lease.ts";
import { type ConfigChoices, configOf } from "../../src/dhcp/lease-config.ts";
import { fromRecord, toRecord } from "../../src/dhcp/lease-record.ts";
import { readMessage } from "../../src/dhcp/message.ts";
import { entry, option4 } from "../../src/dhcp/options.ts";
import { bytesOf } from "./show.ts";
import { type ReplyParts, reply } from "./simulate.ts";

const nothing = { xid: 1, chaddr: new Uint8Array(6) };

function lease(parts: ReplyParts = {}, previous?: Lease): Lease {
  return readLease(readMessage(reply(nothing as never, "ACK", parts)), 1000, previous);
}

const ips = (...texts: string[]) => texts.map(requireIp);

t.test("times count from the request", async (t) => {
  const times = (parts: ReplyParts) => {
    const { renewAt, rebindAt, expiry } = lease(parts);
    return [renewAt - 1000, rebindAt - 1000, expiry - 1000];
  };
  const given = (t1: number, t2: number) => ({
    seconds: 800,
    more: [entry(option4.renewalTime, t1), entry(option4.rebindingTime, t2)],
  });
  t.strictSame(times({ seconds: 800 }), [400, 700, 800]);
  t.strictSame(times(given(100, 200)), [100, 200, 800]);
  t.strictSame(times({ seconds: 800, more: [entry(option4.renewalTime, 300)] }), [300, 700, 800]);
  for (const [t1, t2] of [
    [0, 200],
    [200, 200],
    [300, 200],
    [100, 800],
    [100, 900],
  ] as const) {
    t.strictSame(times(given(t1, t2)), [400, 700, 800], `${t1} and ${t2} are out of order`);
  }
  t.strictSame(times({ seconds: 0xffffffff, more: given(1, 2).more }), [
    Infinity,
    Infinity,
    Infinity,
  ]);
  t.strictSame(times({ seconds: undefined }), [1800, 3150, 3600], "an hour, as in the reference");
});

t.test("what is no lease", async (t) => {
  const refused = (reason: string, parts: ReplyParts) =>
    t.throws(() => lease(parts), { name: "DhcpError", reason }, reason);
  refused("no address", { yiaddr: new Uint8Array(4) });
  refused("no server identifier", { serverId: undefined });
  refused("no lease time", { seconds: 0 });
  refused("no subnet mask", { more: [[1, requireIp("255.0.255.0")]] });
  refused("no subnet mask", { more: [[1, bytesOf("ffffff")]] });
  t.strictSame(lease({ serverId: undefined }, lease()).serverId, requireIp("192.0.2.1"));
});

t.test("only what says how to use the address is kept", async (t) => {
  const more = [
    entry(option4.routers, ips("192.0.2.1")),
    entry(option4.relayAgent, utf8("relay")),
    entry(option4.clientId, utf8("me")),
    entry(option4.message, "hello"),
    [224, utf8("unknown")] as const,
  ];
  t.strictSame([...optionsOf(lease({ more })).keys()], [1, 3, 224]);
  t.ok(givesSame(lease({ more }), lease({ more: [...more, entry(option4.renewalTime, 5)] })));
  t.notOk(givesSame(lease({ more }), lease()));
  t.notOk(givesSame(lease(), lease({ yiaddr: requireIp("192.0.2.11") })));
});

t.test("masks", async (t) => {
  for (const [mask, length] of [
    ["0.0.0.0", 0],
    ["128.0.0.0", 1],
    ["255.255.255.0", 24],
    ["255.255.240.0", 20],
    ["255.255.255.255", 32],
    ["255.0.255.0", -1],
    ["0.0.0.1", -1],
    ["127.255.255.255", -1],
  ] as const) {
    t.equal(prefixLengthOf(requireIp(mask)), length, mask);
  }
  t.equal(prefixLengthOf(new Uint8Array(0)), -1);
  t.equal(prefixLengthOf(new Uint8Array(5)), -1);
});

/** The routes of a lease with these options, as `ip route` would write them. */
function routes(more: (readonly [number, Uint8Array])[], choices?: ConfigChoices): string[] {
  return configOf(lease({ more }), choices).routes.map(
    ({ dst, gw, scope, priority }) =>
      `${formatCidr(dst)} via ${gw ? formatIp(gw) : "-"}` +
      `${scope === undefined ? "" : ` scope ${scope}`}` +
      `${priority === undefined ? "" : ` metric ${priority}`}`,
  );
}

const classless = "18c63364 c0000207 00 c0000201 19cb007180 00000000";
const withRouter = entry(option4.routers, ips("192.0.2.1", "192.0.2.2"));
const withClassful = entry(option4.staticRoutes, [
  ips("10.1.2.3", "192.0.2.7"),
  ips("172.16.5.0", "192.0.2.7"),
  ips("192.168.1.0", "192.0.2.8"),
] as [Uint8Array, Uint8Array][]);

t.test("classless routes take the place of all others", async (t) => {
  const expected = [
    "198.51.100.0/24 via 192.0.2.7",
    "0.0.0.0/0 via 192.0.2.1",
    "203.0.113.128/25 via 0.0.0.0 scope 253",
  ];
  t.strictSame(routes([withRouter, withClassful, [121, bytesOf(classless)]]), expected);
  t.strictSame(routes([[249, bytesOf(classless)]]), [], "option 249 is not the reference's");
  t.strictSame(
    routes([withRouter, [249, bytesOf(classless)]], { microsoftRoutes: true }),
    expected,
  );
  const both = [[121, bytesOf("00 c0000209")] as const, [249, bytesOf(classless)] as const];
  t.strictSame(routes(both, { microsoftRoutes: true }), ["0.0.0.0/0 via 192.0.2.9"]);
});

t.test("else the classful routes count, and the default route", async (t) => {
  const expected = [
    "10.1.2.3/8 via 192.0.2.7",
    "172.16.5.0/16 via 192.0.2.7",
    "192.168.1.0/24 via 192.0.2.8",
    "0.0.0.0/0 via 192.0.2.1",
  ];
  t.strictSame(routes([withRouter, withClassful]), expected);
  t.strictSame(
    routes([withRouter, withClassful, [121, bytesOf("21 00")]]),
    expected,
    "121 is malformed",
  );
  t.strictSame(routes([withRouter, withClassful, [121, bytesOf("")]]), expected, "121 is empty");
  t.strictSame(routes([withClassful]), expected.slice(0, 3));
  t.strictSame(
    routes([withRouter, [33, bytesOf("0a000000 c0000207 0a")]]),
    ["10.0.0.0/8 via 192.0.2.7", "0.0.0.0/0 via 192.0.2.1"],
    "a rest is ignored",
  );
  t.strictSame(routes([[3, bytesOf("c00002")]]), [], "a malformed router is none");
  t.strictSame(routes([withRouter], { priority: 7 }), ["0.0.0.0/0 via 192.0.2.1 metric 7"]);
  t.strictSame(routes([withRouter], { priority: 0 }), ["0.0.0.0/0 via 192.0.2.1"]);
});

t.test("the other pieces of a result", async (t) => {
  const full = configOf(
    lease({
      more: [
        withRouter,
        entry(option4.nameServers, ips("192.0.2.53", "192.0.2.54")),
        entry(option4.domainName, "example.com."),
        entry(option4.domainSearch, ["eng.example.com", "example.com"]),
        entry(option4.mtu, 1400),
        entry(option4.hostName, "box"),
        entry(option4.ntpServers, ips("192.0.2.123")),
      ],
    }),
  );
  t.match(full, {
    address: { ip: requireIp("192.0.2.10"), prefixLength: 24 },
    gateway: requireIp("192.0.2.1"),
    dns: {
      nameservers: ["192.0.2.53", "192.0.2.54"],
      domain: "example.com",
      search: ["eng.example.com", "example.com"],
    },
    mtu: 1400,
    hostName: "box",
    ntpServers: ips("192.0.2.123"),
  });
  const bare = configOf(
    lease({ more: [entry(option4.domainName, "a b"), entry(option4.mtu, 67), [12, utf8("-\n")]] }),
  );
  t.strictSame(bare, {
    address: { ip: requireIp("192.0.2.10"), prefixLength: 24 },
    routes: [],
    dns: { nameservers: [], search: [] },
    ntpServers: [],
  });
});

t.test("leases are read from a file as they were written", async (t) => {
  const any = fc.record(
    {
      yiaddr: fc.uint8Array({ minLength: 4, maxLength: 4 }).filter((ip) => ip.some((b) => b > 0)),
      seconds: fc.integer({ min: 1, max: 0xffffffff }),
      more: fc.array(
        fc.tuple(fc.integer({ min: 62, max: 254 }), fc.uint8Array({ maxLength: 300 })),
      ),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(any, fc.boolean(), (parts, hasMac) => {
      const mac = hasMac ? { serverMac: bytesOf("020000000001") } : {};
      const value: Lease = { ...lease(parts), ...mac };
      t.strictSame(fromRecord(JSON.parse(JSON.stringify(toRecord(value)))), value);
    }),
    { numRuns: 100 },
  );
});

t.test("damaged files", async (t) => {
  const good = toRecord(lease());
  t.ok(fromRecord(good));
  for (const [change, why] of [
    [{ address: "x" }, /address/],
    [{ address: "::1" }, /address/],
    [{ serverId: 5 }, /address/],
    [{ serverMac: "x" }, /hardware/],
    [{ serverMac: 5 }, /hardware/],
    [{ start: "1" }, /time/],
    [{ start: undefined }, /time/],
    [{ start: null }, /order/],
    [{ start: null, renewAt: null, rebindAt: null, expiry: null }, /order/],
    [{ renewAt: 999 }, /order/],
    [{ rebindAt: 1e9 }, /order/],
    [{ expiry: 1 }, /order/],
    [{ options: "0g" }, /options/],
    [{ options: "0104" }, /options/],
    [{ options: 5 }, /options/],
  ] as const) {
    const error = { name: "DhcpError", reason: "no usable lease", message: why };
    t.throws(() => fromRecord({ ...good, ...change }), error, JSON.stringify(change));
  }
  for (const record of [null, undefined, 5, "x", [], {}]) {
    t.throws(() => fromRecord(record), { name: "DhcpError", reason: "no usable lease" });
  }
});
