import fc from "fast-check";
import t from "tap";
import * as bytes from "../../src/addr/bytes.ts";

t.test("compare orders by the first byte that differs, then by length", async (t) => {
  const sorted = [[], [1], [1, 2], [1, 2, 0], [1, 3], [2]].map((list) => Uint8Array.from(list));
  t.same([...sorted].reverse().sort(bytes.compare), sorted);
});

t.test("equal", async (t) => {
  const a = Uint8Array.of(1, 2);
  t.ok(bytes.equal(a, Uint8Array.of(1, 2)));
  t.notOk(bytes.equal(a, Uint8Array.of(1, 3)));
  t.notOk(bytes.equal(a, Uint8Array.of(1, 2, 0)));
});

t.test("concat", async (t) => {
  t.same([...bytes.concat(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))], [1, 2, 3]);
});

t.test("hex goes there and back", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (data) => {
      t.equal(bytes.toHex(data), Buffer.from(data).toString("hex"));
      t.same(bytes.parseHex(bytes.toHex(data).toUpperCase()), data);
    }),
    { numRuns: 50 },
  );
  t.equal(bytes.toHex(Uint8Array.of(0, 0xab), ":"), "00:ab");
  for (const text of ["0", "0g", "0x", " 1"]) t.equal(bytes.parseHex(text), undefined, text);
});

t.test("utf8 and utf8Length agree with the platform's encoder", async (t) => {
  const agree = (text: string): void => {
    const expected = new TextEncoder().encode(text);
    t.same(bytes.utf8(text), expected);
    t.equal(bytes.utf8Length(text), expected.length);
  };
  fc.assert(fc.property(fc.string({ unit: "binary" }), agree), { numRuns: 100 });
  for (const text of ["é", "中", "😀x", "\ud800", "\udc00\ud800", "\ud83dx", "\u07ff\u0800"])
    agree(text);
});

t.test("integers of a stated byte order", async (t) => {
  t.same([...bytes.u16be(0x0102)], [1, 2]);
  t.same([...bytes.u16le(0x0102)], [2, 1]);
  t.same([...bytes.u32be(0xfe030201)], [0xfe, 3, 2, 1]);
  t.same([...bytes.u32le(0xfe030201)], [1, 2, 3, 0xfe]);
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(3), (value, at) => {
      const before = new Uint8Array(at);
      t.equal(bytes.readU32be(bytes.concat(before, bytes.u32be(value)), at), value);
      t.equal(bytes.readU32le(bytes.concat(before, bytes.u32le(value)), at), value);
      t.equal(bytes.readU16be(bytes.u16be(value), 0), value & 0xffff);
      t.equal(bytes.readU16le(bytes.u16le(value), 0), value & 0xffff);
    }),
    { numRuns: 50 },
  );
  t.throws(
    () => bytes.readU32be(new Uint8Array(5), 2),
    new RangeError("Cannot read byte 5: there are 5"),
  );
  t.throws(() => bytes.readU16le(new Uint8Array(1), 0), RangeError);
});
