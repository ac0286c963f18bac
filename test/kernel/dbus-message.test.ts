/** Messages of D-Bus, against what `dbus-send` and dbus-daemon 1.14 exchanged, as strace saw it. */
import assert from "node:assert/strict";
import t from "tap";
import { decodeMessage, encodeCall } from "../../src/kernel/dbus-message.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const bus = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};

/** Byte 3 has the flags: nobody is to be started for us. */
const hello = bytes(
  "6c01000100000000010000006e00000001016f00150000002f6f72672f667265656465736b746f702f4442757300000006017300140000006f72672e667265656465736b746f702e444275730000000002017300140000006f72672e667265656465736b746f702e4442757300000000030173000500000048656c6c6f000000",
);
const getNameOwner = bytes(
  "6c01000121000000020000007f00000001016f00150000002f6f72672f667265656465736b746f702f4442757300000002017300140000006f72672e667265656465736b746f702e4442757300000000030173000c0000004765744e616d654f776e65720000000006017300140000006f72672e667265656465736b746f702e444275730000000008016700017300001c0000006f72672e6665646f726170726f6a6563742e4669726577616c6c443100",
);
const greeting = bytes(
  "6c02010109000000010000003d00000006017300040000003a312e30000000000501750001000000080167000173000007017300140000006f72672e667265656465736b746f702e4442757300000000040000003a312e30006c04010109000000020000008d00000001016f00150000002f6f72672f667265656465736b746f702f4442757300000002017300140000006f72672e667265656465736b746f702e4442757300000000030173000c0000004e616d6541637175697265640000000006017300040000003a312e3000000000080167000173000007017300140000006f72672e667265656465736b746f702e4442757300000000040000003a312e3000",
);
const refusal = bytes(
  "6c0301014d000000030000007500000006017300040000003a312e300000000004017300290000006f72672e667265656465736b746f702e444275732e4572726f722e4e616d654861734e6f4f776e6572000000000000000501750002000000080167000173000007017300140000006f72672e667265656465736b746f702e444275730000000048000000436f756c64206e6f7420676574206f776e6572206f66206e616d6520276f72672e6665646f726170726f6a6563742e4669726577616c6c4431273a206e6f2073756368206e616d6500",
);
const yes = bytes(
  "6c02010104000000030000003d00000006017300040000003a312e31000000000501750002000000080167000162000007017300140000006f72672e667265656465736b746f702e444275730000000001000000",
);

function withFlags(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  copy[2] = 2;
  return copy;
}

t.test("calls", async () => {
  const args = ["org.fedoraproject.FirewallD1"];
  const call = encodeCall({ ...bus, member: "GetNameOwner", args }, 2);
  assert.deepEqual(call, withFlags(getNameOwner));
  const read = decodeMessage(encodeCall({ ...bus, member: "Hello", args: [] }, 1));
  assert.equal(read?.message.kind, "call");
  assert.equal(read?.length, hello.length);
  assert.equal(decodeMessage(hello)?.length, hello.length);
});

t.test("two strings, each aligned", async () => {
  const call = encodeCall({ ...bus, member: "addSource", args: ["trusted", "10.1.2.2/32"] }, 3);
  const { message } = decodeMessage(call) ?? {};
  assert.equal(message?.signature, "ss");
  assert.deepEqual([message?.body.string(), message?.body.string()], ["trusted", "10.1.2.2/32"]);
});

t.test("answers, one behind the other, and only when they are whole", async () => {
  const first = decodeMessage(greeting);
  assert.equal(first?.message.kind, "return");
  assert.equal(first?.message.answers, 1);
  assert.equal(first?.message.body.string(), ":1.0");
  const second = decodeMessage(greeting.slice(first?.length));
  assert.equal(second?.message.kind, "signal");
  assert.equal(second?.message.answers, undefined);
  assert.equal((first?.length ?? 0) + (second?.length ?? 0), greeting.length);
  for (let length = 0; length < refusal.length; length++) {
    assert.equal(decodeMessage(refusal.subarray(0, length)), undefined);
  }
});

t.test("errors, booleans", async () => {
  const { message } = decodeMessage(refusal) ?? {};
  assert.equal(message?.kind, "error");
  assert.equal(message?.answers, 2);
  assert.equal(message?.errorName, "org.freedesktop.DBus.Error.NameHasNoOwner");
  assert.match(message?.body.string() ?? "", /^Could not get owner of name .*: no such name$/);
  assert.equal(decodeMessage(yes)?.message.body.boolean(), true);
});

t.test("the other byte order", async () => {
  // An empty return in answer to 7, of big-endian peers.
  const text = "4202000100000000000000090000000805017500000000074202";
  const { message, length } = decodeMessage(bytes(text)) ?? {};
  assert.deepEqual([message?.kind, message?.answers, length], ["return", 7, 24]);
});

t.test("what is no message", async () => {
  assert.throws(() => decodeMessage(new Uint8Array(16)), /no message$/);
  assert.throws(() => decodeMessage(bytes(`6c020001${"ff".repeat(12)}`)), /too long/);
  assert.throws(
    () => decodeMessage(bytes("6c020001000000000900000008000000050178000700000000000000")),
    /a header field of type x$/,
  );
});
