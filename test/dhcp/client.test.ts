/** The client of RFC 2131, in the states of its figure 5: how it gets a lease, and gives it back. */
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
