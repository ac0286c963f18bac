import fc from "fast-check";
import t from "tap";
import { toHex } from "../../../src/addr/bytes.ts";
import { requireIp } from "../../../src/addr/ip.ts";
import { digestUuid, linkLayerDuid, uuidDuid } from "../../../src/dhcp/v6/duid.ts";
import { readMessage6, writeMessage6 } from "../../../src/dhcp/v6/message.ts";
import {
  all6,
  get6,
  make,
  type Option6,
  option6,
  readOptions6,
  writeOptions6,
} from "../../../src/dhcp/v6/options.ts";
import { bytesOf } from "../show.ts";

const uint = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const bytes = fc.uint8Array({ maxLength: 100 });
const ip = fc.uint8Array({ minLength: 16, maxLength: 16 });
const raw = fc.array(fc.record({ code: uint(16), bytes }, { noNullPrototype: true }), {
  maxLength: 3,
});
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });

const values: Record<keyof typeof option6, fc.Arbitrary<unknown>> = {
  clientId: bytes,
  serverId: bytes,
  iaNa: record({ iaid: uint(32), t1: uint(32), t2: uint(32), options: raw }),
  iaAddress: record({ address: ip, preferred: uint(32), valid: uint(32), options: raw }),
  request: fc.array(uint(16), { minLength: 1, maxLength: 9 }),
  preference: uint(8),
  elapsed: uint(16),
  status: record({ code: uint(16), text: fc.string({ unit: fc.constantFrom("a", " ", "z") }) }),
  rapidCommit: fc.constant(true),
  nameServers: fc.array(ip, { minLength: 1, maxLength: 4 }),
  search: fc.constantFrom(["example.com"], ["a", "b.c", "example.com"]),
  solMaxRt: uint(32),
};

for (const [key, arbitrary] of Object.entries(values)) {
  t.test(`${key} is read as it was written`, async (t) => {
    const option = option6[key as keyof typeof option6] as Option6<unknown>;
    fc.assert(
      fc.property(arbitrary, (value) => {
        const options = readOptions6(writeOptions6([make(option, value), make(option, value)]));
        t.strictSame(get6(options, option), value);
        t.strictSame(all6(options, option), [value, value]);
      }),
      { numRuns: 25 },
    );
  });
}

t.test("where the fields are", async (t) => {
  const address = { address: requireIp("2001:db8::1"), preferred: 1, valid: 2, options: [] };
  const options = [make(option6.iaAddress, address)];
  const ia = make(option6.iaNa, { iaid: 3, t1: 4, t2: 5, options });
  t.equal(
    toHex(writeMessage6({ type: "REPLY", xid: 0x010203, options: [ia] })),
    "07010203" +
      "00030028" +
      "000000030000000400000005" +
      "00050018" +
      "20010db8000000000000000000000001" +
      "0000000100000002",
  );
  t.equal(toHex(writeOptions6([make(option6.search, ["a.b"])])), "00180005" + "0161016200");
});

t.test("values that are none", async (t) => {
  for (const [key, hex] of [
    ["iaNa", "00".repeat(11)],
    ["iaAddress", "00".repeat(23)],
    ["request", ""],
    ["request", "000000"],
    ["preference", ""],
    ["elapsed", "00"],
    ["status", "00"],
    ["rapidCommit", "00"],
    ["nameServers", ""],
    ["nameServers", "00".repeat(17)],
    ["search", "0161"],
    ["search", "0161c000"], // no compression here
    ["solMaxRt", "0000"],
  ] as const) {
    const option = option6[key] as Option6<unknown>;
    const options = [{ code: option.code, bytes: bytesOf(hex) }];
    const error = {
      name: "DhcpError",
      reason: "malformed option",
      message: new RegExp(option.name),
    };
    t.throws(() => get6(options, option), error, `${key} ${hex}`);
  }
});

t.test("what is no message", async (t) => {
  for (const [hex, reason] of [
    ["", "truncated message"],
    ["070102", "truncated message"],
    ["00010203", "no message type"],
    ["0c010203", "no message type"],
    ["0701020300", "malformed message"],
    ["07010203000100", "malformed message"],
    ["0701020300010001", "malformed message"],
    ["070102030001000100ff", "malformed message"],
  ] as const) {
    t.throws(() => readMessage6(bytesOf(hex)), { name: "DhcpError", reason }, hex);
  }
  t.strictSame(readMessage6(bytesOf("07010203")), { type: "REPLY", xid: 0x010203, options: [] });
});

t.test("DUIDs", async (t) => {
  t.equal(toHex(linkLayerDuid(1, bytesOf("020000000002"))), "00030001020000000002");
  const uuid = digestUuid(new Uint8Array(64).fill(0xff));
  t.equal(toHex(uuid), "ffffffffffff8fffbfffffffffffffff", "version 8, variant 10");
  t.equal(toHex(digestUuid(new Uint8Array(64))), "00000000000080008000000000000000");
  t.equal(toHex(uuidDuid(uuid)), `0004${toHex(uuid)}`);
});
