/**
 * What dnsmasq 2.90 and the reference's daemon said to each other, and to our client, as tcpdump saw
 * it between two namespaces. The values beside the bytes were compared with what tcpdump prints.
 */
import t from "tap";
import { toHex } from "../../src/addr/bytes.ts";
import { formatIp } from "../../src/addr/ip.ts";
import { formatMac } from "../../src/addr/mac.ts";
import {
  type Datagram,
  readEthernet,
  readPacket,
  writeEthernet,
  writePacket,
} from "../../src/dhcp/frame.ts";
import { readMessage, writeMessage } from "../../src/dhcp/message.ts";
import { readMessage6, writeMessage6 } from "../../src/dhcp/v6/message.ts";
import { bytesOf, readGolden, showMessage, showMessage6 } from "./show.ts";

for (const { title, bytes, value } of readGolden("lease")) {
  t.test(title, async (t) => {
    const frame = readEthernet(bytes) as NonNullable<ReturnType<typeof readEthernet>>;
    const datagram = readPacket(frame.packet) as Datagram;
    const message = readMessage(datagram.payload);
    t.strictSame(
      {
        mac: formatMac(frame.source),
        source: `${formatIp(datagram.source)}:${datagram.sourcePort}`,
        destination: `${formatIp(datagram.destination)}:${datagram.destinationPort}`,
        message: showMessage(message),
      },
      value,
      "read",
    );
    t.strictSame(readMessage(writeMessage(message)), message, "written and read");
    const again = writeEthernet(bytes.subarray(0, 6), frame.source, writePacket(datagram));
    t.strictSame(readEthernet(again), { ...frame, packet: writePacket(datagram) });
    t.strictSame(readPacket(writePacket(datagram), false), datagram, "with checksums of our own");
  });
}

t.test("the checksums of dnsmasq's replies are those of an offloading kernel", async (t) => {
  const replies = readGolden("lease").filter(({ title }) => /dnsmasq/.test(title));
  t.equal(replies.length, 4);
  for (const { title, bytes } of replies) {
    const packet = bytes.subarray(14);
    t.ok(readPacket(packet, true), title);
    t.throws(
      () => readPacket(packet, false),
      { name: "DhcpError", reason: "bad UDP checksum" },
      title,
    );
  }
});

for (const { title, bytes, value } of readGolden("v6")) {
  t.test(title, async (t) => {
    const message = readMessage6(bytes);
    t.strictSame(showMessage6(message), value, "read");
    t.equal(toHex(writeMessage6(message)), toHex(bytes), "written");
  });
}

t.test("bytes of golden files are read as they stand", async (t) => {
  t.strictSame([...bytesOf("00ff 10")], [0, 255, 16]);
});
