import fc from "fast-check";
import t from "tap";
import { toHex, utf8 } from "../../src/addr/bytes.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import {
  emptyMessage,
  type Message,
  readMessage,
  typeOf,
  writeMessage,
} from "../../src/dhcp/message.ts";
import { entry, get, messageTypes, option4 } from "../../src/dhcp/options.ts";
import { bytesOf } from "./show.ts";

const mac = Uint8Array.of(2, 0, 0, 0, 0, 2);

t.test("where the fields are", async (t) => {
  const message: Message = {
    op: "reply",
    htype: 1,
    hops: 3,
    xid: 0x01020304,
    secs: 0x0506,
    broadcast: true,
    ciaddr: requireIp("1.1.1.1"),
    yiaddr: requireIp("2.2.2.2"),
    siaddr: requireIp("3.3.3.3"),
    giaddr: requireIp("4.4.4.4"),
    chaddr: mac,
    options: new Map([entry(option4.messageType, 5)]),
  };
  const bytes = writeMessage(message);
  t.equal(bytes.length, 300);
  t.equal(
    toHex(bytes.subarray(0, 44)),
    "020106030102030405068000010101010202020203030303040404040200000000020000".padEnd(88, "0"),
  );
  t.equal(toHex(bytes.subarray(44, 236)), "00".repeat(192));
  t.equal(toHex(bytes.subarray(236)), "63825363350105ff".padEnd(128, "0"));
  t.strictSame(readMessage(bytes), message);
  t.equal(typeOf(message), "ACK");
});

t.test("messages are read as they were written", async (t) => {
  const ip = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const options = fc.array(
    fc.tuple(
      fc.integer({ min: 1, max: 254 }).filter((code) => code !== option4.overload.code),
      fc.uint8Array({ maxLength: 300 }),
    ),
    { maxLength: 4 },
  );
  const message = fc.record(
    {
      op: fc.constantFrom("request" as const, "reply" as const),
      htype: fc.integer({ min: 0, max: 255 }),
      hops: fc.integer({ min: 0, max: 255 }),
      xid: fc.integer({ min: 0, max: 0xffffffff }),
      secs: fc.integer({ min: 0, max: 0xffff }),
      broadcast: fc.boolean(),
      ciaddr: ip,
      yiaddr: ip,
      siaddr: ip,
      giaddr: ip,
      chaddr: fc.uint8Array({ maxLength: 16 }),
      options: options.map((entries) => new Map(entries.sort(([a], [b]) => a - b))),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(message, (message) => {
      t.strictSame(readMessage(writeMessage(message)), message);
    }),
    { numRuns: 100 },
  );
});

t.test("a message has 300 bytes at least, and no more than the other side takes", async (t) => {
  const of = (length: number) => ({
    ...emptyMessage,
    options: new Map([[224, new Uint8Array(length)]]),
  });
  t.equal(writeMessage(of(57)).length, 300);
  t.equal(writeMessage(of(58)).length, 301);
  t.equal(writeMessage(of(300), 545).length, 545);
  t.throws(() => writeMessage(of(301), 545), {
    name: "DhcpError",
    reason: "malformed message",
    message: /546/,
  });
  t.throws(() => writeMessage({ ...emptyMessage, chaddr: new Uint8Array(17) }), {
    name: "DhcpError",
    reason: "malformed message",
  });
  t.equal(readMessage(writeMessage({ ...emptyMessage, secs: 1e6 })).secs, 0xffff);
});

t.test("options in file and sname count where option 52 says so", async (t) => {
  const overloaded = (value: number) => {
    const bytes = writeMessage({
      ...emptyMessage,
      options: new Map([entry(option4.hostName, "a")]),
    });
    bytes.set(bytesOf(`0c 01 61 34 01 0${value} ff`), 240);
    bytes.set(bytesOf("0c 01 73 0f 01 78 ff"), 44); // sname
    bytes.set(bytesOf("0c 01 66 00 1a 02 0578 ff"), 108); // file
    return readMessage(bytes).options;
  };
  for (const [value, hostName, domainName, mtu] of [
    [1, "af", undefined, 1400],
    [2, "as", "x", undefined],
    [3, "afs", "x", 1400],
  ] as const) {
    const options = overloaded(value);
    t.equal(get(options, option4.hostName), hostName);
    t.equal(get(options, option4.domainName), domainName);
    t.equal(get(options, option4.mtu), mtu);
    t.notOk(options.has(option4.overload.code));
  }
  for (const value of [0, 4])
    t.throws(() => overloaded(value), { name: "DhcpError", reason: "malformed option" });
  const open = writeMessage({ ...emptyMessage, options: new Map([entry(option4.overload, 1)]) });
  t.throws(
    () => readMessage(open),
    { name: "DhcpError", reason: "malformed message" },
    "a field without an end",
  );
});

t.test("what is no message", async (t) => {
  const good = writeMessage({ ...emptyMessage, options: new Map([entry(option4.messageType, 1)]) });
  const changed = (at: number, byte: number) => {
    const bytes = good.slice();
    bytes[at] = byte;
    return bytes;
  };
  for (const [bytes, reason] of [
    [new Uint8Array(0), "truncated message"],
    [good.subarray(0, 239), "truncated message"],
    [good.subarray(0, 240), "malformed message"],
    [changed(0, 0), "malformed message"],
    [changed(0, 3), "malformed message"],
    [changed(2, 17), "malformed message"],
    [changed(236, 0), "no magic cookie"],
    [changed(239, 0), "no magic cookie"],
    [changed(241, 200), "malformed message"],
  ] as const) {
    t.throws(() => readMessage(bytes), { name: "DhcpError", reason });
  }
});

t.test("types of messages have names", async (t) => {
  for (const [name, number] of Object.entries(messageTypes)) {
    t.equal(typeOf({ ...emptyMessage, options: new Map([[53, Uint8Array.of(number)]]) }), name);
  }
  t.equal(typeOf(emptyMessage), undefined);
  t.equal(typeOf({ ...emptyMessage, options: new Map([[53, Uint8Array.of(99)]]) }), undefined);
  t.throws(() => typeOf({ ...emptyMessage, options: new Map([[53, utf8("")]]) }), {
    name: "DhcpError",
    reason: "malformed option",
  });
  t.equal(formatIp(emptyMessage.ciaddr), "0.0.0.0");
});
