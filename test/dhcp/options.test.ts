import fc from "fast-check";
import t from "tap";
import { toHex, utf8 } from "../../src/addr/bytes.ts";
import { parseCidr } from "../../src/addr/cidr.ts";
import { requireIp } from "../../src/addr/ip.ts";
import {
  codeOf,
  entry,
  get,
  type Option,
  type Options,
  OptionsReader,
  option4,
  readOptions,
  writeOptions,
} from "../../src/dhcp/options.ts";
import { bytesOf } from "./show.ts";

const ip = fc.uint8Array({ minLength: 4, maxLength: 4 });
const ips = fc.array(ip, { minLength: 1, maxLength: 80 });
const uint = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const route = fc
  .tuple(ip, fc.integer({ min: 0, max: 32 }), ip)
  .map(([ip, prefixLength, router]) => {
    const bits = ip.reduce((sum, byte) => sum * 256 + byte, 0);
    const kept = Math.floor(bits / 2 ** (32 - prefixLength)) * 2 ** (32 - prefixLength);
    const masked = Uint8Array.of(kept / 2 ** 24, kept / 2 ** 16, kept / 2 ** 8, kept);
    return { dst: { ip: masked, prefixLength }, router };
  });
const routes = fc.array(route, { minLength: 1, maxLength: 50 });
const text = fc.string({ unit: "grapheme" }).map((text) => text.replace(/\0+$/, ""));
const bytes = fc.uint8Array({ maxLength: 600 });

/** Values for every option of the table. */
const values: Record<keyof typeof option4, fc.Arbitrary<unknown>> = {
  subnetMask: ip,
  timeOffset: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  routers: ips,
  nameServers: ips,
  hostName: text,
  domainName: text,
  mtu: uint(16),
  broadcastAddress: ip,
  staticRoutes: fc.array(fc.tuple(ip, ip), { minLength: 1, maxLength: 40 }),
  ntpServers: ips,
  vendorSpecific: bytes,
  requestedAddress: ip,
  leaseTime: uint(32),
  overload: uint(8),
  messageType: uint(8),
  serverId: ip,
  requestList: bytes,
  message: text,
  maxMessageSize: uint(16),
  renewalTime: uint(32),
  rebindingTime: uint(32),
  vendorClass: text,
  clientId: bytes,
  tftpServerName: text,
  bootFileName: text,
  userClass: text,
  relayAgent: bytes,
  domainSearch: fc.array(name, { minLength: 1, maxLength: 30 }),
  classlessRoutes: routes,
  microsoftRoutes: routes,
};

for (const [key, arbitrary] of Object.entries(values)) {
  t.test(`${key} is read as it was written`, async (t) => {
    const option = option4[key as keyof typeof option4] as Option<unknown>;
    fc.assert(
      fc.property(arbitrary, (value) => {
        const options = readOptions(writeOptions(new Map([entry(option, value)])));
        t.strictSame(get(options, option), value);
      }),
      { numRuns: 25 },
    );
  });
}

t.test("codes and names are those of RFC 2132 and of the reference", async (t) => {
  const names = Object.values(option4).map(({ name, code }) => [name, code] as const);
  t.equal(new Set(names.map(([name]) => name)).size, names.length);
  t.equal(new Set(names.map(([, code]) => code)).size, names.length);
  for (const [name, code] of [
    ["subnet-mask", 1],
    ["routers", 3],
    ["host-name", 12],
    ["vendor-class-identifier", 60],
    ["dhcp-client-identifier", 61],
    ["user-class", 77],
    ["domain-search", 119],
  ] as const) {
    t.equal(codeOf(name), code);
  }
  t.equal(codeOf("nothing"), undefined);
});

t.test("destinations of RFC 3442", async (t) => {
  for (const [dst, descriptor] of [
    ["0.0.0.0/0", "00"],
    ["10.0.0.0/8", "08 0a"],
    ["10.0.0.0/24", "18 0a 00 00"],
    ["10.17.0.0/16", "10 0a 11"],
    ["10.27.129.0/24", "18 0a 1b 81"],
    ["10.229.0.128/25", "19 0a e5 00 80"],
    ["10.198.122.47/32", "20 0a c6 7a 2f"],
  ] as const) {
    const router = requireIp("192.0.2.1");
    const value = bytesOf(`${descriptor} c0 00 02 01`);
    const routes = [{ dst: parseCidr(dst), router }];
    t.strictSame(option4.classlessRoutes.value.read(value), routes, dst);
    t.equal(toHex(option4.classlessRoutes.value.write(routes)), toHex(value), dst);
  }
  t.strictSame(
    option4.classlessRoutes.value.read(bytesOf("19 81 d2 b1 84 00000000"))[0]?.dst,
    parseCidr("129.210.177.128/25"),
    "bits beyond the mask are cleared",
  );
});

t.test("a search list as in RFC 3397", async (t) => {
  const value = bytesOf("03 656e67 05 6170706c65 03 636f6d 00 09 6d61726b6574696e67 c0 04");
  const names = ["eng.apple.com", "marketing.apple.com"];
  t.strictSame(option4.domainSearch.value.read(value), names);
  t.equal(toHex(option4.domainSearch.value.write(names)), toHex(value));
});

t.test("options that stand more than once are one, also across fields: RFC 3396", async (t) => {
  const reader = new OptionsReader();
  reader.read(bytesOf("0c 02 6162 00 3c 01 78 0c 01 63 ff 0c 01 7a"));
  reader.read(bytesOf("0c 01 64 ff"));
  t.equal(get(reader.options(), option4.hostName), "abcd");
  t.equal(get(reader.options(), option4.vendorClass), "x");
});

t.test("a long value is written in parts of 255 bytes", async (t) => {
  const value = new Uint8Array(600).fill(7);
  const field = writeOptions(new Map([[224, value]]));
  t.equal(field.length, 600 + 3 * 2 + 1);
  t.strictSame([field[1], field[258], field[515]], [255, 255, 90]);
  t.strictSame(readOptions(field).get(224), value);
  t.equal(toHex(writeOptions(new Map([[224, new Uint8Array(0)]]))), "e000ff", "none is one of 0");
  t.equal(writeOptions(new Map([[224, new Uint8Array(255)]])).length, 258, "255 are one part");
});

t.test("options are written in the order of their codes, unknown ones too", async (t) => {
  const options: Options = new Map([
    [250, utf8("z")],
    [12, utf8("a")],
    [224, utf8("m")],
    [0, utf8("pad")],
    [255, utf8("end")],
  ]);
  t.equal(toHex(writeOptions(options)), "0c0161e0016dfa017aff", "and pad and end are no options");
});

t.test("fields that are cut off, or have no end", async (t) => {
  for (const field of ["", "00", "0c", "0c 02 61", "0c 01 61", "0c 01 61 00 00"]) {
    const error = { name: "DhcpError", reason: "malformed message" };
    t.throws(() => readOptions(bytesOf(field)), error, `"${field}"`);
  }
});

t.test("values that are none", async (t) => {
  const cases: [keyof typeof option4, string][] = [
    ["subnetMask", "ffffff"],
    ["subnetMask", "ffffff0000"],
    ["routers", ""],
    ["routers", "c0000201 c0"],
    ["mtu", "05"],
    ["leaseTime", "000000"],
    ["messageType", ""],
    ["staticRoutes", "0a000000 c00002"],
    ["classlessRoutes", "21 0a000000 00 c0000201"],
    ["classlessRoutes", "18 0a0000 c00002"],
    ["domainSearch", "03 6162"],
    ["domainSearch", "01 61"],
    ["domainSearch", "01 61 c0"],
    ["domainSearch", "c0 00"],
    ["domainSearch", "01 61 c0 00"],
    ["domainSearch", "01 61 c0 03"],
    ["domainSearch", "01 61 c0 09"],
    ["domainSearch", "41 61 00"],
    ["domainSearch", "03 61 0a 62 00"],
    ["domainSearch", "03 61 20 62 00"],
    ["domainSearch", "03 61 2e 62 00"],
  ];
  for (const [key, hex] of cases) {
    const option = option4[key] as Option<unknown>;
    const options = new Map([[option.code, bytesOf(hex)]]);
    const error = {
      name: "DhcpError",
      reason: "malformed option",
      message: new RegExp(option.name),
    };
    t.throws(() => get(options, option), error, `${key} ${hex}`);
  }
});

t.test("names have 255 bytes at most, also through pointers", async (t) => {
  const { read, write } = option4.domainSearch.value;
  const label = "a".repeat(63);
  const longest = [label, label, label, "a".repeat(61)].join(".");
  t.strictSame(read(write([longest])), [longest]);
  t.throws(() => write([`${longest}a`]), { name: "DhcpError", reason: "malformed option" });
  const parts = ["3f".padEnd(128, "61"), "3f".padEnd(128, "61"), "3f".padEnd(128, "61")].join("");
  t.throws(() => read(bytesOf(`${parts} 3e${"61".repeat(62)} 00`)), {
    name: "DhcpError",
    reason: "malformed option",
  });
  t.throws(() => read(bytesOf(`${parts} 3d${"61".repeat(61)} 00 01 61 c0 00`)), {
    name: "DhcpError",
    reason: "malformed option",
  });
  for (const name of ["", ".", "a..b", "a b", "a.", "ä", "a".repeat(64)]) {
    t.throws(() => write([name]), { name: "DhcpError", reason: "malformed option" }, name);
  }
  t.strictSame(read(bytesOf("00 01 61 00")), ["a"], "the root says nothing");
});
