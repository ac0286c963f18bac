/** The DHCPv4 client with a lease: renewing, rebinding, refusals, and leases of an earlier life. */
import t from "tap";
import { formatIp, requireIp } from "../../src/addr/ip.ts";
import { formatMac } from "../../src/addr/mac.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import { entry, option4 } from "../../src/dhcp/options.ts";
import { showMessage } from "./show.ts";
import { generous, reply, type Server, Simulation, silent } from "./simulate.ts";

const other = requireIp("192.0.2.99");

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
