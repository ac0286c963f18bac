/** Base64, against Node's. */
import fc from "fast-check";
import t from "tap";
import { parseBase64, toBase64 } from "../../src/addr/base64.ts";

t.test("any bytes, there and back", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      t.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
      t.same(parseBase64(toBase64(bytes)), bytes);
    }),
  );
});

t.test("line breaks, and what is none", async (t) => {
  t.same(parseBase64("e3\r\n0=\n"), new TextEncoder().encode("{}"));
  for (const text of ["e30", "e3 0", "====", "e=30", "e30=e30=", "é30="]) {
    t.equal(parseBase64(text), undefined, text);
  }
});
