import t from "tap";
import { formatCidr } from "../../../src/addr/cidr.ts";
import { requireIp } from "../../../src/addr/ip.ts";
import { configOf6, givesSame6, type Lease6, readLease6 } from "../../../src/dhcp/v6/lease.ts";
import { fromRecord6, toRecord6 } from "../../../src/dhcp/v6/lease-record.ts";
import { readMessage6 } from "../../../src/dhcp/v6/message.ts";
import { make, option6 } from "../../../src/dhcp/v6/options.ts";
import { type ReplyParts6, reply6, serverDuid, status } from "./simulate.ts";

function lease(parts: ReplyParts6 = {}): Lease6 {
  const { options } = readMessage6(reply6({ xid: 1 }, "REPLY", parts));
  return readLease6(options, 7, serverDuid, 1000);
}

const forEver = 0xffffffff;
const iaAddress = (text: string, preferred: number, valid: number, code?: number) =>
  make(option6.iaAddress, {
    address: requireIp(text),
    preferred,
    valid,
    options: code === undefined ? [] : [status(code)],
  });

t.test("times: the server's, or 0.5 and 0.8 of the shortest preferred one", async (t) => {
  const times = (parts: ReplyParts6) => {
    const { renewAt, rebindAt, expiry } = lease(parts);
    return [renewAt - 1000, rebindAt - 1000, expiry - 1000];
  };
  t.strictSame(times({}), [40, 64, 100]);
  t.strictSame(times({ t1: 10, t2: 20 }), [10, 20, 100]);
  t.strictSame(times({ t1: 10 }), [10, 64, 100]);
  t.strictSame(times({ t1: 70 }), [64, 64, 100]);
  t.strictSame(times({ t1: 500, t2: 900 }), [100, 100, 100], "not beyond the end");
  t.strictSame(times({ preferred: 0 }), [50, 80, 100], "no address is preferred");
  t.strictSame(times({ preferred: forEver, valid: forEver }), [Infinity, Infinity, Infinity]);
  t.strictSame(times({ t1: forEver, t2: forEver, preferred: forEver, valid: forEver }), [
    Infinity,
    Infinity,
    Infinity,
  ]);
  const two = [iaAddress("2001:db8::1", 200, 300), iaAddress("2001:db8::2", 60, 90)];
  t.strictSame(times({ ia: two }), [30, 48, 300]);
});

t.test("addresses at their end, out of order or refused are left out", async (t) => {
  const ia = [
    iaAddress("2001:db8::1", 0, 0),
    iaAddress("2001:db8::2", 20, 10),
    iaAddress("2001:db8::3", 10, 20, 4),
    iaAddress("2001:db8::4", 10, 20, 0),
    iaAddress("2001:db8::5", 10, forEver),
  ];
  t.strictSame(
    configOf6(lease({ ia })).addresses.map(({ address, ...until }) => [formatCidr(address), until]),
    [
      ["2001:db8::4/128", { preferredUntil: 1010, validUntil: 1020 }],
      ["2001:db8::5/128", { preferredUntil: 1010, validUntil: Infinity }],
    ],
  );
});

t.test("DNS, absent where it is malformed", async (t) => {
  const more = [
    make(option6.nameServers, [requireIp("2001:db8::53")]),
    make(option6.search, ["example.com"]),
  ];
  t.strictSame(configOf6(lease({ more })).dns, {
    nameservers: ["2001:db8::53"],
    search: ["example.com"],
  });
  const bad = [23, 24].map((code) => ({ code, bytes: Uint8Array.of(1) }));
  t.strictSame(configOf6(lease({ more: bad })).dns, { nameservers: [], search: [] });
  t.ok(givesSame6(lease({ more }), lease({ more, valid: 500 })));
  t.notOk(givesSame6(lease({ more }), lease()));
});

t.test("leases are read from a file as they were written", async (t) => {
  const more = [
    make(option6.nameServers, [requireIp("2001:db8::53")]),
    make(option6.search, ["a.b"]),
  ];
  for (const parts of [{}, { more }, { preferred: forEver, valid: forEver }, { valid: forEver }]) {
    const value = lease(parts);
    t.strictSame(fromRecord6(JSON.parse(JSON.stringify(toRecord6(value)))), value);
  }
});

t.test("damaged files", async (t) => {
  const good = toRecord6(lease({ more: [make(option6.search, ["a.b"])] }));
  t.ok(fromRecord6(good));
  const [first] = good.addresses;
  for (const [change, why] of [
    [{ serverId: "x" }, /DUID/],
    [{ serverId: "" }, /DUID/],
    [{ serverId: 5 }, /DUID/],
    [{ addresses: [] }, /no address/],
    [{ addresses: "x" }, /list/],
    [{ addresses: ["x"] }, /record/],
    [{ addresses: [{ ...first, address: "1.2.3.4" }] }, /IPv6/],
    [{ addresses: [{ ...first, validUntil: "x" }] }, /time/],
    [{ start: null }, /order/],
    [{ renewAt: 900 }, /order/],
    [{ rebindAt: 1001 }, /order/],
    [{ rebindAt: null }, /order/],
    [{ nameServers: [5] }, /IPv6/],
    [{ nameServers: undefined }, /list/],
    [{ search: ["a\nb"] }, /domain/],
  ] as const) {
    const error = { name: "DhcpError", reason: "no usable lease", message: why };
    t.throws(() => fromRecord6({ ...good, ...change }), error, JSON.stringify(change));
  }
  for (const record of [null, undefined, 5, "x", []]) {
    t.throws(() => fromRecord6(record), { name: "DhcpError", reason: "no usable lease" });
  }
});
