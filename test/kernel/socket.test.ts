/** The socket against a kernel that we play. */
import t from "tap";
import { NetlinkSocket, request, type NetlinkSocket as Socket } from "../../src/kernel/socket.ts";
import { type Codec, encode, u32 } from "../../src/netlink/codec.ts";
import {
  controlTypes,
  eachMessage,
  extendedAck,
  type Header,
  messageFlags,
  writeMessage,
} from "../../src/netlink/message.ts";
import { linkMessage } from "../../src/netlink/route/link.ts";
import { Writer } from "../../src/netlink/wire.ts";
import { constants, type Datagram } from "../../src/sys/sys.ts";
import { failure, refused } from "./namespaces.ts";

type Answer = Uint8Array | Datagram | { code: string };

interface Kernel {
  socket: Socket;
  sent: Header[][];
  options: number[];
  polls: number[];
  bound: Uint8Array[];
  closed: number[];
}

const kernelAddress = new Uint8Array(12);

/** A socket whose kernel answers each datagram with what `answer` returns for its messages. */
function play(
  answer: (messages: Header[], count: number) => Answer[],
  { silent = false, groups = 0, lacking = -1 } = {},
): Kernel {
  const queue: Answer[] = [];
  const kernel: Omit<Kernel, "socket"> = {
    sent: [],
    options: [],
    polls: [],
    bound: [],
    closed: [],
  };
  const socket = new NetlinkSocket(constants.NETLINK_ROUTE, undefined, groups, {
    socket: () => 77,
    bind: (_fd, address) => kernel.bound.push(address),
    setsockopt: (_fd, _level, name) => {
      if (name === lacking) throw systemError("ENOPROTOOPT");
      kernel.options.push(name);
    },
    send: (_fd, data) => {
      const headers: Header[] = [];
      eachMessage(data, (header) => {
        headers.push(header);
        return false;
      });
      kernel.sent.push(headers);
      queue.push(...answer(headers, kernel.sent.length));
      return data.length;
    },
    recv: () => {
      const next = queue.shift();
      if (!next) throw new Error("the kernel has nothing more to say");
      if ("code" in next) throw systemError(next.code);
      return next instanceof Uint8Array ? { data: next, address: kernelAddress } : next;
    },
    poll: (_fds, timeout) => {
      kernel.polls.push(timeout);
      return [silent ? 0 : constants.POLLIN];
    },
    close: (fd) => kernel.closed.push(fd),
  });
  return { ...kernel, socket };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, errno: 1, syscall: "recvfrom" });
}

/** Messages of type 99 with a number, or acknowledgements, in one datagram. */
function datagram(
  ...messages: {
    sequence: number;
    number?: number;
    errno?: number;
    flags?: number;
    done?: boolean;
    text?: string;
    offset?: number;
  }[]
) {
  const out = new Writer();
  for (const { sequence, number, errno = 0, flags = 0, done, text, offset } of messages) {
    const words = text !== undefined || offset !== undefined;
    const all = flags | (words ? messageFlags.ackTlvs | messageFlags.capped : 0);
    const ack: Codec<number> = {
      write(out, value) {
        out.i32(-value);
        if (!done) out.reserve(16);
        if (words) out.bytes(encode(extendedAck, { text, offset }));
      },
      read: () => 0,
    };
    if (number !== undefined) writeMessage(out, 99, all, sequence, u32, number);
    else {
      const type = done ? controlTypes.done : controlTypes.error;
      writeMessage(out, type, all, sequence, ack, errno);
    }
  }
  return out.finish().slice();
}

const asked = (value = 5, ignore?: string[]) => request(98, 0, u32, value, `do ${value}`, ignore);
const multi = messageFlags.multi;

t.test("what is switched on", async (t) => {
  const { options, bound, socket, closed } = play(() => []);
  const { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK } = constants;
  t.strictSame(options, [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]);
  t.strictSame(bound, []);
  socket.close();
  t.strictSame(closed, [77]);
  const old = play(() => [], { lacking: NETLINK_GET_STRICT_CHK, groups: 0x101 });
  t.strictSame(old.options, [NETLINK_EXT_ACK, NETLINK_CAP_ACK], "an older kernel is fine");
  t.equal(Buffer.from(old.bound[0] ?? []).toString("hex"), "100000000000000001010000");
});

t.test("an answer, and what does not belong to it", async (t) => {
  const stranger = kernelAddress.slice();
  stranger[4] = 9;
  const { socket, sent } = play(([message]) => {
    const sequence = message?.sequence ?? 0;
    return [
      { data: datagram({ sequence, number: 1 }), address: stranger },
      datagram({ sequence: sequence - 1, number: 2 }, { sequence: sequence + 1, number: 3 }),
      datagram({ sequence, number: 4 }),
    ];
  });
  t.equal(socket.ask(asked(), u32), 4);
  t.equal(socket.ask(asked(), u32), 4);
  t.strictSame(
    sent.map(([message]) => [message?.type, message?.flags, message?.sequence]),
    [
      [98, messageFlags.request, 1],
      [98, messageFlags.request, 2],
    ],
  );
});

t.test("a refusal names the attribute, unless it is ignored", async (t) => {
  const { socket } = play(([message]) => [
    datagram({ sequence: message?.sequence ?? 0, errno: 17, text: "there it is", offset: 32 }),
  ]);
  const link = request(16, 0, linkMessage, { name: "x" }, 'add link "x"');
  t.strictSame(
    failure(() => socket.ask(link, linkMessage)),
    refused("EEXIST", 'Cannot add link "x": File exists (there it is: IFLA_IFNAME)'),
  );
  try {
    socket.ask(link, linkMessage);
  } catch (error) {
    t.match(error, { kernelText: "there it is", attribute: "IFLA_IFNAME" });
  }
  t.equal(socket.ask({ ...link, ignore: ["EEXIST"] }, linkMessage), undefined);
});

t.test("an error number that has no name", async (t) => {
  const { socket } = play(([m]) => [datagram({ sequence: m?.sequence ?? 0, errno: 524 })]);
  t.strictSame(
    failure(() => socket.ask(asked(), u32)),
    refused("E524", "Cannot do 5: Unknown error 524"),
  );
});

t.test("with echo the acknowledgement is waited for", async (t) => {
  const { socket } = play(([m]) => {
    const sequence = m?.sequence ?? 0;
    return [datagram({ sequence, number: 8 }), datagram({ sequence })];
  });
  t.equal(socket.ask({ ...asked(), flags: messageFlags.echo }, u32), 8);
  t.equal(socket.ask({ ...asked(), flags: messageFlags.echo }, u32), 8, "nothing is left over");
});

t.test("a dump in several datagrams", async (t) => {
  const { socket, sent } = play(([m]) => {
    const sequence = m?.sequence ?? 0;
    return [
      datagram({ sequence, number: 1, flags: multi }, { sequence, number: 2, flags: multi }),
      datagram({ sequence, number: 3, flags: multi }),
      datagram({ sequence, done: true, flags: multi }),
    ];
  });
  t.strictSame(socket.dump(asked(), u32), [1, 2, 3]);
  t.equal(sent[0]?.[0]?.flags, messageFlags.request | messageFlags.dump);
  t.strictSame(
    socket.dump(asked(), u32, (row) => row.peek(0) !== 2),
    [1, 3],
    "rows that are not wanted",
  );
});

t.test("an interrupted dump is read again", async (t) => {
  const interrupted = multi | messageFlags.dumpInterrupted;
  const { socket, sent } = play(([m], count) => {
    const sequence = m?.sequence ?? 0;
    return [
      datagram({ sequence, number: count, flags: count === 1 ? interrupted : multi }),
      // The kernel may also say so at the end alone.
      datagram({ sequence, done: true, flags: count === 2 ? interrupted : multi }),
    ];
  });
  t.strictSame(socket.dump(asked(), u32), [3], "nothing of the earlier ones");
  t.equal(sent.length, 3);
});

t.test("a dump that is always interrupted is given up", async (t) => {
  const { socket, sent } = play(([m]) => [
    datagram({
      sequence: m?.sequence ?? 0,
      done: true,
      flags: multi | messageFlags.dumpInterrupted,
    }),
  ]);
  t.strictSame(
    failure(() => socket.dump(asked(), u32)),
    refused(
      "EINTR",
      "Cannot do 5: Interrupted system call (the table changes faster than it can be read)",
    ),
  );
  t.equal(sent.length, 6);
});

t.test("a dump that ends with an error", async (t) => {
  const { socket } = play(([m]) => [
    datagram({ sequence: m?.sequence ?? 0, number: 1, flags: multi }),
    datagram({ sequence: m?.sequence ?? 0, done: true, errno: 19, flags: multi, text: "gone" }),
  ]);
  t.strictSame(
    failure(() => socket.dump(asked(), u32)),
    refused("ENODEV", "Cannot do 5: No such device (gone)"),
  );
  t.strictSame(socket.dump(asked(5, ["ENODEV"]), u32), [1]);
});

t.test("several changes in one write, one acknowledgement", async (t) => {
  const { socket, sent } = play((messages) => [datagram({ sequence: messages[2]?.sequence ?? 0 })]);
  socket.transact([asked(1), asked(2), asked(3)]);
  const { request, ack } = messageFlags;
  t.strictSame(
    sent.map((messages) => messages.map(({ flags }) => flags)),
    [[request, request, request | ack]],
  );
  socket.transact([]);
  t.equal(sent.length, 1, "nothing to do, nothing is sent");
});

t.test("the first failure is thrown after all is read", async (t) => {
  const { socket } = play((messages, count) => {
    const [first, second, last] = messages.map(({ sequence }) => sequence);
    if (count > 1) return [datagram({ sequence: first ?? 0, number: 9 })];
    return [
      datagram({ sequence: first ?? 0, errno: 17 }),
      datagram({ sequence: second ?? 0, errno: 19 }, { sequence: last ?? 0, errno: 22 }),
    ];
  });
  const requests = [asked(1, ["EEXIST"]), asked(2), asked(3)];
  t.strictSame(
    failure(() => socket.transact(requests)),
    refused("ENODEV", "Cannot do 2: No such device"),
  );
  t.equal(socket.ask(asked(), u32), 9);
});

t.test("many changes go in several writes, and stop where one fails", async (t) => {
  const { socket, sent } = play((messages, count) => [
    datagram({
      sequence: messages[messages.length - 1]?.sequence ?? 0,
      errno: count === 2 ? 1 : 0,
    }),
  ]);
  const many = Array.from({ length: 250 }, (_, i) => asked(i));
  t.strictSame(
    failure(() => socket.transact(many)),
    refused("EPERM", "Cannot do 199: Operation not permitted"),
  );
  t.strictSame(
    sent.map((messages) => messages.length),
    [100, 100],
  );
});

t.test("a framed batch is one write; an error about its frame ends it", async (t) => {
  const frame = { ...asked(0), frame: true };
  const batch = [frame, ...Array.from({ length: 150 }, (_, i) => asked(i)), frame];
  const good = play((messages) => [datagram({ sequence: messages[150]?.sequence ?? 0 })]);
  good.socket.transact(batch);
  t.equal(good.sent[0]?.length, 152);
  t.strictSame(
    good.sent[0]?.flatMap(({ flags }, i) => (flags & messageFlags.ack ? [i] : [])),
    [150],
    "the last that is no frame",
  );
  const bad = play((messages) => [datagram({ sequence: messages[0]?.sequence ?? 0, errno: 1 })]);
  t.strictSame(
    failure(() => bad.socket.transact(batch)),
    refused("EPERM", "Cannot do 0: Operation not permitted"),
  );
});

t.test("what changes made is shown with the number of the request", async (t) => {
  const { socket } = play(([first, second]) => [
    datagram({ sequence: second?.sequence ?? 0, number: 7 }),
    datagram({ sequence: second?.sequence ?? 0 }),
    datagram({ sequence: first?.sequence ?? 0 }),
  ]);
  const shown: unknown[] = [];
  socket.transact([asked(1), asked(2)], (index, { type }, payload) => {
    shown.push([index, type, u32.read(payload)]);
  });
  t.strictSame(shown, [[1, 99, 7]]);
});

t.test("an answer that is late is waited for; one that never comes is not, for ever", async (t) => {
  const late = play(([m]) => [
    { code: "EAGAIN" },
    datagram({ sequence: m?.sequence ?? 0, number: 6 }),
  ]);
  t.equal(late.socket.ask(asked(), u32), 6);
  t.strictSame(late.polls, [60_000]);
  const never = play(() => [{ code: "EAGAIN" }], { silent: true });
  t.strictSame(
    failure(() => never.socket.ask(asked(), u32)),
    refused("ETIMEDOUT", "Cannot do 5: Connection timed out (the kernel does not answer)"),
  );
});

t.test("answers that the kernel had to drop", async (t) => {
  const { socket } = play(() => [{ code: "ENOBUFS" }]);
  t.strictSame(
    failure(() => socket.transact([asked()])),
    refused("ENOBUFS", "Cannot do 5: No buffer space available (answers of the kernel were lost)"),
  );
  const monitor = play(() => [{ code: "ENOBUFS" }, datagram({ sequence: 0, number: 3 })]);
  failure(() => monitor.socket.ask(asked(), u32)); // only to have the kernel say something
  const heard: number[] = [];
  const listen = () =>
    monitor.socket.listen(10, (_header, payload) => heard.push(u32.read(payload)));
  t.equal(listen(), "heard");
  t.strictSame(heard, [3]);
  t.equal(
    play(() => [], { silent: true }).socket.listen(10, () => {}),
    "silent",
  );
  const lossy = play(() => [{ code: "EIO" }, { code: "ENOBUFS" }]);
  failure(() => lossy.socket.ask(asked(), u32));
  t.equal(
    lossy.socket.listen(10, () => {}),
    "lost",
  );
});

t.test("damaged answers end", async (t) => {
  for (const bytes of [new Uint8Array(16), new Uint8Array(200).fill(255)]) {
    const { socket } = play(() => [bytes]);
    t.throws(() => socket.dump(asked(), u32), { name: "WireError" });
  }
});
