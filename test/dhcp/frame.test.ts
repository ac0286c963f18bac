import fc from "fast-check";
import t from "tap";
import { concat, toHex, u16be } from "../../src/addr/bytes.ts";
import { requireIp } from "../../src/addr/ip.ts";
import {
  type Datagram,
  readEthernet,
  readPacket,
  writeEthernet,
  writePacket,
} from "../../src/dhcp/frame.ts";
import { bytesOf } from "./show.ts";

const datagram: Datagram = {
  source: requireIp("0.0.0.0"),
  destination: requireIp("255.255.255.255"),
  sourcePort: 68,
  destinationPort: 67,
  payload: Uint8Array.of(1, 2, 3),
};

const plain = { noNullPrototype: true };

/** The sum of RFC 1071, written a second time and in another way: with a carry after each word. */
function onesComplement(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += (bytes[at] as number) * 256 + (bytes[at + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** An IPv4 packet with what a test wants to be wrong; its own checksum is right. */
function packet(changes: (packet: Uint8Array) => void, from = writePacket(datagram)): Uint8Array {
  const bytes = from.slice();
  changes(bytes);
  bytes.set([0, 0], 10);
  const header = bytes.subarray(0, ((bytes[0] as number) & 15) * 4);
  bytes.set(u16be(0xffff - onesComplement(header)), 10);
  return bytes;
}

t.test("where the fields are", async (t) => {
  const bytes = writePacket(datagram);
  t.equal(toHex(bytes.subarray(0, 20)), "4500001f0000000040117acf00000000ffffffff");
  t.equal(toHex(bytes.subarray(20, 26)), "00440043000b");
  t.equal(toHex(bytes.subarray(28)), "010203");
  const frame = writeEthernet(bytesOf("ffffffffffff"), bytesOf("020000000002"), bytes);
  t.equal(toHex(frame.subarray(0, 14)), "ffffffffffff0200000000020800");
  t.strictSame(readEthernet(frame), { source: bytesOf("020000000002"), packet: bytes });
});

t.test("datagrams are read as they were written, and both checksums are right", async (t) => {
  const ip = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const port = fc.integer({ min: 0, max: 0xffff });
  const any = fc.record(
    {
      source: ip,
      destination: ip,
      sourcePort: port,
      destinationPort: port,
      payload: fc.uint8Array({ maxLength: 1472 }),
    },
    plain,
  );
  fc.assert(
    fc.property(any, (datagram) => {
      const bytes = writePacket(datagram);
      t.strictSame(readPacket(bytes, false), datagram);
      t.equal(onesComplement(bytes.subarray(0, 20)), 0xffff);
      const udp = bytes.subarray(20);
      const pseudo = concat(bytes.subarray(12, 20), Uint8Array.of(0, 17), u16be(udp.length), udp);
      t.equal(onesComplement(pseudo), 0xffff);
      t.not(toHex(udp.subarray(6, 8)), "0000", "0 would say that there is no checksum");
    }),
    { numRuns: 100 },
  );
});

t.test("a checksum that comes to 0 is written as ffff", async (t) => {
  const bare = writePacket({ ...datagram, payload: Uint8Array.of(0, 0) });
  const payload = bare.slice(26, 28); // what is missing to 0
  const bytes = writePacket({ ...datagram, payload });
  t.equal(toHex(bytes.subarray(26, 28)), "ffff");
  t.ok(readPacket(bytes, false));
});

t.test("a single wrong bit is seen", async (t) => {
  const bytes = writePacket(datagram);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (0x80 >> (bit & 7));
    t.throws(() => readPacket(changed, false), { name: "DhcpError" }, `bit ${bit}`);
  }
});

t.test("a UDP checksum of 0 is none", async (t) => {
  const bytes = packet((bytes) => bytes.set([0, 0], 26));
  t.strictSame(readPacket(bytes, false)?.payload, datagram.payload);
});

t.test("a checksum that the network card was to complete", async (t) => {
  const bytes = packet((bytes) => bytes.set(u16be(0xffff + 0xffff + 17 + 11 - 2 * 0xffff), 26));
  t.ok(readPacket(bytes), "is known by its value");
  t.ok(readPacket(bytes, true));
  t.throws(() => readPacket(bytes, false), { name: "DhcpError", reason: "bad UDP checksum" });
  const wrong = packet((bytes) => bytes.set([9, 9], 26));
  t.throws(() => readPacket(wrong), { name: "DhcpError", reason: "bad UDP checksum" });
  t.ok(readPacket(wrong, true), "where the kernel says so, the value does not matter");
});

t.test("options of IP are skipped, and what follows the packet is ignored", async (t) => {
  const plain = writePacket(datagram);
  const options = bytesOf("94040000 01010101");
  const long = concat(plain.subarray(0, 20), options, plain.subarray(20));
  const bytes = packet((bytes) => {
    bytes[0] = 0x47;
    bytes.set(u16be(long.length), 2);
  }, long);
  t.strictSame(readPacket(bytes, false), datagram);
  t.strictSame(readPacket(concat(bytes, new Uint8Array(30).fill(5)), false), datagram);
});

t.test("other protocols are not for us", async (t) => {
  t.equal(readPacket(packet((bytes) => bytes.set([6], 9))), undefined);
  const frame = writeEthernet(new Uint8Array(6), new Uint8Array(6), writePacket(datagram));
  frame.set([0x86, 0xdd], 12);
  t.equal(readEthernet(frame), undefined);
  t.throws(() => readEthernet(frame.subarray(0, 13)), {
    name: "DhcpError",
    reason: "truncated frame",
  });
});

t.test("what is wrong with a packet", async (t) => {
  const good = writePacket(datagram);
  const wrongSum = good.slice();
  wrongSum[10] = (wrongSum[10] as number) ^ 1;
  for (const [bytes, reason] of [
    [new Uint8Array(0), "truncated frame"],
    [good.subarray(0, 19), "truncated frame"],
    [good.subarray(0, 30), "truncated frame"],
    [packet((bytes) => bytes.set([0x46]), good).subarray(0, 23), "truncated frame"],
    [packet((bytes) => bytes.set([0x65])), "bad IP header"],
    [packet((bytes) => bytes.set([0x44])), "bad IP header"],
    [packet((bytes) => bytes.set(u16be(19), 2)), "bad IP header"],
    [wrongSum, "bad IP checksum"],
    [packet((bytes) => bytes.set([0x20], 6)), "IP fragment"],
    [packet((bytes) => bytes.set([0, 1], 6)), "IP fragment"],
    [packet((bytes) => bytes.set(u16be(27), 2)), "bad UDP length"],
    [packet((bytes) => bytes.set(u16be(7), 24)), "bad UDP length"],
    [packet((bytes) => bytes.set(u16be(12), 24)), "bad UDP length"],
    [packet((bytes) => bytes.set([9], 30)), "bad UDP checksum"],
  ] as const) {
    t.throws(() => readPacket(bytes), { name: "DhcpError", reason });
  }
  t.ok(readPacket(packet((bytes) => bytes.set([0x40], 6))), '"do not fragment" is no fragment');
});
