/** bandwidth: what ADD makes, how fast it lets packets through, and what CHECK sees. */
import assert from "node:assert/strict";
import { differs, versions } from "../harness/sandbox.ts";
import {
  bandwidth,
  cable,
  type Flow,
  flow,
  ifbs,
  limited,
  limitedByUs,
  limits,
  qdiscs,
  redirection,
} from "./bandwidth-support.ts";

const ifb = "bwpc2d892b58e87"; // SHA-512 of net1c1

for (const cniVersion of versions.with("interfaces")) {
  limited(`both directions [${cniVersion}]`, (box) => {
    const { host, cni } = box;
    const prevResult = cable(box, { cniVersion, mtu: 1400 });
    const before = host.state();
    const config = bandwidth({ ...limits, cniVersion });
    const result = cni.add(config, { prevResult });

    const link = host.link(ifb);
    const { interfaces, ...rest } = prevResult;
    const added = { name: ifb, mac: link.address };
    const dns = differs("1.1.1 prints an empty one in 1.0.0", { go: { dns: {} }, ours: {} });
    assert.deepEqual(result, { ...dns, ...rest, interfaces: [...interfaces, added] });

    assert.equal(link.mtu, 1400);
    assert(link.flags.includes("UP"));
    assert.equal(
      link.ifalias,
      differs("Go's do not tell", { go: undefined, ours: "cni:net1/c1/eth0" }),
    );
    assert.deepEqual(qdiscs(host, "v0"), [
      ["tbf", { rate: 1_000_000, burst: 50_000, lat: 25_000 }],
      ["ingress", {}],
    ]);
    assert.deepEqual(qdiscs(host, ifb), [["tbf", { rate: 500_000, burst: 50_000, lat: 25_000 }]]);
    assert.equal(redirection(host, "v0"), ifb);

    if (cniVersion >= "0.4.0") cni.check(config, { prevResult: result });
    cni.del(config, { prevResult: result });
    cni.del(config, { prevResult: result });
    assert.deepEqual(ifbs(host), []);
    const left = differs("Go's host end drops what is redirected to nowhere", {
      go: ["tbf v0 1: root", "ingress v0 ffff: ffff:fff1"],
      ours: [],
    });
    assert.deepEqual(host.state(), { ...before, qdiscs: left });
  });
}

for (const cniVersion of versions.without("interfaces")) {
  limitedByUs(`both directions [${cniVersion}]`, "it has no such version", (box) => {
    const { host, container, cni } = box;
    const prevResult = cable(box, { cniVersion });
    assert.deepEqual(cni.add(bandwidth({ ...limits, cniVersion }), { prevResult }), prevResult);
    assert.equal(redirection(host, "v0"), ifb);
    assert(container.reaches("10.1.2.1"));
  });
}

const oneWay: [string, object, { v0: string[]; ifbs: string[] }][] = [
  ["ingress", { ingressRate: 8000, ingressBurst: 80 }, { v0: ["tbf"], ifbs: [] }],
  ["egress", { egressRate: 8000, egressBurst: 80 }, { v0: ["ingress"], ifbs: [ifb] }],
];
for (const [direction, keys, expected] of oneWay) {
  limited(`only ${direction}`, (box) => {
    const { host, cni } = box;
    const prevResult = cable(box);
    const attached = cni.attach(bandwidth(keys), { prevResult });
    assert.deepEqual(
      qdiscs(host, "v0").map(([kind]) => kind),
      expected.v0,
    );
    assert.deepEqual(ifbs(host), expected.ifbs);
    const [limited] = [...expected.ifbs, "v0"];
    const [options] = qdiscs(host, limited as string).flatMap(([kind, o]) =>
      kind === "tbf" ? [o] : [],
    );
    assert.deepEqual(options, { rate: 1000, burst: 10, lat: 25_000 });
    attached.check();
  });
}

/** Within a tenth; what a busy machine has kept from being sent is asked for again. */
function assertRate(what: string, { measure }: Flow, expected: number, burst: number) {
  let rate = 0;
  for (let tries = 0; tries < 12 && rate < expected * 0.9; tries++) {
    rate = measure(1500, burst);
    assert(rate < expected * 1.1, `${what}: ${rate} bits a second, limit ${expected}`);
  }
  assert(rate > expected * 0.9, `${what}: ${rate} bits a second, limit ${expected}`);
}

/** Much faster than a limit would let it be. */
function assertFree({ measure }: Flow, limit: number) {
  let rate = 0;
  for (let tries = 0; tries < 12 && rate < 20 * limit; tries++) rate = measure(200);
  assert(rate > 20 * limit, `${rate} bits a second`);
}

limited("packets go as fast as they may, and no faster", async (box) => {
  const { host, container, cni } = box;
  const prevResult = cable(box);
  const toContainer = await flow(host, "10.1.2.1", container);
  const toHost = await flow(container, "10.1.2.2", host);
  cni.add(bandwidth(), { prevResult });
  assertRate("ingress", toContainer, limits.ingressRate, limits.ingressBurst);
  assertRate("egress", toHost, limits.egressRate, limits.egressBurst);
});

limited("a direction without a limit is as fast as before", async (box) => {
  const { host, container, cni } = box;
  const prevResult = cable(box);
  const toHost = await flow(container, "10.1.2.2", host);
  const { ingressRate, ingressBurst } = limits;
  cni.add(bandwidth({ ingressRate, ingressBurst }), { prevResult });
  assertFree(toHost, limits.egressRate);
});

limitedByUs("DEL frees the host's end", "it cuts the container off", async (box) => {
  const { host, container, cni } = box;
  const prevResult = cable(box);
  const toContainer = await flow(host, "10.1.2.1", container);
  cni.attach(bandwidth(), { prevResult }).del();
  assertFree(toContainer, limits.ingressRate);
});

limitedByUs("packets wait as long as they may", "25 ms it is", (box) => {
  const { host, cni } = box;
  const prevResult = cable(box);
  const attached = cni.attach(bandwidth({ ...limits, latency: 100 }), { prevResult });
  for (const link of ["v0", ifb]) {
    assert.equal(qdiscs(host, link)[0]?.[1].lat, 100_000);
  }
  attached.check();
  assert.throws(
    () => cni.check(bandwidth(), { prevResult: attached.result }),
    /limit 150000 is not 75000/,
  );
});

// What kubelet asks for: a burst of 2^31 - 1 bits, whatever the rate.
const huge = 2 ** 31 - 1;
limitedByUs("a burst that lasts for hours", "it keeps 32 bits of it", (box) => {
  const { container, cni } = box;
  const prevResult = cable(box);
  const keys = { ingressRate: 8000, ingressBurst: huge, egressRate: 8000, egressBurst: huge };
  const attached = cni.attach(bandwidth(keys), { prevResult });
  // 20 packets of 1,400 bytes each way would take half a minute at that rate.
  const ping = container.sh("ping -n -q -s 1400 -c 20 -i 0.01 -W 1 10.1.2.1");
  assert.match(ping, / 20 received/);
  attached.check();
});

limitedByUs("a rate of more than 32 bits", "it cannot send a packet", (box) => {
  const { host, container, cni } = box;
  const prevResult = cable(box);
  const smallest = 1518 * 8;
  const rate = 80_000_000_000;
  const keys = {
    ingressRate: rate,
    ingressBurst: smallest,
    egressRate: rate,
    egressBurst: smallest,
  };
  const attached = cni.attach(bandwidth(keys), { prevResult });
  assert.equal(qdiscs(host, "v0")[0]?.[1].rate, rate / 8);
  assert.match(container.sh("ping -n -q -s 1472 -c 3 -i 0.01 10.1.2.1"), / 3 received/);
  attached.check();
});

limitedByUs("who may send less at once than a packet is told so", "it says nothing", (box) => {
  const { cni } = box;
  const prevResult = cable(box);
  const config = { ...bandwidth({ egressRate: 8000, egressBurst: 12_000 }), prevResult };
  const { status, stderr } = cni.invoke("ADD", config);
  assert.equal(status, 0);
  assert.match(stderr, /^bandwidth: egressBurst is smaller than a packet: .* 12144 or more\n$/);
});

const damages: [string, string, RegExp][] = [
  [
    "the rate has changed",
    "tc qdisc change dev v0 root handle 1: tbf rate 9mbit burst 50000 latency 25ms",
    /v0 is not limited as configured; rate 1125000 is not 1000000 bytes a second/,
  ],
  [
    "the burst has changed",
    `tc qdisc change dev ${ifb} root handle 1: tbf rate 4mbit burst 49000 limit 62500`,
    /burst of 1531250 ticks is not 1562500/,
  ],
  [
    "more may wait",
    `tc qdisc change dev ${ifb} root handle 1: tbf rate 4mbit burst 50000 limit 62501`,
    /limit 62501 is not 62500/,
  ],
  ["the ifb is gone", `ip link del ${ifb}`, /Cannot find interface "bwpc2d892b58e87"/],
];
for (const [damage, commands, message] of damages) {
  limited(`CHECK: ${damage}`, (box) => {
    const { host, cni } = box;
    const prevResult = cable(box);
    const attached = cni.attach(bandwidth(), { prevResult });
    attached.check();
    host.sh(commands);
    assert.throws(attached.check, differs("other words", { go: /./, ours: message }));
  });
}

const unseen: [string, string, RegExp][] = [
  [
    "the bucket is gone",
    "tc qdisc del dev v0 root",
    /v0 is not limited.*root qdisc is noqueue, not tbf/,
  ],
  ["the ifb is another", `ip link del ${ifb}; ip link add ${ifb} type ifb`, /another MAC/],
  ["the ifb is down", `ip link set ${ifb} down`, /Link bwpc2d892b58e87 is down/],
  ["nothing is redirected", "tc filter del dev v0 parent ffff:", /v0 is not redirected/],
  ["nothing comes in", "tc qdisc del dev v0 ingress", /v0 is not redirected/],
];
for (const [damage, commands, message] of unseen) {
  limitedByUs(`CHECK: ${damage}`, "it does not look", (box) => {
    const { host, cni } = box;
    const prevResult = cable(box);
    const attached = cni.attach(bandwidth(), { prevResult });
    attached.check();
    host.sh(commands);
    assert.throws(attached.check, message);
  });
}
