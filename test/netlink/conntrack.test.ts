/**
 * Messages that `conntrack` exchanged with a kernel, as strace saw them: UDP from 127.0.0.1 and ::1 to
 * port 8053, redirected to port 53 of 10.1.2.3 and fd00::3.
 */
import { readFileSync } from "node:fs";
import t from "tap";
import { decode, encode } from "../../src/netlink/codec.ts";
import { conntrackMessage } from "../../src/netlink/conntrack.ts";

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const skip = !littleEndian && "captured on a little-endian machine";

t.test("golden bytes", { skip }, (t) => {
  const text = readFileSync("test/golden/conntrack/udp.txt", "utf8");
  for (const block of text.trim().split("\n\n")) {
    const [command = "", who = "", message = "", json = ""] = block.split("\n");
    const [, hex = ""] = message.split(" ");
    const value = JSON.parse(json, revive);
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    const name = `${command.slice(2)}, ${who.slice(2)}`;
    t.strictSame(decode(conntrackMessage, bytes), value, `${name}: read`);
    const written = Buffer.from(encode(conntrackMessage, value)).toString("hex");
    t.equal(written, hex, `${name}: written`);
  }
  t.end();
});

// By include/uapi/linux/netfilter/nfnetlink_conntrack.h; test/kernel/conntrack.test.ts asks a kernel.
t.test("a question for one port", { skip }, (t) => {
  const asked = {
    family: "ip",
    original: { protocol: { number: 17, destinationPort: 8053 } },
    filter: { original: ["protocol", "destinationPort"] },
  } as const;
  const written = Buffer.from(encode(conntrackMessage, asked)).toString("hex");
  const header = "02000000";
  const tuple = "18000180" + "14000280" + "0500010011000000" + "060003001f750000";
  const filter = "0c001980" + "0800010028000000";
  t.equal(written, header + tuple + filter);
  t.end();
});

/** Bytes stand as hex digits after 0x. */
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/.test(value)) return value;
  return Uint8Array.from(Buffer.from(value.slice(2), "hex"));
}
