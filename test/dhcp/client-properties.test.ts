/** What holds for the client whatever happens to it. */
import fc from "fast-check";
import t from "tap";
import { requireIp } from "../../src/addr/ip.ts";
import type { Action, Event, State } from "../../src/dhcp/client.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import { entry, type MessageType, option4, writeOptions } from "../../src/dhcp/options.ts";
import { type ReplyParts, reply, type Sent, Simulation } from "./simulate.ts";

const holding = ["bound", "renewing", "rebinding", "rebooting"];

/** Throws unless the state is one that can be. */
function checkState(state: State, now: number): void {
  const holds = state.lease !== undefined;
  const isForEver = state.phase === "bound" && state.lease?.renewAt === Infinity;
  const rests = state.phase === "idle" || state.phase === "ended" || isForEver;
  const say = (what: string) => new Error(`${what} in ${state.phase}, ${state.wakeAt} at ${now}`);
  if (holds !== holding.includes(state.phase)) throw say(`lease ${holds}`);
  if (rests !== (state.wakeAt === Infinity)) throw say("timer");
  if (Number.isNaN(state.wakeAt)) throw say("no time");
  if (holds && state.wakeAt > (state.lease as Lease).expiry) throw say("beyond the lease");
  if (!holds && !rests && state.wakeAt > state.deadline) throw say("beyond the deadline");
}

/** Follows what the client says of its lease: it is got, renewed and lost in that order. */
class Holder {
  isHeld = false;

  note(actions: readonly Action[]): void {
    for (const { kind } of actions) {
      if (kind === "bound" && this.isHeld) throw new Error("bound twice");
      if ((kind === "renewed" || kind === "lost") && !this.isHeld)
        throw new Error(`${kind} nothing`);
      if (kind === "bound") this.isHeld = true;
      if (kind === "lost") this.isHeld = false;
    }
  }
}

const seconds = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(0, 1, 0xffffffff));
const time = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(0, 0xffffffff));

const parts: fc.Arbitrary<ReplyParts> = fc
  .record(
    {
      yiaddr: fc.constantFrom(requireIp("192.0.2.10"), requireIp("192.0.2.11"), new Uint8Array(4)),
      serverId: fc.constantFrom(requireIp("192.0.2.1"), requireIp("192.0.2.2"), undefined),
      seconds: fc.option(seconds, { nil: undefined }),
      xid: fc.nat(),
      mask: fc.constantFrom(
        requireIp("255.255.255.0"),
        requireIp("255.0.255.0"),
        new Uint8Array(0),
      ),
      t1: time,
      t2: time,
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map(({ mask, t1, t2, ...parts }) => ({
    ...parts,
    more: [
      ...(mask ? [[1, mask] as const] : []),
      ...(t1 === undefined ? [] : [entry(option4.renewalTime, t1)]),
      ...(t2 === undefined ? [] : [entry(option4.rebindingTime, t2)]),
    ],
  }));

const type = fc.constantFrom<MessageType>("OFFER", "OFFER", "ACK", "ACK", "ACK", "NAK", "DISCOVER");

/** An event that depends on what was sent before, or time that passes. */
type Happening = { kind: "pass"; seconds: number } | { kind: "do"; make(last?: Sent): Event };

const lease = fc
  .tuple(fc.nat({ max: 2000 }), fc.array(fc.nat({ max: 500 }), { minLength: 3, maxLength: 3 }))
  .map(
    ([start, [a = 0, b = 0, c = 0]]): Lease => ({
      address: requireIp("192.0.2.10"),
      serverId: requireIp("192.0.2.1"),
      start,
      renewAt: start + a,
      rebindAt: start + a + b,
      expiry: start + a + b + c,
      options: writeOptions(new Map([entry(option4.subnetMask, requireIp("255.255.255.0"))])),
    }),
  );

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.nat({ max: 400 }).map((seconds) => ({ kind: "pass" as const, seconds })),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(type, parts).map(([type, parts]) => ({
      kind: "do" as const,
      make: (last?: Sent): Event => ({
        kind: "received",
        payload: last ? reply(last.message, type, parts) : new Uint8Array(0),
      }),
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<Event>(
        { kind: "start" },
        { kind: "verify" },
        { kind: "timer" },
        { kind: "conflict" },
        { kind: "sendFailed", why: "no" },
        { kind: "dropped", reason: "IP fragment" },
        { kind: "received", payload: new Uint8Array(300) },
      )
      .map((event) => ({ kind: "do" as const, make: () => event })),
  },
  {
    weight: 1,
    arbitrary: lease.map((lease) => ({
      kind: "do" as const,
      make: () => ({ kind: "resume" as const, lease }),
    })),
  },
);

/** A random number for each call, the same ones for the same seed. */
function generator(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    return (state >>> 0) / 2 ** 32;
  };
}

t.test("there is always a timer, a lease without end, or an end", async (t) => {
  const phases = new Map<string, number>();
  const first = fc.constantFrom<Event>({ kind: "start" }, { kind: "sendFailed", why: "idle" });
  fc.assert(
    fc.property(
      first,
      fc.array(happening, { maxLength: 30 }),
      fc.nat(),
      (first, happenings, seed) => {
        const simulation = new Simulation(() => [], {}, generator(seed));
        const holder = new Holder();
        const look = () => {
          holder.note(simulation.actions.splice(0));
          checkState(simulation.state, simulation.now);
          if (holder.isHeld !== (simulation.state.lease !== undefined)) throw new Error("untold");
          phases.set(simulation.state.phase, (phases.get(simulation.state.phase) ?? 0) + 1);
        };
        simulation.do(first);
        look();
        for (const happening of happenings) {
          if (happening.kind === "pass")
            simulation.until(simulation.now - 1000 + happening.seconds);
          else {
            const event = happening.make(simulation.sent[simulation.sent.length - 1]);
            // A resumed lease was got in an earlier life.
            if (event.kind === "resume" && simulation.state.phase === "idle") holder.isHeld = true;
            simulation.do(event);
          }
          look();
        }
        // However it stands, these two end it.
        const { state } = simulation.do({ kind: seed % 2 ? "release" : "linkGone" });
        holder.note(simulation.actions.splice(0));
        if (state.phase !== "ended" || holder.isHeld) throw new Error("it goes on");
      },
    ),
    { numRuns: 3000 },
  );
  for (const phase of ["idle", "init", "selecting", "requesting", "ended", ...holding]) {
    t.ok((phases.get(phase) ?? 0) > 10, `${phase} was reached ${phases.get(phase)} times`);
  }
});

t.test("no server can make it send more than some messages a minute", async (t) => {
  const answers = fc.array(fc.tuple(type, parts), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(answers, fc.nat(), (answers, seed) => {
      const random = generator(seed);
      // Each message is answered, at once, with leases of a minute at least.
      const simulation = new Simulation(
        ({ message }) => {
          const [type, parts] = answers[
            Math.floor(random() * answers.length)
          ] as (typeof answers)[0];
          const more = (parts.more ?? []).filter(([code]) => code === 1);
          const seconds = Math.max(60, parts.seconds ?? 0);
          return [reply(message, type, { ...parts, seconds, more })];
        },
        {},
        random,
      );
      simulation.do({ kind: "start" }).until(3600);
      const { sent } = simulation;
      for (let i = 20; i < sent.length; i++) {
        const span = (sent[i] as Sent).at - (sent[i - 20] as Sent).at;
        if (span < 30) throw new Error(`20 messages in ${span} s: ${simulation.times}`);
      }
    }),
    { numRuns: 300 },
  );
  t.pass("in an hour of it");
});

t.test("to a silent server it keeps the distance of RFC 2131", async (t) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const simulation = new Simulation(() => [], {}, generator(seed))
        .do({ kind: "start" })
        .until(300);
      const times = simulation.sent.map(({ at }) => at);
      const waits = times.slice(1).map((at, i) => at - (times[i] as number));
      for (const [i, wait] of waits.entries()) {
        const base = Math.min(4 * 2 ** i, 64);
        if (Math.abs(wait - base) > 1) throw new Error(`wait ${i} is ${wait}`);
      }
      if (waits.length < 5 || simulation.state.phase !== "ended") throw new Error(simulation.times);
    }),
    { numRuns: 100 },
  );
  t.pass("4, 8, 16, 32, 64 s, give or take one");
});
