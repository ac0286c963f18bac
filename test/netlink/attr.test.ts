import fc from "fast-check";
import t from "tap";
import {
  attr,
  attrBy,
  attributes,
  attrs,
  dataOf,
  list,
  message,
  nested,
  tagged,
} from "../../src/netlink/attr.ts";
import * as codec from "../../src/netlink/codec.ts";
import { decode, encode } from "../../src/netlink/codec.ts";
import { linkMessage } from "../../src/netlink/route/link.ts";
import { routeMessage } from "../../src/netlink/route/route.ts";
import { ruleMessage } from "../../src/netlink/route/rule.ts";
import { WireError, Writer } from "../../src/netlink/wire.ts";

const inner = attributes({
  id: attr(1, "INNER_ID", codec.u16),
  text: attr(2, "INNER_TEXT", codec.cstring),
});
const outer = attributes({
  number: attr(1, "OUTER_NUMBER", codec.u32),
  nest: attr(2, "OUTER_NEST", nested(inner)),
  many: attrs(3, "OUTER_MANY", codec.be16),
  flag: attr(4, "OUTER_FLAG", codec.present),
  elements: attr(5, "OUTER_ELEMENTS", list(1, "ELEMENT", codec.u8)),
  huge: attr(6, "OUTER_HUGE", codec.u64),
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

t.test("each number has the byte order of its name", (t) => {
  t.equal(hex(encode(codec.be16, 0x0102)), "0102");
  t.equal(hex(encode(codec.be32, 0x01020304)), "01020304");
  t.equal(hex(encode(codec.be64, 0x0102030405060)), "0000102030405060");
  t.equal(hex(encode(codec.u16, 0x0102)), little ? "0201" : "0102");
  t.equal(hex(encode(codec.u32, 0xfffffffe)), little ? "feffffff" : "fffffffe");
  t.equal(decode(codec.i32, encode(codec.i32, -7)), -7);
  t.equal(decode(codec.u64, encode(codec.u64, 2 ** 53 - 1)), 2 ** 53 - 1);
  t.end();
});

t.test("attributes are aligned, and padded only in between", { skip: !little }, (t) => {
  const bytes = encode(attributes({ a: attr(1, "A", codec.u8), b: attr(2, "B", codec.u16) }), {
    a: 7,
    b: 0x0102,
  });
  t.equal(hex(bytes), "0500010007000000" + "0600020002010000");
  const nest = encode(outer, { nest: { id: 5 } });
  t.equal(
    hex(nest),
    "0c000280" + "0600010005000000",
    "NLA_F_NESTED, length with the padding in it",
  );
  t.strictSame(decode(outer, nest), { nest: { id: 5 } });
  t.strictSame(
    decode(outer, bytesOf("0c000200 0600010005000000")),
    { nest: { id: 5 } },
    "unmarked",
  );
  t.strictSame(decode(outer, bytesOf("0a000280 060001000500")), { nest: { id: 5 } }, "unpadded");
  t.end();
});

t.test("what a table does not know is kept", (t) => {
  const value = { number: 1, "#99": Uint8Array.of(1, 2, 3), flag: true } as const;
  t.strictSame(decode(outer, encode(outer, value)), value);
  t.throws(() => encode(outer, { nothing: 1 } as never), { message: "no such attribute: nothing" });
  t.end();
});

t.test("a kind picks the table of its data", (t) => {
  const info = tagged(
    attr(1, "KIND", codec.cstring),
    attr(2, "DATA", codec.bytes),
    { a: inner, b: attributes({ id: attr(1, "B_ID", codec.u32) }) },
    {
      portKind: attr(3, "PORT_KIND", codec.cstring),
      portData: attrBy(4, "PORT_DATA", "portKind", { a: inner }),
    },
  );
  const value = { kind: "b", data: { id: 70_000 }, portKind: "a", portData: { id: 5 } } as const;
  const read = decode(info, encode(info, value));
  t.strictSame(read, value);
  t.equal(dataOf(read, "b")?.id, 70_000);
  t.equal(dataOf(read, "a"), undefined);
  const other = decode(info, encode(info, { kind: "c", data: Uint8Array.of(9) } as never));
  t.strictSame(other, { kind: "c", data: Uint8Array.of(9) }, "an unknown kind keeps its bytes");
  t.end();
});

t.test("errors name the way to the attribute", (t) => {
  const deep = message(codec.struct("head", { a: codec.u8, _pad: codec.u8, b: codec.u16 }), outer);
  t.throws(() => decode(deep, bytesOf("01000200 0a000280 050001000500")), {
    name: "WireError",
    message: "OUTER_NEST: INNER_ID: expected 2 bytes (u16), got 1",
  });
  t.throws(() => decode(deep, bytesOf("0100")), { message: "head: expected 4 bytes, got 2" });
  t.throws(() => decode(outer, bytesOf("08000100 0100")), {
    message: "attribute 1: length 8 does not fit in 6 bytes",
  });
  t.throws(() => decode(outer, bytesOf("03000100")), {
    message: "attribute 1: length 3 does not fit in 4 bytes",
  });
  t.throws(() => encode(outer, { nest: { text: "\u0100" } }), {
    message: 'OUTER_NEST: INNER_TEXT: cannot encode "\u0100": not Latin-1',
  });
  t.throws(() => encode(outer, { "#7": new Uint8Array(0x10000) } as never), {
    message: "#7: too long: 65540 bytes",
  });
  t.end();
});

t.test("marks say which attribute a byte is in", (t) => {
  const out = new Writer();
  out.marks = [];
  outer.write(out, { number: 1, nest: { id: 2 } });
  t.strictSame(
    out.marks.map(({ start, end, kernelName }) => [kernelName, start, end]),
    [
      ["OUTER_NUMBER", 0, 8],
      ["INNER_ID", 12, 18],
      ["OUTER_NEST", 8, 20],
    ],
  );
  t.equal(outer.nameOf?.(5), "OUTER_ELEMENTS");
  t.equal(outer.nameOf?.(55), undefined);
  t.end();
});

const latin1 = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
});
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const anyOuter = fc.record(
  {
    number: u32,
    nest: fc.record(
      { id: fc.integer({ min: 0, max: 0xffff }), text: latin1 },
      { requiredKeys: [], noNullPrototype: true },
    ),
    many: fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 9 }),
    flag: fc.constant(true as const),
    elements: fc.array(fc.integer({ min: 0, max: 0xff }), { maxLength: 9 }),
    huge: fc.maxSafeNat(),
    "#77": fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
  },
  { requiredKeys: [], noNullPrototype: true },
);

t.test("what is written reads the same", (t) => {
  fc.assert(
    fc.property(anyOuter, (value) => {
      const bytes = encode(outer, value);
      t.equal(bytes.length % 4, 0);
      t.strictSame(decode(outer, bytes), value);
    }),
  );
  t.end();
});

t.test("damaged messages end in a WireError or in a value, and never in anything else", (t) => {
  const seed = encode(linkMessage, {
    index: 3,
    name: "eth0",
    info: { kind: "vlan", data: { id: 5 }, portKind: "bridge", portData: { hairpin: true } },
  });
  const codecs = [linkMessage, routeMessage, ruleMessage, outer] as codec.AnyCodec[];
  let refused = 0;
  const check = (bytes: Uint8Array) => {
    for (const one of codecs) {
      try {
        decode(one, bytes);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        refused++;
      }
    }
  };
  for (let length = 0; length < seed.length; length++) check(seed.slice(0, length));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => check(Uint8Array.from(bytes))),
    { numRuns: 500 },
  );
  const index = fc.nat(seed.length - 1);
  fc.assert(
    fc.property(fc.array(fc.tuple(index, fc.nat(255)), { maxLength: 6 }), (changes) => {
      const bytes = seed.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      check(bytes);
    }),
    { numRuns: 1000 },
  );
  t.ok(refused > 100, `${refused} refused`);
  t.end();
});

t.test("numbers with names", (t) => {
  const mode = codec.oneOf(codec.u16, { l2: 0, l3: 1 });
  t.equal(decode(mode, encode(mode, "l3")), "l3");
  t.equal(decode(mode, encode(mode, 9)), 9, "one without a name stays a number");
  t.throws(() => encode(mode, "l4" as never), { message: "no such name: l4" });
  const bits = codec.flags(codec.u32, { a: 1, b: 0x80000000 });
  t.strictSame(decode(bits, encode(bits, ["b", "a", 0x40])), ["a", "b", 0x40]);
  t.end();
});

t.test("hardware addresses", (t) => {
  t.equal(decode(codec.mac, bytesOf("02000000000a")), "02:00:00:00:00:0a");
  t.equal(hex(encode(codec.mac, "2:0:0:0:0:A")), "02000000000a");
  t.throws(() => encode(codec.mac, "nonsense"), { message: 'cannot encode MAC "nonsense"' });
  t.end();
});
