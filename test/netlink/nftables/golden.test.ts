/**
 * Messages that `nft` and `iptables-nft` exchanged with a kernel, as strace saw them: what they sent
 * must come out of our codecs byte by byte, and all must read as the value beside it.
 */
import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { type AnyCodec, decode, encode } from "../../../src/netlink/codec.ts";
import { chainMessage } from "../../../src/netlink/nftables/chain.ts";
import { elementsMessage } from "../../../src/netlink/nftables/element.ts";
import { batchMessage, generationMessage } from "../../../src/netlink/nftables/header.ts";
import { ruleMessage } from "../../../src/netlink/nftables/rule.ts";
import { setMessage } from "../../../src/netlink/nftables/set.ts";
import { tableMessage } from "../../../src/netlink/nftables/table.ts";

const codecs: Record<string, AnyCodec> = {
  batch: batchMessage,
  generation: generationMessage,
  table: tableMessage,
  chain: chainMessage,
  rule: ruleMessage,
  set: setMessage,
  elements: elementsMessage,
};

const folder = "test/golden";
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

for (const file of readdirSync(folder).filter((name) => /^nft-.*\.txt$/.test(name))) {
  t.test(file, { skip: !littleEndian && "captured on a little-endian machine" }, (t) => {
    for (const block of readFileSync(`${folder}/${file}`, "utf8").trim().split("\n\n")) {
      const lines = block.split("\n");
      const comments = lines.filter((line) => line.startsWith("# "));
      const [kind = "", hex = ""] = (lines[comments.length] ?? "").split(" ");
      const json = lines.slice(comments.length + 1).join("\n");
      const codec = codecs[kind] as AnyCodec;
      const value = JSON.parse(json, revive);
      const name = comments[0] as string;
      const bytes = Uint8Array.from(Buffer.from(hex, "hex"));

      t.strictSame(decode(codec, bytes), value, `${name}: read`);
      const written = Buffer.from(encode(codec, value)).toString("hex");
      // The kernel leaves out NLA_F_NESTED, which we write as libmnl does.
      if (comments.some((line) => line.startsWith("# to ")))
        t.equal(written, hex, `${name}: written`);
      t.strictSame(decode(codec, encode(codec, value)), value, `${name}: written and read`);
    }
    t.end();
  });
}

/** Bytes stand as hex digits after 0x. */
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/.test(value)) return value;
  return Uint8Array.from(Buffer.from(value.slice(2), "hex"));
}
