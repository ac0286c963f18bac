import fc from "fast-check";
import t from "tap";
import { encode } from "../../src/netlink/codec.ts";
import {
  attributeOf,
  controlTypes,
  eachMessage,
  extendedAck,
  type Header,
  messageFlags,
  readAck,
  readDone,
  writeMessage,
} from "../../src/netlink/message.ts";
import { linkMessage } from "../../src/netlink/route/link.ts";
import { Reader, WireError, Writer } from "../../src/netlink/wire.ts";

/** An acknowledgement as the kernel makes it. */
function ackPayload(errno: number, request: Uint8Array, words: Uint8Array): Reader {
  const out = new Writer();
  out.i32(-errno);
  out.bytes(request);
  out.align();
  out.bytes(words);
  return new Reader(out.finish());
}

function framed(name: string): Uint8Array {
  const out = new Writer();
  writeMessage(out, 16, 5, 7, linkMessage, { name, info: { kind: "vlan", data: { id: 9 } } });
  return out.finish();
}

const header = (flags: number): Header => ({
  type: controlTypes.error,
  flags,
  sequence: 1,
  port: 2,
});

t.test("several messages in one datagram", (t) => {
  const out = new Writer(16);
  writeMessage(out, 18, 1, 41, linkMessage, { name: "abcd" }); // not a multiple of 4
  writeMessage(out, 17, 5, 42, linkMessage, { index: 9 });
  const seen: unknown[] = [];
  const stopped = eachMessage(out.finish(), ({ type, flags, sequence }, payload) => {
    const { name, index } = linkMessage.read(payload);
    seen.push({ type, flags, sequence, name, index });
    return false;
  });
  t.equal(stopped, false);
  t.strictSame(seen, [
    { type: 18, flags: 1, sequence: 41, name: "abcd", index: 0 },
    { type: 17, flags: 5, sequence: 42, name: undefined, index: 9 },
  ]);
  let count = 0;
  t.equal(
    eachMessage(out.finish(), () => ++count > 0),
    true,
  );
  t.equal(count, 1, "ends when it is told to");
  t.end();
});

t.test("a length that lies is a WireError, and ends", (t) => {
  const bytes = framed("eth0");
  for (const length of [0, 15, bytes.length + 1, 0xffffffff]) {
    const damaged = bytes.slice();
    new DataView(damaged.buffer).setUint32(0, length, true);
    t.throws(() => eachMessage(damaged, () => false), { name: "WireError" }, `length ${length}`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (garbage) => {
      try {
        eachMessage(Uint8Array.from(garbage), () => false);
      } catch (error) {
        t.ok(error instanceof WireError);
      }
    }),
  );
  t.end();
});

t.test("acknowledgements", (t) => {
  const request = framed("eth0");
  const words = encode(extendedAck, { text: "no", offset: 20 });
  const none = new Uint8Array(0);
  t.strictSame(readAck(header(0), ackPayload(0, request.slice(0, 16), none)), { errno: 0 });
  t.strictSame(
    readAck(header(messageFlags.ackTlvs), ackPayload(22, request, words)),
    { text: "no", offset: 20, errno: 22 },
    "behind the whole request",
  );
  t.strictSame(
    readAck(
      header(messageFlags.ackTlvs | messageFlags.capped),
      ackPayload(22, request.slice(0, 16), words),
    ),
    { text: "no", offset: 20, errno: 22 },
    "behind the request's header alone",
  );
  t.strictSame(readAck(header(0), ackPayload(17, request, none)), { errno: 17 }, "without words");
  t.throws(() => readAck(header(0), new Reader(Uint8Array.of(1, 2))), { name: "WireError" });
  t.end();
});

t.test("the end of a dump", (t) => {
  t.strictSame(readDone(header(2), new Reader(new Uint8Array(4))), { errno: 0 });
  t.strictSame(readDone(header(2), new Reader(new Uint8Array(0))), { errno: 0 });
  const out = new Writer();
  out.i32(-19);
  out.bytes(encode(extendedAck, { text: "gone" }));
  const flags = messageFlags.multi | messageFlags.ackTlvs;
  t.strictSame(readDone(header(flags), new Reader(out.finish())), { text: "gone", errno: 19 });
  t.end();
});

t.test("the attribute that an ack points at", (t) => {
  const value = { name: "x", mtu: 5, info: { kind: "vlan", data: { id: 9 } } } as const;
  const of = (ack: Parameters<typeof attributeOf>[0]) => attributeOf(ack, linkMessage, value);
  // nlmsghdr 16, ifinfomsg 16, IFLA_IFNAME 8, IFLA_MTU 8, IFLA_LINKINFO 4, IFLA_INFO_KIND 12, ...
  t.equal(of({ offset: 32 }), "IFLA_IFNAME");
  t.equal(of({ offset: 40 }), "IFLA_MTU");
  t.equal(of({ offset: 48 }), "IFLA_LINKINFO");
  t.equal(of({ offset: 52 }), "IFLA_LINKINFO: IFLA_INFO_KIND");
  t.equal(of({ offset: 68 }), "IFLA_LINKINFO: IFLA_INFO_DATA: IFLA_VLAN_ID");
  t.equal(of({ offset: 4 }), undefined, "in a header");
  t.equal(of({ offset: 4000 }), undefined, "beyond the end");
  t.equal(of({}), undefined);
  t.equal(of({ missingType: 1 }), "missing IFLA_ADDRESS");
  t.equal(
    of({ missingType: 5, missingNest: 64 }),
    "missing IFLA_LINKINFO: IFLA_INFO_DATA: IFLA_VLAN_PROTOCOL",
  );
  t.equal(of({ missingType: 999 }), "missing attribute 999");
  t.end();
});
