/**
 * Messages that `ip`, `bridge` and `tc` exchanged with a kernel, as strace saw them: each must read as the
 * value beside it, and come out of our codecs byte by byte. Sequence and port are 0 in the files.
 * Captured by src/_tools/capture.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { type AnyCodec, decode, encode } from "../../src/netlink/codec.ts";
import { eachMessage, readAck, writeMessage } from "../../src/netlink/message.ts";
import { addressMessage } from "../../src/netlink/route/address.ts";
import {
  bridgeLinkMessage,
  vlanDumpRequest,
  vlanMessage,
} from "../../src/netlink/route/bridge-vlan.ts";
import { linkInfo, linkMessage } from "../../src/netlink/route/link.ts";
import { neighbourMessage } from "../../src/netlink/route/neighbour.ts";
import { routeMessage } from "../../src/netlink/route/route.ts";
import { ruleMessage } from "../../src/netlink/route/rule.ts";
import { filterMessage, qdiscMessage } from "../../src/netlink/route/traffic.ts";
import { Writer } from "../../src/netlink/wire.ts";

const codecs: Record<string, AnyCodec> = {
  link: linkMessage,
  bridgeLink: bridgeLinkMessage,
  vlan: vlanMessage,
  vlanDump: vlanDumpRequest,
  address: addressMessage,
  route: routeMessage,
  rule: ruleMessage,
  neighbour: neighbourMessage,
  qdisc: qdiscMessage,
  filter: filterMessage,
};

/** IFLA_PAD, IFLA_BR_PAD, IFLA_BRPORT_PAD. */
const pads = /"#(42|40|26)":/;

const folder = "test/golden";
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

for (const file of readdirSync(folder).filter((name) => /^(?!nft-).*\.txt$/.test(name))) {
  t.test(file, { skip: !littleEndian && "captured on a little-endian machine" }, (t) => {
    for (const block of readFileSync(`${folder}/${file}`, "utf8").trim().split("\n\n")) {
      const [command = "", who = "", message = "", json = ""] = block.split("\n");
      const [kind = "", hex = ""] = message.split(" ");
      const name = `${command.slice(2)}: ${kind} ${who.slice(2)}`;
      const expected = JSON.parse(json, revive);
      const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
      const codec = codecs[kind];

      let read: unknown;
      eachMessage(bytes, (header, payload) => {
        const { type, flags } = header;
        const value = codec ? decode(codec, payload.bytes()) : readAck(header, payload);
        read = { type, flags, value };
        return true;
      });
      t.strictSame(read, expected, `${name}: read`);
      if (!codec) continue; // only the kernel writes acknowledgements

      const again = decode(codec, encode(codec, expected.value));
      t.strictSame(again, expected.value, `${name}: written and read`);
      const out = new Writer();
      writeMessage(out, expected.type, expected.flags, 0, codec, expected.value);
      const written = Buffer.from(out.finish()).toString("hex");
      const excuse = written !== hex && excuseOf(expected.value, who.includes(" to "));
      if (excuse) {
        t.comment(`${name}: other bytes: ${excuse}`);
        const inner = dataOf(expected.value.info);
        if (who.includes(" to ")) t.ok(hex.includes(inner), `${name}: ${inner} is in it`);
      } else t.equal(written, hex, `${name}: written`);
    }
    t.end();
  });
}

/** Bytes stand as hex digits after 0x. */
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/.test(value)) return value;
  return Uint8Array.from(Buffer.from(value.slice(2), "hex"));
}

/** The kind's own attributes, as bytes; without the names before them, where `ip` differs. */
function dataOf(info: { kind?: string; portKind?: string } = {}): string {
  const { kind, portKind } = info;
  const names = encode(linkInfo as AnyCodec, { kind, portKind });
  return Buffer.from(encode(linkInfo as AnyCodec, info).slice((names.length + 3) & ~3)).toString(
    "hex",
  );
}

/** Why a message cannot come out byte by byte, although it says the same. */
function excuseOf(
  value: { info?: unknown; alias?: string; options?: { actions?: unknown } },
  isRequest: boolean,
) {
  if (isRequest && (value.info || value.alias !== undefined)) return "ip leaves out a NUL";
  if (!isRequest && value.options?.actions)
    return "the kernel does not mark nests of actions as nests";
  if (pads.test(JSON.stringify(value))) return "the kernel has aligned 64-bit values by padding";
  return undefined;
}
