import fc from "fast-check";
import t from "tap";
import { sys } from "../../src/sys/sys.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

t.test("decodeUtf8 decodes as the WHATWG decoder does", async (t) => {
  const cases = [
    "41",
    "",
    "00",
    "efbbbf41", // a byte order mark is kept
    "c080", // overlong
    "e0809f",
    "eda080", // a surrogate
    "f08080af",
    "f4908080", // above U+10FFFF
    "f5ff",
    "e282", // cut
    "f09f98",
    "e28241",
    "f09f9841",
    "80bf",
    "41c3a9e282acf09f988042",
  ];
  for (const hex of cases) {
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    t.equal(sys.decodeUtf8(bytes), decoder.decode(bytes), hex);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      return sys.decodeUtf8(bytes) === decoder.decode(bytes);
    }),
    { numRuns: 2000 },
  );
  // Bytes that are nearly UTF-8: leads and continuations at the edges of what is allowed.
  const edges = [
    0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed,
  ];
  const edge = fc.constantFrom(...edges, 0xee, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 12 }), (array) => {
      const bytes = Uint8Array.from(array);
      return sys.decodeUtf8(bytes) === decoder.decode(bytes);
    }),
    { numRuns: 5000 },
  );
});

t.test("decodeUtf8 looks at its view only", async (t) => {
  t.equal(sys.decodeUtf8(encoder.encode("0123456789").subarray(2, 5)), "234");
});

t.test("encodeUtf8 encodes as TextEncoder does", async (t) => {
  for (const text of ["", "a", "\0", "é€😀", "\ud800", "\udc00", "a\ud83dz", "\ude00\ud83d"]) {
    t.same(sys.encodeUtf8(text), encoder.encode(text), JSON.stringify(text));
  }
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      return Buffer.compare(sys.encodeUtf8(text), encoder.encode(text)) === 0;
    }),
  );
  const unit = fc.integer({ min: 0xd7f0, max: 0xe010 }).map((code) => String.fromCharCode(code));
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 12 }), (units) => {
      const text = units.join("");
      return Buffer.compare(sys.encodeUtf8(text), encoder.encode(text)) === 0;
    }),
    { numRuns: 2000 },
  );
});

t.test("large texts", async (t) => {
  const text = "größe-日本-😀-".repeat(50_000);
  t.ok(sys.decodeUtf8(sys.encodeUtf8(text)) === text);
});
