import fc from "fast-check";
import t from "tap";
import { utf8 } from "../../src/addr/bytes.ts";
import { fromUtf8, printable } from "../../src/dhcp/text.ts";
import { bytesOf } from "./show.ts";

t.test("UTF-8 is read as it was written", async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      t.equal(fromUtf8(utf8(text)), text);
    }),
  );
});

t.test("any bytes are text, those of UTF-8 the same as the platform's", async (t) => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      const text = fromUtf8(bytes);
      const expected = decoder.decode(bytes);
      // The platform may count a cut character of several bytes as one.
      t.equal(text.replace(/\ufffd+/g, "?"), expected.replace(/\ufffd+/g, "?"));
    }),
  );
  for (const hex of [
    "c080",
    "e08080",
    "f0808080",
    "eda080",
    "f4908080",
    "f8",
    "80",
    "c3",
    "e282",
  ]) {
    t.match(fromUtf8(bytesOf(hex)), /^\ufffd+$/, hex);
  }
});

t.test("control characters do not get into a log", async (t) => {
  t.equal(printable("a\nb\x1b[31m\x7f\x9bä\u{1f600}"), "a?b?[31m??ä\u{1f600}");
});
