/** The client of RFC 8415 section 18.2. Where random numbers are 0.5, RAND is 0. */
import t from "tap";
import { requireIp } from "../../../src/addr/ip.ts";
import type { Lease6 } from "../../../src/dhcp/v6/lease.ts";
import { make, option6, statusCodes } from "../../../src/dhcp/v6/options.ts";
import { showMessage6 } from "../show.ts";
import {
  generous6,
  otherDuid,
  type ReplyParts6,
  reply6,
  type Server6,
  Simulation6,
  serverDuid,
  silent6,
  status,
} from "./simulate.ts";

const other = requireIp("2001:db8:1::11");
const bestOffer: ReplyParts6 = { more: [make(option6.preference, 255)] };

/** A client that has its lease at once. */
function bound(server: Server6 = generous6): Simulation6 {
  const simulation = new Simulation6(
    ({ message }) => [
      reply6(message, message.type === "SOLICIT" ? "ADVERTISE" : "REPLY", bestOffer),
    ],
    {},
  ).do({ kind: "start" });
  simulation.server = server;
  return simulation;
}

t.test("SOLICIT waits for offers, the best is requested", async (t) => {
  const simulation = new Simulation6(({ message }) =>
    message.type === "SOLICIT"
      ? [
          reply6(message, "ADVERTISE", { address: other, serverId: otherDuid }),
          reply6(message, "ADVERTISE", { more: [make(option6.preference, 5)] }),
          reply6(message, "ADVERTISE", { address: other, serverId: otherDuid }),
        ]
      : [reply6(message, "REPLY")],
  ).do({ kind: "start" });
  t.equal(simulation.state.phase, "soliciting");
  simulation.until(5);
  t.equal(simulation.times, "0 SOLICIT, 1.05 REQUEST");
  t.strictSame(simulation.news, ["1.05 bound 16"]);
  t.strictSame(showMessage6(simulation.sent[0]?.message as never).options, [
    ["CLIENTID", "00030001020000000002"],
    ["ELAPSED_TIME", 0],
    ["ORO", [82, 23, 24]],
    ["IA_NA", { iaid: 7, t1: 0, t2: 0, options: [] }],
  ]);
  t.strictSame(showMessage6(simulation.sent[1]?.message as never).options, [
    ["CLIENTID", "00030001020000000002"],
    ["SERVERID", "00030001020000000001"],
    ["ELAPSED_TIME", 0],
    ["ORO", [82, 23, 24]],
    [
      "IA_NA",
      {
        iaid: 7,
        t1: 0,
        t2: 0,
        options: [["IAADDR", { address: "2001:db8:1::10", preferred: 0, valid: 0, options: [] }]],
      },
    ],
  ]);
});

t.test("an offer with preference 255 is taken at once, and any after the first wait", async (t) => {
  t.equal(bound().times, "0 SOLICIT, 0 REQUEST");
  const late = new Simulation6(({ at, message }) => (at === 0 ? [] : generous6({ at, message })));
  t.equal(late.do({ kind: "start" }).until(5).times, "0 SOLICIT, 1.05 SOLICIT, 1.05 REQUEST");
});

t.test("rapid commit: a REPLY to SOLICIT counts if it was asked for, and says so", async (t) => {
  const rapid = make(option6.rapidCommit, true);
  const outcome = (rapidCommit: boolean, parts: ReplyParts6) => {
    const simulation = new Simulation6(({ message }) => [reply6(message, "REPLY", parts)], {
      rapidCommit,
    }).do({ kind: "start" });
    return [simulation.state.phase, simulation.state.tally.dropped] as const;
  };
  t.strictSame(outcome(true, { more: [rapid] }), ["bound", {}]);
  t.strictSame(outcome(true, {}), ["soliciting", { "unexpected message": 1 }]);
  t.strictSame(outcome(false, { more: [rapid] }), ["soliciting", { "unexpected message": 1 }]);
});

t.test("SOLICIT is sent again at 1, 2, 4, ... s, until the time is up", async (t) => {
  const simulation = new Simulation6(silent6).do({ kind: "start" }).until(100);
  t.equal(
    simulation.times,
    "0 SOLICIT, 1.05 SOLICIT, 3.15 SOLICIT, 7.35 SOLICIT, 15.75 SOLICIT, 32.55 SOLICIT",
  );
  t.strictSame(simulation.news, ["60 failed: no more tries: sent SOLICIT 6 times, no reply"]);
  t.strictSame(
    simulation.sent.map(({ message }) => showMessage6(message).options[1]?.[1]),
    [0, 105, 315, 735, 1575, 3255],
    "elapsed time in hundredths",
  );
});

t.test("SOL_MAX_RT bounds the wait, also from a server without addresses", async (t) => {
  const waits = (solMaxRt: number) => {
    const simulation = new Simulation6(
      ({ message }) => [
        reply6(message, "ADVERTISE", {
          instead: [status(statusCodes.noAddrsAvail), make(option6.solMaxRt, solMaxRt)],
        }),
      ],
      { resendTimeout: 1e6 },
    ).do({ kind: "start" });
    simulation.until(20000);
    const times = simulation.sent.map(({ at }) => at);
    return Math.round((times[times.length - 1] as number) - (times[times.length - 2] as number));
  };
  t.equal(waits(60), 60);
  t.equal(waits(59), 3600, "out of its limits: not heard");
  t.equal(waits(86401), 3600);
});

t.test("REQUEST is sent ten times, then it begins again, later each time", async (t) => {
  const simulation = new Simulation6(
    ({ message }) => (message.type === "SOLICIT" ? [reply6(message, "ADVERTISE", bestOffer)] : []),
    { resendTimeout: 1e6 },
  ).do({ kind: "start" });
  simulation.until(400);
  t.equal(
    simulation.times,
    "0 SOLICIT, 0 REQUEST, 1 REQUEST, 3 REQUEST, 7 REQUEST, 15 REQUEST, 31 REQUEST, " +
      "61 REQUEST, 91 REQUEST, 121 REQUEST, 151 REQUEST, 182 SOLICIT, 182 REQUEST, 183 REQUEST, " +
      "185 REQUEST, 189 REQUEST, 197 REQUEST, 213 REQUEST, 243 REQUEST, 273 REQUEST, " +
      "303 REQUEST, 333 REQUEST, 365 SOLICIT, 365 REQUEST, 366 REQUEST, 368 REQUEST, " +
      "372 REQUEST, 380 REQUEST, 396 REQUEST",
  );
});

t.test("a server that has no address after all is asked later and later", async (t) => {
  for (const code of [statusCodes.noAddrsAvail, statusCodes.notOnLink]) {
    const simulation = new Simulation6(({ message }) => [
      message.type === "SOLICIT"
        ? reply6(message, "ADVERTISE", bestOffer)
        : reply6(message, "REPLY", { ia: [status(code)] }),
    ]);
    simulation.do({ kind: "start" }).until(20);
    t.equal(
      simulation.times,
      "0 SOLICIT, 0 REQUEST, 1 SOLICIT, 1 REQUEST, 3 SOLICIT, 3 REQUEST, 7 SOLICIT, 7 REQUEST, " +
        "15 SOLICIT, 15 REQUEST",
    );
    t.match(simulation.until(100).news, [/^60 failed: no more tries: /]);
  }
});

t.test("a server that fails is asked again", async (t) => {
  const simulation = new Simulation6(({ at, message }) => {
    if (message.type === "SOLICIT") return [reply6(message, "ADVERTISE", bestOffer)];
    return [reply6(message, "REPLY", at < 3 ? { instead: [status(statusCodes.unspecFail)] } : {})];
  });
  simulation.do({ kind: "start" }).until(5);
  t.equal(simulation.times, "0 SOLICIT, 0 REQUEST, 1 REQUEST, 3 REQUEST");
  t.strictSame(simulation.news, ["3 bound 16"]);
});

t.test("RENEW from T1 on, REBIND from T2 on, each as section 15 says, until the end", async (t) => {
  const simulation = bound(silent6).until(10);
  // T1 is 40 and T2 64, of the 80 s for which the address is preferred.
  simulation.until(130);
  t.equal(
    simulation.times,
    "0 SOLICIT, 0 REQUEST, 39.6 RENEW, 49.6 RENEW, 64 REBIND, 74 REBIND, 94 REBIND, 100.5 SOLICIT, " +
      "101.55 SOLICIT, 103.65 SOLICIT, 107.85 SOLICIT, 116.25 SOLICIT",
  );
  t.strictSame(simulation.news, ["0 bound 16", "100 lost 16: expired"]);
  const names = simulation.sent.map(({ message }) =>
    showMessage6(message)
      .options.map(([name]) => name)
      .join(" "),
  );
  t.equal(names[2], "CLIENTID SERVERID ELAPSED_TIME ORO IA_NA");
  t.equal(names[4], "CLIENTID ELAPSED_TIME ORO IA_NA");
  t.equal(simulation.state.deadline, Infinity, "it looks for another without end");
});

t.test("a renewed lease counts from its RENEW, and changes are told", async (t) => {
  const renewed = (parts: ReplyParts6) => {
    const simulation = bound(({ message }) => [reply6(message, "REPLY", parts)]);
    return simulation.until(60);
  };
  const same = renewed({});
  t.strictSame(same.news, ["0 bound 16", "39.6 renewed 16"]);
  t.match(same.state.lease, { start: 1039.6, expiry: 1139.6 });
  t.match(renewed({ address: other }).news[1], "39.6 renewed 17, changed");
  const dns = { more: [make(option6.nameServers, [other])] };
  t.match(renewed(dns).news[1], "39.6 renewed 16, changed");
});

t.test("a server that has forgotten the lease is asked for it anew", async (t) => {
  const simulation = bound(({ message }) => [
    reply6(
      message,
      "REPLY",
      message.type === "RENEW" ? { ia: [status(statusCodes.noBinding)] } : {},
    ),
  ]).until(45);
  t.equal(simulation.times, "0 SOLICIT, 0 REQUEST, 39.6 RENEW, 39.6 REQUEST");
  t.strictSame(simulation.news, ["0 bound 16", "39.6 renewed 16"]);

  const silentThen = bound(({ message }) =>
    message.type === "RENEW"
      ? [reply6(message, "REPLY", { ia: [status(statusCodes.noBinding)] })]
      : [],
  ).until(101);
  t.strictSame(silentThen.news, ["0 bound 16", "100 lost 16: expired"], "but not beyond its end");
  t.equal(
    silentThen.times,
    "0 SOLICIT, 0 REQUEST, 39.6 RENEW, 39.6 REQUEST, 40.6 REQUEST, 42.6 REQUEST, 46.6 REQUEST, " +
      "54.6 REQUEST, 70.6 REQUEST, 100.5 SOLICIT",
  );
});

t.test("addresses that are not for this link any more are lost", async (t) => {
  const simulation = bound(({ message }) => [
    reply6(message, "REPLY", { ia: [status(statusCodes.notOnLink)] }),
  ]);
  simulation.until(39.9);
  t.strictSame(simulation.news, ["0 bound 16", "39.6 lost 16: refused"]);
  t.equal(simulation.state.phase, "soliciting");
});

t.test("CONFIRM: right, wrong, or nobody says anything in ten seconds", async (t) => {
  const verify = (server: Server6) => {
    const simulation = bound(server);
    simulation.now += 15;
    return simulation.do({ kind: "verify" });
  };
  const right = verify(({ message }) => [reply6(message, "REPLY", { instead: [status(0)] })]).until(
    17,
  );
  t.equal(right.times, "0 SOLICIT, 0 REQUEST, 15.5 CONFIRM", "delayed by up to a second");
  t.equal(right.state.phase, "bound");
  t.strictSame(right.news, ["0 bound 16"]);
  t.equal(
    showMessage6(right.last.message)
      .options.map(([name]) => name)
      .join(" "),
    "CLIENTID ELAPSED_TIME IA_NA",
  );

  const wrong = verify(({ message }) => [
    reply6(message, "REPLY", { instead: [status(statusCodes.notOnLink)] }),
  ]).until(15.9);
  t.strictSame(wrong.news, ["0 bound 16", "15.5 lost 16: refused"]);

  const alone = verify(silent6).until(25);
  t.equal(
    alone.times,
    "0 SOLICIT, 0 REQUEST, 15.5 CONFIRM, 16.5 CONFIRM, 18.5 CONFIRM, 22.5 CONFIRM",
  );
  t.equal(alone.until(26).state.phase, "bound", "the lease stands");
});

t.test(
  "RELEASE is sent until it is answered, four times at most; the address is lost at once",
  async (t) => {
    const answered = bound(({ message }) => [reply6(message, "REPLY", { instead: [status(0)] })]);
    answered.do({ kind: "release" });
    t.equal(answered.state.phase, "ended");
    t.strictSame(answered.news, ["0 bound 16", "0 lost 16: released"]);
    t.strictSame(showMessage6(answered.last.message).options[1], [
      "SERVERID",
      "00030001020000000001",
    ]);

    const alone = bound(silent6).do({ kind: "release" });
    t.strictSame(alone.news, ["0 bound 16", "0 lost 16: released"]);
    t.equal(
      alone.do({ kind: "release" }).until(100).times,
      "0 SOLICIT, 0 REQUEST, 0 RELEASE, 1 RELEASE, 3 RELEASE, 7 RELEASE",
    );
    t.match(alone.state, { phase: "ended", wakeAt: Infinity });

    const dropped = "the lease is dropped, it expires by itself";
    t.notMatch(answered.logs.join(), dropped);
    t.equal(alone.logs.at(-1), `no answer to RELEASE: ${dropped}`);
    const gone = bound(silent6).do({ kind: "release" }).do({ kind: "linkGone" });
    t.equal(gone.logs.at(-1), `the link is gone: ${dropped}`);
    t.strictSame(gone.news, alone.news);
  },
);

t.test("a conflict is declined, then another address is looked for", async (t) => {
  const simulation = bound(({ message }) =>
    message.type === "DECLINE"
      ? [reply6(message, "REPLY", { instead: [status(0)] })]
      : [
          reply6(message, message.type === "SOLICIT" ? "ADVERTISE" : "REPLY", {
            ...bestOffer,
            address: other,
          }),
        ],
  );
  simulation.do({ kind: "conflict" }).until(3);
  t.equal(simulation.times, "0 SOLICIT, 0 REQUEST, 0 DECLINE, 0.5 SOLICIT, 0.5 REQUEST");
  t.strictSame(simulation.news, ["0 bound 16", "0 lost 16: conflict", "0.5 bound 17"]);
  const alone = bound(silent6).do({ kind: "conflict" }).until(20);
  t.match(alone.times, /0 DECLINE, 1 DECLINE, 3 DECLINE, 7 DECLINE, 15.5 SOLICIT/);
});

t.test("a conflict of a lease that was kept begins a search without end", async (t) => {
  const simulation = bound(silent6).until(45).do({ kind: "conflict" }).until(500);
  t.equal(simulation.state.phase, "soliciting");
  const first = bound(silent6).do({ kind: "conflict" }).until(500);
  t.match(first.news[2], /^60 failed: no more tries/, "of one that is new, within the first time");
});

t.test("a lease of an earlier life goes on where its times say", async (t) => {
  const { lease } = bound().state;
  const resume = (now: number) => {
    const simulation = new Simulation6(silent6);
    simulation.now = 1000 + now;
    return simulation.do({ kind: "resume", lease: lease as Lease6 });
  };
  t.match(resume(30), { state: { phase: "bound" }, times: "" });
  t.match(resume(50), { state: { phase: "renewing" }, times: "50 RENEW" });
  t.match(resume(70), { state: { phase: "rebinding" }, times: "70 REBIND" });
  t.match(resume(101), { state: { phase: "soliciting" }, news: ["101 lost 16: expired"] });
});

t.test("without its link the client ends, and sends nothing", async (t) => {
  const simulation = bound().do({ kind: "linkGone" }).until(500);
  t.strictSame(simulation.news, ["0 bound 16", "0 lost 16: link gone"]);
  t.equal(simulation.sent.length, 2);
});

t.test("replies that do not count are dropped and counted by reason", async (t) => {
  const cases: [string, ReplyParts6, ("ADVERTISE" | "REPLY" | "RECONFIGURE")?][] = [
    ["wrong xid", { xid: 5 }],
    ["other client", { clientId: otherDuid }],
    ["other client", { clientId: undefined }],
    ["no server identifier", { serverId: undefined }],
    ["no usable lease", { iaid: 8 }],
    ["no usable lease", { ia: [] }],
    ["no usable lease", { valid: 0 }],
    ["no usable lease", { preferred: 101 }],
    ["no usable lease", { t1: 50, t2: 40 }],
    ["status not success", { ia: [status(statusCodes.unspecFail)] }],
    ["malformed option", { more: [{ code: 7, bytes: new Uint8Array(0) }] }],
    ["unexpected message", {}, "RECONFIGURE"],
  ];
  for (const [reason, parts, type = "ADVERTISE"] of cases) {
    const simulation = new Simulation6(({ message }) => [reply6(message, type, parts)]);
    simulation.do({ kind: "start" }).until(2);
    t.equal(simulation.times, "0 SOLICIT, 1.05 SOLICIT", reason);
    t.strictSame(simulation.state.tally.dropped, { [reason]: 2 });
    t.equal(simulation.logs.length, 1, "told once");
  }
  const others = bound(({ message }) => [reply6(message, "REPLY", { serverId: otherDuid })]).until(
    45,
  );
  t.strictSame(others.state.tally.dropped, { "other server": 1 });
  const simulation = bound();
  const before = simulation.state;
  const payload = reply6(simulation.last.message, "REPLY", { serverId: serverDuid });
  t.equal(simulation.do({ kind: "received", payload }).state, before, "one reply is enough");
  t.equal(simulation.do({ kind: "timer" }).state, before, "nor does a timer before its time count");
});
