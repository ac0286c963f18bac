import t from "tap";
import { toHex, utf8 } from "../../src/addr/bytes.ts";
import {
  attachmentName,
  iaidOf,
  referenceClientId,
  rfc4361ClientId,
} from "../../src/dhcp/client-id.ts";
import { option4 } from "../../src/dhcp/options.ts";
import { type Block, bytesOf, readGolden } from "./show.ts";

const attachment = { containerId: "c1", network: "net1", ifName: "eth0" };

t.test("the identifier that the reference sent for the same attachment", async (t) => {
  const [discover] = readGolden("lease");
  const { message } = (discover as Block).value as { message: { options: Record<string, string> } };
  const sent = message.options[option4.clientId.name];
  t.equal(toHex(referenceClientId(attachment)), sent);
  t.equal(attachmentName(attachment), "c1/net1/eth0");
});

t.test("the first 254 bytes of the name count, not characters", async (t) => {
  const long = (containerId: string) => referenceClientId({ ...attachment, containerId });
  t.strictSame(long("x".repeat(300)), utf8(`\0${"x".repeat(254)}`));
  const umlauts = long("ä".repeat(300));
  t.equal(umlauts.length, 255);
  t.equal(toHex(umlauts.subarray(0, 5)), "00c3a4c3a4");
  t.equal(long("x".repeat(244)).length, 255, "254 with the network and the link");
});

t.test("RFC 4361: type, IAID, DUID", async (t) => {
  const duid = bytesOf("0003 0001 020000000002");
  t.equal(toHex(rfc4361ClientId(0x01020304, duid)), "ff010203040003000102" + "0000000002");
});

t.test("an IAID is the FNV-1a hash of the name", async (t) => {
  t.equal(fnv("foobar"), 0xbf9cf968, "a test vector of FNV's authors");
  t.equal(iaidOf({ containerId: "", network: "", ifName: "" }), fnv("//"));
  t.equal(iaidOf(attachment), fnv("c1/net1/eth0"));
  t.not(iaidOf(attachment), iaidOf({ ...attachment, ifName: "eth1" }));
});

/** As iaidOf, in arithmetic that has no 32 bits. */
function fnv(text: string): number {
  let hash = 0x811c9dc5n;
  for (const byte of utf8(text)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n;
  return Number(hash);
}
