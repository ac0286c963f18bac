/** Examples from the documentation of Go's encoding/gob, and what Go sent. */
import fc from "fast-check";
import t from "tap";
import { concat, toHex } from "../../src/addr/bytes.ts";
import {
  GobFramer,
  GobReader,
  type GobRecord,
  gobBytes,
  gobInt,
  gobUint,
} from "../../src/dhcp/gob.ts";
import { GobDecoder } from "../../src/dhcp/gob-decoder.ts";
import { GobEncoder, type ListType, type RecordType } from "../../src/dhcp/gob-encoder.ts";
import { bytesOf } from "./show.ts";

t.test("integers", async (t) => {
  for (const [value, hex] of [
    [0, "00"],
    [7, "07"],
    [127, "7f"],
    [128, "ff80"],
    [256, "fe0100"],
    [65536, "fd010000"],
    [2 ** 32, "fb0100000000"],
  ] as const) {
    t.equal(toHex(gobUint(value)), hex);
    t.equal(new GobReader(bytesOf(hex)).uint(), value);
  }
  for (const [value, hex] of [
    [0, "00"],
    [-1, "01"],
    [1, "02"],
    [-129, "fe0101"],
    [65, "ff82"],
    [-65, "ff81"],
    [-(2 ** 31), "fcffffffff"],
  ] as const) {
    t.equal(toHex(gobInt(value)), hex);
    t.equal(new GobReader(bytesOf(hex)).int(), value);
  }
});

/** The record that the documentation writes out byte by byte: Point{22, 33}. */
const point: RecordType = { name: "Point", fields: { X: "int", Y: "int" } };
const pointBytes =
  "1fff8103010105506f696e7401ff82000102010158010400010159010400000007ff82012c014200";

t.test("the stream of the documentation's example", async (t) => {
  t.equal(toHex(new GobEncoder().encode(point, { X: 22, Y: 33 })), pointBytes);
  const decoder = new GobDecoder();
  const messages = new GobFramer().push(bytesOf(pointBytes));
  t.strictSame(
    messages.map((message) => decoder.decode(message)),
    [undefined, Object.assign(Object.create(null), { X: 22, Y: 33 })],
  );
});

const texts: ListType = { name: "[]string", elements: "string" };
const inner: RecordType = { name: "Inner", fields: { Data: "bytes", Texts: texts } };
const outer: RecordType = {
  name: "Outer",
  fields: {
    Name: "string",
    Count: "uint",
    Inner: inner,
    List: { name: "[]Inner", elements: inner },
    More: texts,
    Number: "int",
  },
};

t.test("records are read as they were written, in pieces of any size", async (t) => {
  const list = fc.array(fc.string(), { maxLength: 3 });
  const part = fc.record({ Data: fc.uint8Array({ maxLength: 200 }), Texts: list });
  const whole = fc.record({
    Name: fc.string(),
    Count: fc.nat(),
    Inner: part,
    List: fc.array(part, { maxLength: 3 }),
    More: list,
    Number: fc.integer(),
  });
  fc.assert(
    fc.property(
      fc.array(whole, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 50 }),
      (records, size) => {
        const encoder = new GobEncoder();
        const stream = concat(...records.map((record) => encoder.encode(outer, record)));
        const framer = new GobFramer();
        const decoder = new GobDecoder();
        const read: GobRecord[] = [];
        for (let at = 0; at < stream.length; at += size) {
          for (const message of framer.push(stream.subarray(at, at + size))) {
            const record = decoder.decode(message);
            if (record) read.push(record);
          }
        }
        t.same(read, records.map(withoutZeros));
      },
    ),
    { numRuns: 50 },
  );
});

/** What gob leaves out comes back as absent. */
function withoutZeros(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutZeros);
  const entries = Object.entries(value).map(
    ([key, member]) => [key, withoutZeros(member)] as const,
  );
  const isZero = (member: unknown) =>
    member === 0 ||
    member === "" ||
    ((Array.isArray(member) || member instanceof Uint8Array) && member.length === 0);
  return Object.fromEntries(entries.filter(([, member]) => !isZero(member)));
}

t.test("names of fields cannot reach into the prototype", async (t) => {
  const type: RecordType = { name: "T", fields: { ["__proto__"]: "string" } };
  const evil = Object.defineProperty({}, "__proto__", {
    value: "x",
    enumerable: true,
  }) as GobRecord;
  const decoder = new GobDecoder();
  const [definition, value] = new GobFramer().push(new GobEncoder().encode(type, evil));
  decoder.decode(definition as Uint8Array);
  const record = decoder.decode(value as Uint8Array) as GobRecord;
  t.strictSame(Object.keys(record), ["__proto__"]);
  t.equal(Object.getPrototypeOf(record), null);
});

t.test("what is no stream", async (t) => {
  const error = { name: "GobError" };
  const framer = () => new GobFramer(100);
  t.strictSame(framer().push(gobBytes(new Uint8Array(100)))[0]?.length, 100);
  t.throws(() => framer().push(gobBytes(new Uint8Array(101))), error, "too long");
  t.throws(() => framer().push(bytesOf(`80${"00".repeat(130)}`)), error, "a count of 128 bytes");
  t.strictSame(framer().push(bytesOf("fe01")), [], "a count that is not there yet");
  const decode = (hex: string) => {
    const decoder = new GobDecoder();
    const [definition] = framer().push(bytesOf(pointBytes));
    decoder.decode(definition as Uint8Array);
    return decoder.decode(bytesOf(hex));
  };
  t.same(decode("ff82012c014200"), { X: 22, Y: 33 });
  for (const hex of [
    "",
    "ff82", // no end
    "ff82012c",
    "ff82012c0142", // no end of the record
    "ff8203" + "2c00", // no such field
    "ff840100", // a type that was not defined
    "0c0141", // a basic type
    "ff83", // a definition of nothing
    "ff830000",
    "ff83010100", // an array
    "ff83040100", // a map
  ]) {
    t.throws(() => decode(hex), error, hex);
  }
});

t.test("a type that holds itself does not nest for ever", async (t) => {
  const decoder = new GobDecoder();
  decoder.decode(
    bytesOf("ff81 03 01 02 ff82 00 01 01 01 01 41 01 ff82 00 00 00".replace(/ /g, "")),
  );
  t.throws(() => decoder.decode(bytesOf(`ff82${"01".repeat(100)}${"00".repeat(101)}`)), {
    message: "Cannot read gob: values nest too deep",
  });
});

t.test("more types than a stream has are refused", async (t) => {
  const decoder = new GobDecoder();
  const definition = (id: number) =>
    concat(gobInt(-id), bytesOf("0301 02"), gobInt(id), bytesOf("00 00 00"));
  for (let id = 65; id < 65 + 256; id++) decoder.decode(definition(id));
  t.throws(() => decoder.decode(definition(400)), { message: "Cannot read gob: too many types" });
});
