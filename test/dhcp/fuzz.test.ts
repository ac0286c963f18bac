/** Packets that nobody should send: each is read, or refused with a typed error, and soon. */
import fc from "fast-check";
import t from "tap";
import { concat } from "../../src/addr/bytes.ts";
import { createClient, step } from "../../src/dhcp/client.ts";
import { DhcpError } from "../../src/dhcp/errors.ts";
import { readEthernet, readPacket } from "../../src/dhcp/frame.ts";
import { readLease } from "../../src/dhcp/lease.ts";
import { configOf } from "../../src/dhcp/lease-config.ts";
import { readMessage, typeOf } from "../../src/dhcp/message.ts";
import { get, type Option, option4 } from "../../src/dhcp/options.ts";
import { RpcClient, RpcError, RpcServer } from "../../src/dhcp/rpc.ts";
import { createClient6, step6 } from "../../src/dhcp/v6/client.ts";
import { configOf6, readLease6 } from "../../src/dhcp/v6/lease.ts";
import { readMessage6 } from "../../src/dhcp/v6/message.ts";
import { all6, type Option6, option6 } from "../../src/dhcp/v6/options.ts";
import { readGolden } from "./show.ts";
import { config } from "./simulate.ts";

/** Each test may take so many milliseconds; on a failure fast-check prints how to repeat it. */
const limits = { numRuns: 1e6, interruptAfterTimeLimit: 1500, markInterruptAsFailure: false };

/** A good packet with some bytes changed, removed, repeated or cut off; or no good packet at all. */
function spoiled(name: string): fc.Arbitrary<Uint8Array> {
  const good = readGolden(name).map(({ bytes }) => bytes);
  const place = fc.nat({ max: 700 });
  const change = fc.record({
    at: place,
    kind: fc.constantFrom("set", "set", "set", "cut", "remove", "repeat"),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xc0, 0xff)),
    length: fc.nat({ max: 8 }),
  });
  const changed = fc
    .tuple(fc.constantFrom(...good), fc.array(change, { minLength: 1, maxLength: 8 }))
    .map(([bytes, changes]) =>
      changes.reduce((bytes, { at, kind, byte, length }) => {
        const start = at % (bytes.length + 1);
        const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
        if (kind === "cut") return before;
        if (kind === "remove") return concat(before, after.subarray(length));
        if (kind === "repeat") return concat(before, after.subarray(0, length), after);
        const copy = bytes.slice();
        if (start < copy.length) copy[start] = byte;
        return copy;
      }, bytes),
    );
  return fc.oneof({ weight: 9, arbitrary: changed }, fc.uint8Array({ maxLength: 400 }));
}

/** Whether `run` ended well; throws what it throws, unless that is one of `expected`. */
function survives(run: () => unknown, ...expected: (new (...args: never[]) => Error)[]): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (!expected.some((type) => error instanceof type)) throw error;
    return false;
  }
}

const outcome = { read: 0, refused: 0 };

function note(isRead: boolean): void {
  if (isRead) outcome.read++;
  else outcome.refused++;
}

/** Both must happen: else the test looks at one door only. */
function checkOutcome(t: { ok(value: unknown, message: string): boolean }): void {
  t.ok(outcome.read > 10, `${outcome.read} were read`);
  t.ok(outcome.refused > 10, `${outcome.refused} were refused`);
  outcome.read = 0;
  outcome.refused = 0;
}

t.test("frames and packets", async (t) => {
  fc.assert(
    fc.property(spoiled("lease"), fc.constantFrom(true, false, undefined), (frame, offloaded) => {
      note(
        survives(() => {
          const packet = readEthernet(frame)?.packet ?? frame;
          readPacket(packet, offloaded);
        }, DhcpError),
      );
    }),
    limits,
  );
  checkOutcome(t);
});

t.test("messages, their options, and the leases in them", async (t) => {
  const env = { now: 0, random: () => 0.5 };
  const { state } = step(createClient(config), { kind: "start" }, env);
  fc.assert(
    fc.property(spoiled("lease"), (frame) => {
      const payload = frame.subarray(42);
      note(
        survives(() => {
          const message = readMessage(payload);
          survives(() => typeOf(message), DhcpError);
          for (const option of Object.values(option4)) {
            survives(() => get(message.options, option as Option<unknown>), DhcpError);
          }
          survives(() => configOf(readLease(message, 0), { microsoftRoutes: true }), DhcpError);
        }, DhcpError),
      );
      step({ ...state, xid: 0x36ef8035 }, { kind: "received", payload }, env);
    }),
    limits,
  );
  checkOutcome(t);
});

t.test("messages of DHCPv6", async (t) => {
  const env = { now: 0, random: () => 0.5 };
  const duid = Uint8Array.from(Buffer.from("00030001020000000002", "hex"));
  const client = createClient6({ duid, iaid: 2144078792, rapidCommit: true, resendTimeout: 60 });
  const { state } = step6(client, { kind: "start" }, env);
  fc.assert(
    fc.property(spoiled("v6"), (payload) => {
      note(
        survives(() => {
          const { options } = readMessage6(payload);
          for (const option of Object.values(option6)) {
            survives(() => all6(options, option as Option6<unknown>), DhcpError);
          }
          const read = () => configOf6(readLease6(options, 2144078792, duid, 0));
          survives(read, DhcpError);
        }, DhcpError),
      );
      const xid = ((payload[1] ?? 0) << 16) | ((payload[2] ?? 0) << 8) | (payload[3] ?? 0);
      step6({ ...state, xid }, { kind: "received", payload }, env);
    }),
    limits,
  );
  checkOutcome(t);
});

t.test("calls and answers", async (t) => {
  fc.assert(
    fc.property(spoiled("rpc"), fc.nat({ max: 700 }), (stream, at) => {
      const [first, second] = [stream.subarray(0, at), stream.subarray(at)];
      const server = new RpcServer();
      const client = new RpcClient();
      const isCall = survives(() => {
        server.push(first);
        server.push(second);
      }, RpcError);
      const isReply = survives(() => {
        client.push(first);
        client.push(second);
      }, RpcError);
      note(isCall || isReply);
    }),
    limits,
  );
  checkOutcome(t);
});
