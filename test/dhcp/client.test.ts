/** The client of RFC 2131, in the states of its figure 5. */
import t from "tap";
import { utf8 } from "../../src/addr/bytes.ts";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import { formatMac } from "../../src/addr/mac.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import { entry, option4 } from "../../src/dhcp/options.ts";
import { showMessage } from "./show.ts";
import { address, generous, reply, type Server, Simulation, silent } from "./simulate.ts";

const other = requireIp("192.0.2.99");

t.test("a lease is acquired with DISCOVER and REQUEST", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" });
  t.equal(simulation.times, "0 DISCOVER, 0 REQUEST");
  t.strictSame(simulation.news, ["0 bound 192.0.2.10"]);
  const [discover, request] = simulation.sent.map(({ message }) => showMessage(message));
  const common = {
    op: "request",
    htype: 1,
    hops: 0,
    xid: 0x80000000,
    secs: 0,
    broadcast: false,
    ciaddr: "0.0.0.0",
    yiaddr: "0.0.0.0",
    siaddr: "0.0.0.0",
    giaddr: "0.0.0.0",
    chaddr: "02:00:00:00:00:02",
  };
  const options = {
    "dhcp-parameter-request-list": "0301",
    "dhcp-max-message-size": 1500,
    "dhcp-client-identifier": "0063312f6e65742f65746830",
  };
  t.strictSame(discover, {
    type: "DISCOVER",
    ...common,
    options: { "dhcp-message-type": 1, ...options },
  });
  t.strictSame(request, {
    type: "REQUEST",
    ...common,
    options: {
      "dhcp-requested-address": "192.0.2.10",
      "dhcp-message-type": 3,
      "dhcp-server-identifier": "192.0.2.1",
      ...options,
    },
  });
  for (const { action } of simulation.sent) {
    t.equal(formatIp(action.source), "0.0.0.0");
    t.equal(formatIp(action.destination), "255.255.255.255");
    t.notOk(action.mac, "to all");
  }
  const lease = simulation.state.lease as Lease;
  t.match(lease, { start: 1000, renewAt: 1060, rebindAt: 1105, expiry: 1120 });
  t.equal(formatMac(lease.serverMac as Uint8Array), "02:00:00:00:00:01");
  t.equal(simulation.state.phase, "bound");
});

t.test(
  "provided options override whatever would be sent, and RELEASE keeps the identifier",
  async (t) => {
    const send = new Map([
      entry(option4.hostName, "box"),
      entry(option4.clientId, utf8("me")),
      entry(option4.maxMessageSize, 700),
      entry(option4.requestList, Uint8Array.of(1)),
    ]);
    const simulation = new Simulation(generous, { send })
      .do({ kind: "start" })
      .do({ kind: "release" });
    t.equal(simulation.times, "0 DISCOVER, 0 REQUEST, 0 RELEASE");
    const [discover, request, release] = simulation.sent.map(({ message }) => showMessage(message));
    for (const message of [discover, request]) {
      t.match(message?.options, {
        "host-name": "box",
        "dhcp-client-identifier": "6d65",
        "dhcp-max-message-size": 700,
        "dhcp-parameter-request-list": "01",
      });
    }
    t.strictSame(release?.options, {
      "dhcp-message-type": 7,
      "dhcp-server-identifier": "192.0.2.1",
      "dhcp-client-identifier": "6d65",
    });
  },
);

t.test("DISCOVER is sent again after 4, 8, 16, 32, 64 s, and given up after 208 s", async (t) => {
  const simulation = new Simulation(silent).do({ kind: "start" }).until(1000);
  t.equal(
    simulation.times,
    "0 DISCOVER, 4 DISCOVER, 12 DISCOVER, 28 DISCOVER, 60 DISCOVER, 124 DISCOVER, 188 DISCOVER",
  );
  t.strictSame(simulation.news, ["208 failed: no more tries: sent DISCOVER 7 times, no reply"]);
  t.equal(simulation.state.phase, "ended");
  t.strictSame(
    simulation.sent.map(({ message }) => message.secs),
    [0, 4, 12, 28, 60, 124, 188],
  );
  t.strictSame(
    simulation.sent.map(({ message }) => message.broadcast),
    [false, false, true, true, true, true, true],
    "the third asks for broadcast replies",
  );
  t.equal(new Set(simulation.sent.map(({ message }) => message.xid)).size, 1);
});

t.test("each exchange has a number of its own, and what is sent again has the same", async (t) => {
  let count = 0;
  const simulation = new Simulation(silent, {}, () => (count++ % 64) / 64);
  simulation.do({ kind: "start" }).until(20);
  simulation.server = ({ type, message }) => (type === "DISCOVER" ? [reply(message, "OFFER")] : []);
  simulation.until(80);
  simulation.server = generous;
  simulation.until(250);
  const numbers = simulation.sent.map(({ message }) => message.xid);
  t.equal(
    simulation.sent.map(({ type }) => type.slice(0, 3)).join(" "),
    "DIS DIS DIS DIS REQ REQ REQ REQ DIS REQ REQ REQ",
  );
  const [first, again, last, ...renewals] = [...new Set(numbers)];
  t.ok(first !== undefined && again !== undefined && last !== undefined);
  t.strictSame(numbers.slice(0, 8), new Array(8).fill(first));
  t.strictSame(numbers.slice(8, 10), [again, again]);
  t.strictSame(numbers.slice(10), [last, ...renewals], "one for each renewal");
});

t.test("each wait differs by a second at most", async (t) => {
  const early = new Simulation(silent, {}, () => 0).do({ kind: "start" }).until(100);
  t.equal(early.times, "0 DISCOVER, 3 DISCOVER, 10 DISCOVER, 25 DISCOVER, 56 DISCOVER");
  const late = new Simulation(silent, {}, () => 1 - 2 ** -20).do({ kind: "start" }).until(100);
  t.strictSame(
    late.sent.map(({ at }) => Math.round(at)),
    [0, 5, 14, 31, 64],
  );
});

t.test("the flags of the daemon set the first wait, the longest, and the budget", async (t) => {
  const timing = { timeout: 2, resendMax: 5, resendTimeout: 20 };
  const simulation = new Simulation(silent, { timing }).do({ kind: "start" }).until(100);
  t.equal(simulation.times, "0 DISCOVER, 2 DISCOVER, 6 DISCOVER, 11 DISCOVER, 16 DISCOVER");
  t.match(simulation.news, [/^20 failed: no more tries/]);
});

t.test("broadcast replies are asked for from the start where the config says so", async (t) => {
  const simulation = new Simulation(generous, { broadcast: true }).do({ kind: "start" }).until(61);
  t.strictSame(
    simulation.sent.map(({ message }) => message.broadcast),
    [true, true, false],
    "but not for a renewal, when the address is there",
  );
});

t.test(
  "a REQUEST without an answer is sent four times, with the secs of its DISCOVER",
  async (t) => {
    const lateOffer: Server = ({ at, type, message }) =>
      type === "DISCOVER" && at === 4 ? [reply(message, "OFFER")] : [];
    const simulation = new Simulation(lateOffer).do({ kind: "start" }).until(65);
    t.equal(
      simulation.times,
      "0 DISCOVER, 4 DISCOVER, 4 REQUEST, 8 REQUEST, 16 REQUEST, 32 REQUEST, 64 DISCOVER",
    );
    t.strictSame(
      simulation.sent.map(({ message }) => message.secs),
      [0, 4, 4, 4, 4, 4, 64],
    );
    t.match(simulation.logs, [
      "192.0.2.1 offers 192.0.2.10",
      "no answer to REQUEST: sent DISCOVER 2 times and REQUEST 4 times, received OFFER 1 time",
    ]);
  },
);

t.test(
  "a lease is renewed at T1 from its server, and its times count from the request",
  async (t) => {
    const simulation = new Simulation(generous, {}, () => 0).do({ kind: "start" }).until(170);
    t.equal(simulation.times, "0 DISCOVER, 0 REQUEST, 60 REQUEST, 120 REQUEST");
    t.strictSame(simulation.news, [
      "0 bound 192.0.2.10",
      "60 renewed 192.0.2.10",
      "120 renewed 192.0.2.10",
    ]);
    const renewal = simulation.sent[2];
    t.equal(formatIp(renewal?.action.source as Uint8Array), "192.0.2.10");
    t.equal(formatIp(renewal?.action.destination as Uint8Array), "192.0.2.1");
    t.equal(formatMac(renewal?.action.mac as Uint8Array), "02:00:00:00:00:01");
    const message = renewal && showMessage(renewal.message);
    t.equal(message?.ciaddr, "192.0.2.10");
    t.strictSame(Object.keys(message?.options ?? {}).sort(), [
      "dhcp-client-identifier",
      "dhcp-max-message-size",
      "dhcp-message-type",
      "dhcp-parameter-request-list",
    ]);
  },
);

t.test(
  "renewal is tried at half of the rest, then with any server, until the lease ends",
  async (t) => {
    const simulation = new Simulation(
      ({ at, ...sent }) => (at < 10 ? generous({ at, ...sent }) : []),
      { timing: { timeout: 400, resendMax: 400, resendTimeout: 1000 } },
      () => 0,
    );
    simulation.server = ({ at, type, message }) => {
      if (at > 10) return [];
      return [reply(message, type === "DISCOVER" ? "OFFER" : "ACK", { seconds: 1000 })];
    };
    simulation.do({ kind: "start" }).until(1001);
    // T1 500, T2 875: 375/2, then 187.5/2, then the least of 60 s; 125/2, then 62.5 with 60 s.
    t.equal(
      simulation.times,
      "0 DISCOVER, 0 REQUEST, 500 REQUEST, 687.5 REQUEST, 781.25 REQUEST, 841.25 REQUEST, " +
        "875 REQUEST, 937.5 REQUEST, 997.5 REQUEST, 1000 DISCOVER",
    );
    t.strictSame(
      simulation.sent.slice(2).map(({ action }) => formatIp(action.destination)),
      [
        ...["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"],
        ...["255.255.255.255", "255.255.255.255", "255.255.255.255", "255.255.255.255"],
      ],
    );
    t.strictSame(
      simulation.sent.slice(2).map(({ message }) => message.secs),
      [0, 187, 281, 341, 0, 62, 122, 0],
    );
    t.strictSame(simulation.news, ["0 bound 192.0.2.10", "1000 lost 192.0.2.10: expired"]);
    const last = simulation.sent[9];
    t.equal(
      showMessage(last?.message as never).options["dhcp-requested-address"],
      "192.0.2.10",
      "the old address is asked for again",
    );
    t.equal(simulation.state.deadline, Infinity, "and there is no end to that");
  },
);

t.test("any server may take a lease over while REBINDING", async (t) => {
  const simulation = new Simulation(({ at, type, message }) => {
    if (at < 10) return generous({ at, type, message } as never);
    return at < 105 ? [] : [reply(message, "ACK", { serverId: other })];
  });
  simulation.do({ kind: "start" }).until(106);
  t.strictSame(simulation.news, ["0 bound 192.0.2.10", "105 renewed 192.0.2.10"]);
  t.equal(formatIp(simulation.state.lease?.serverId as Uint8Array), "192.0.2.99");
  t.match(simulation.logs[1], "asking any server for 192.0.2.10: sent REQUEST 1 time, no reply");
});

t.test("what the server changes is told", async (t) => {
  const changing = (parts: Parameters<typeof reply>[2]) => {
    const simulation = new Simulation(generous).do({ kind: "start" });
    simulation.server = ({ message }) => [reply(message, "ACK", parts)];
    return simulation.until(61).news[1];
  };
  t.match(changing({}), /renewed 192.0.2.10$/);
  t.match(changing({ seconds: 500 }), /renewed 192.0.2.10$/, "times are no change");
  t.match(changing({ yiaddr: other }), /renewed 192.0.2.99, changed$/);
  t.match(changing({ more: [entry(option4.routers, [other])] }), /renewed 192.0.2.10, changed$/);
});

t.test("a renewal without a mask keeps the mask", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" });
  simulation.server = ({ message }) => {
    const payload = reply(message, "ACK");
    const bare = payload.slice();
    bare.set([0, 0, 0, 0, 0, 0], 240); // padding in place of option 1, which comes first
    return [bare];
  };
  t.match(simulation.until(61).news[1], /renewed 192.0.2.10$/);
});

t.test("a refusal starts over at once, more of them later and later", async (t) => {
  const simulation = new Simulation(({ type, message }) =>
    type === "DISCOVER"
      ? [reply(message, "OFFER")]
      : [reply(message, "NAK", { more: [entry(option4.message, "not\nyours")] })],
  );
  simulation.do({ kind: "start" }).until(40);
  t.equal(
    simulation.times,
    "0 DISCOVER, 0 REQUEST, 0 DISCOVER, 0 REQUEST, 4 DISCOVER, 4 REQUEST, 12 DISCOVER, " +
      "12 REQUEST, 28 DISCOVER, 28 REQUEST",
  );
  t.ok(simulation.logs.includes("the server refuses: not?yours"));
  simulation.until(300);
  t.match(simulation.news, [/^208 failed: no more tries: .*received OFFER \d times and NAK/]);
});

t.test("a refused renewal gives the address up and looks for another", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" });
  simulation.server = ({ at, type, message }) => {
    if (type === "DISCOVER") return [reply(message, "OFFER", { yiaddr: other })];
    const isRenewal = message.ciaddr.some((byte) => byte !== 0);
    return at < 70 && isRenewal
      ? [reply(message, "NAK")]
      : [reply(message, "ACK", { yiaddr: other })];
  };
  simulation.until(65);
  t.match(
    simulation.news.join("\n"),
    /^0 bound 192.0.2.10\n.* lost 192.0.2.10: refused\n.* bound 192.0.2.99$/,
  );
});

t.test("a lease of an earlier life goes on where its times say", async (t) => {
  const { lease } = new Simulation(generous).do({ kind: "start" }).state;
  const resume = (now: number) => {
    const simulation = new Simulation(silent);
    simulation.now = 1000 + now;
    return simulation.do({ kind: "resume", lease: lease as Lease });
  };
  t.match(resume(30), { state: { phase: "bound" }, times: "" });
  t.equal(resume(30).state.wakeAt, 1060 - 0.3);
  t.match(resume(70), { state: { phase: "renewing" }, times: "70 REQUEST" });
  t.match(resume(110), { state: { phase: "rebinding" }, times: "110 REQUEST" });
  t.match(resume(130), {
    state: { phase: "selecting" },
    times: "130 DISCOVER",
    news: ["130 lost 192.0.2.10: expired"],
  });
});

t.test("INIT-REBOOT: a lease is confirmed, refused, or stands if nobody answers", async (t) => {
  const verify = (server: Server) => {
    const simulation = new Simulation(generous).do({ kind: "start" });
    simulation.server = server;
    simulation.now += 10;
    simulation.do({ kind: "verify" });
    return simulation;
  };
  const confirmed = verify(({ message }) => [reply(message, "ACK")]);
  t.strictSame(confirmed.news.slice(1), ["10 renewed 192.0.2.10"]);
  const [, , request] = confirmed.sent;
  const shown = showMessage(request?.message as never);
  t.equal(shown.ciaddr, "0.0.0.0");
  t.equal(shown.options["dhcp-requested-address"], "192.0.2.10");
  t.notOk("dhcp-server-identifier" in shown.options);

  const refused = verify(({ type, message }) =>
    type === "REQUEST" ? [reply(message, "NAK")] : [],
  );
  t.strictSame(refused.news.slice(1), ["10 lost 192.0.2.10: refused"]);
  t.equal(refused.state.phase, "selecting");
  t.notOk(
    "dhcp-requested-address" in showMessage(refused.sent[3]?.message as never).options,
    "a refused address is not asked for",
  );

  const alone = verify(silent).until(69);
  t.equal(alone.times, "0 DISCOVER, 0 REQUEST, 10 REQUEST, 14 REQUEST, 22 REQUEST, 38 REQUEST");
  t.equal(alone.state.phase, "rebooting");
  alone.until(70);
  t.equal(alone.state.phase, "renewing", "past T1 already");
  t.equal(alone.news.length, 1);
  t.match(alone.until(200).news.slice(1), ["120 lost 192.0.2.10: expired"]);
});

t.test("INIT-REBOOT does not go on beyond the lease", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" });
  simulation.server = silent;
  simulation.now += 118;
  simulation.do({ kind: "verify" }).until(125);
  t.match(simulation.times, /118 REQUEST, 120 DISCOVER/);
  t.strictSame(simulation.news.slice(1), ["120 lost 192.0.2.10: expired"]);
});

t.test("a conflict is declined, and ten seconds pass before the next try", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" });
  simulation.now += 1;
  simulation.do({ kind: "conflict" });
  t.strictSame(simulation.news.slice(1), ["1 lost 192.0.2.10: conflict"]);
  t.strictSame(showMessage(simulation.sent[2]?.message as never).options, {
    "dhcp-message-type": 4,
    "dhcp-requested-address": "192.0.2.10",
    "dhcp-server-identifier": "192.0.2.1",
    "dhcp-message": "the address is in use",
    "dhcp-client-identifier": "0063312f6e65742f65746830",
  });
  t.equal(simulation.until(11).times, "0 DISCOVER, 0 REQUEST, 1 DECLINE, 11 DISCOVER, 11 REQUEST");
});

t.test(
  "a conflict that comes again and again ends the first acquisition in its time",
  async (t) => {
    const simulation = new Simulation(generous).do({ kind: "start" });
    while (simulation.state.phase === "bound") {
      simulation.do({ kind: "conflict" }).until(simulation.now - 1000 + 10);
    }
    t.match(simulation.news[simulation.news.length - 1], /^208 failed: no more tries/);
  },
);

t.test("RELEASE goes to the server, once, and ends it", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" }).do({ kind: "release" });
  const release = simulation.sent[2];
  t.equal(release?.type, "RELEASE");
  t.equal(formatIp(release?.action.destination as Uint8Array), "192.0.2.1");
  t.equal(formatIp(release?.message.ciaddr as Uint8Array), "192.0.2.10");
  t.strictSame(simulation.news.slice(1), ["0 lost 192.0.2.10: released"]);
  simulation.do({ kind: "release" }).do({ kind: "start" }).until(1000);
  t.equal(simulation.sent.length, 3);
  t.equal(simulation.state.phase, "ended");
});

t.test("RELEASE of what is not there yet only ends it", async (t) => {
  const simulation = new Simulation(silent).do({ kind: "start" }).do({ kind: "release" });
  t.equal(simulation.times, "0 DISCOVER");
  t.match(simulation.state, { phase: "ended", wakeAt: Infinity });
});

t.test("without its link the client ends, and sends nothing", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" }).do({ kind: "linkGone" });
  t.strictSame(simulation.news.slice(1), ["0 lost 192.0.2.10: link gone"]);
  t.equal(simulation.until(500).sent.length, 2);
});

t.test("a lease for ever needs no timer", async (t) => {
  const simulation = new Simulation(({ type, message }) => [
    reply(message, type === "DISCOVER" ? "OFFER" : "ACK", { seconds: 0xffffffff }),
  ]).do({ kind: "start" });
  t.match(simulation.state, { phase: "bound", wakeAt: Infinity, lease: { expiry: Infinity } });
});

t.test("replies that do not count are dropped, counted and told by reason", async (t) => {
  const cases: [string, Parameters<typeof reply>[2], ("ACK" | "OFFER" | "NAK")?][] = [
    ["wrong xid", { xid: 5 }],
    ["other hardware address", { chaddr: Uint8Array.of(2, 0, 0, 0, 0, 9) }],
    ["not a reply", { op: "request" }],
    ["no server identifier", { serverId: undefined }],
    ["no address", { yiaddr: new Uint8Array(4) }],
    ["other client", { more: [entry(option4.clientId, utf8("you"))] }],
    ["unexpected message", {}, "ACK"],
    ["malformed option", { more: [[option4.serverId.code, Uint8Array.of(1)]] }],
  ];
  for (const [reason, parts, type = "OFFER"] of cases) {
    const simulation = new Simulation(({ message }) => [reply(message, type, parts)]);
    simulation.do({ kind: "start" }).until(5);
    t.equal(simulation.times, "0 DISCOVER, 4 DISCOVER", reason);
    t.strictSame(simulation.state.tally.dropped, { [reason]: 2 }, reason);
    t.strictSame(simulation.logs, [`dropped a reply: ${reason}`], "told once");
    t.match(simulation.until(300).news, [
      `208 failed: no more tries: sent DISCOVER 7 times, 7 replies dropped: ${reason}`,
    ]);
  }
});

t.test("only the server whose offer was taken may grant or refuse it", async (t) => {
  for (const type of ["ACK", "NAK"] as const) {
    const simulation = new Simulation((sent) =>
      sent.type === "DISCOVER"
        ? [reply(sent.message, "OFFER"), reply(sent.message, "OFFER", { serverId: other })]
        : [reply(sent.message, type, { serverId: other })],
    ).do({ kind: "start" });
    t.equal(simulation.state.phase, "requesting", type);
    t.strictSame(
      simulation.state.tally.dropped,
      { "other server": 1 },
      "the second offer is no fault",
    );
  }
});

t.test("while RENEWING another server may grant, but not refuse", async (t) => {
  const renewed = (type: "ACK" | "NAK") => {
    const simulation = new Simulation(generous).do({ kind: "start" });
    simulation.server = ({ message }) => [reply(message, type, { serverId: other })];
    return simulation.until(61).state.phase;
  };
  t.equal(renewed("ACK"), "bound");
  t.equal(renewed("NAK"), "renewing");
});

t.test("a grant without a subnet mask is given back, and said", async (t) => {
  const simulation = new Simulation(({ type, message }) => {
    const payload = reply(message, type === "DISCOVER" ? "OFFER" : "ACK");
    if (type === "DISCOVER") return [payload];
    payload.set([0, 0, 0, 0, 0, 0], 240);
    return type === "REQUEST" ? [payload] : [];
  }).do({ kind: "start" });
  t.equal(simulation.times, "0 DISCOVER, 0 REQUEST, 0 RELEASE");
  t.match(simulation.news, [/^0 failed: no subnet mask/]);
});

t.test("replies of an earlier exchange, or to nobody, change nothing", async (t) => {
  const simulation = new Simulation(generous).do({ kind: "start" });
  const before = simulation.state;
  const payload = reply(simulation.sent[1]?.message as never, "NAK");
  t.equal(simulation.do({ kind: "received", payload }).state, before);
  t.equal(simulation.do({ kind: "received", payload: new Uint8Array(3) }).state, before);
  t.equal(simulation.do({ kind: "timer" }).state, before, "nor does a timer before its time");
});

t.test("sends that failed are part of the report", async (t) => {
  const simulation = new Simulation(silent).do({ kind: "start" });
  simulation.do({ kind: "sendFailed", why: "network is down" });
  simulation.do({ kind: "dropped", reason: "bad UDP checksum" }).until(300);
  t.match(simulation.news, [
    "208 failed: no more tries: sent DISCOVER 7 times, 1 send failed: network is down, " +
      "1 reply dropped: bad UDP checksum",
  ]);
});

t.test("a hint is asked for in the first DISCOVER", async (t) => {
  const simulation = new Simulation(silent).do({ kind: "start", hint: address }).until(5);
  const asked = simulation.sent.map(
    ({ message }) => showMessage(message).options["dhcp-requested-address"],
  );
  t.strictSame(asked, ["192.0.2.10", undefined]);
});

t.test("a hardware address that has no room is left out, and replies are broadcast", async (t) => {
  const mac = new Uint8Array(20).fill(7);
  const simulation = new Simulation(generous, { mac, hardwareType: 32 }).do({ kind: "start" });
  t.equal(simulation.state.phase, "bound");
  t.match(simulation.sent[0]?.message, { htype: 32, broadcast: true, chaddr: { length: 0 } });
});
