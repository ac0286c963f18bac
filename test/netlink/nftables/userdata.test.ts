/** What other programs keep beside their rules must come through, whatever it is. */
import fc from "fast-check";
import t from "tap";
import { decode, encode } from "../../../src/netlink/codec.ts";
import { commentData, setData } from "../../../src/netlink/nftables/userdata.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

t.test("known fields, unknown ones, and what is no list", async (t) => {
  const written = bytes(0, 3, 0x68, 0x69, 0, 9, 2, 1, 2, 5, 200, 1);
  const value = { comment: "hi", "#9": bytes(1, 2), rest: bytes(5, 200, 1) };
  t.strictSame(decode(commentData, written), value);
  t.strictSame(encode(commentData, value), written);
  t.strictSame(decode(commentData, bytes()), {});
  t.strictSame(decode(setData, bytes(0, 2, 7, 7)), { keyByteOrder: bytes(7, 7) }, "no number");
  const long = { comment: "x".repeat(255) };
  t.throws(() => encode(commentData, long), { message: /expected at most 255 bytes, got 256/ });
});

t.test("any bytes read and write as themselves, unless a field stands twice", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
      const types: number[] = [];
      for (let at = 0; at + 2 <= data.length; at += 2 + (data[at + 1] as number)) {
        types.push(data[at] as number);
      }
      fc.pre(new Set(types).size === types.length && !types.includes(0));
      return String(encode(commentData, decode(commentData, data))) === String(data);
    }),
  );
});
