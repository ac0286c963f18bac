/** bandwidth: what its config may say, and which interface it is about. */
import assert from "node:assert/strict";
import { CniFailure, differs, type Sandbox, versions } from "../harness/sandbox.ts";
import {
  bandwidth,
  cable,
  ifbs,
  limited,
  limitedByUs,
  limits,
  qdiscs,
} from "./bandwidth-support.ts";

const cniVersion = "1.0.0";
const slow = { ingressRate: 8000, ingressBurst: 80 };
const fast = { ingressRate: 80_000, ingressBurst: 800 };

for (const version of versions.all) {
  limitedByUs(
    `without limits the result passes through [${version}]`,
    "1.1.1 adds a dns",
    (box) => {
      const { host, cni } = box;
      const prevResult = cable(box, { cniVersion: version });
      const before = host.state();
      const zero = { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 };
      for (const keys of [{}, zero, { runtimeConfig: {} }, { runtimeConfig: { bandwidth: {} } }]) {
        const config = bandwidth({ ...keys, cniVersion: version });
        assert.deepEqual(cni.add(config, { prevResult }), prevResult);
        if (version >= "0.4.0") cni.check(config, { prevResult });
        cni.del(config, { prevResult });
      }
      assert.deepEqual(host.state(), before);
    },
  );
}

/** The rate that the host's end gets of a config: bytes a second. */
const chosen: [string, object, number | undefined][] = [
  ["the config's", { ...slow }, 1000],
  ["the runtime's", { runtimeConfig: { bandwidth: slow } }, 1000],
  [
    "in any letter case",
    { RuntimeConfig: { bandWidth: { INGRESSRATE: 8000, ingressburst: 80 } } },
    1000,
  ],
  ["the config's before the runtime's", { ...slow, runtimeConfig: { bandwidth: fast } }, 1000],
  [
    "a 0 of the config before the runtime's",
    { egressRate: 0, runtimeConfig: { bandwidth: fast } },
    undefined,
  ],
  ["bits that are no whole byte", { ingressRate: 8007, ingressBurst: 87 }, 1000],
];
for (const [what, keys, rate] of chosen) {
  limited(`limits: ${what}`, (box) => {
    const { host, cni } = box;
    const prevResult = cable(box);
    const attached = cni.attach(bandwidth(keys), { prevResult });
    const expected = rate === undefined ? [] : [["tbf", { rate, burst: rate / 100, lat: 25_000 }]];
    assert.deepEqual(qdiscs(host, "v0"), expected);
    attached.check();
  });
}

const nothing = "if rate is set, burst must also be set";
const refused: [string, object, number, RegExp][] = [
  [
    "a rate without a burst",
    { ingressRate: 8000 },
    7,
    new RegExp(`^${nothing}; ingressRate is 8000, ingressBurst 0$`),
  ],
  ["a burst without a rate", { egressBurst: 80 }, 7, /^if burst is set, rate must also be set; /],
  [
    "a burst of 4 GiB",
    { ingressRate: 8000, ingressBurst: 0xffffffff * 8 },
    7,
    /^burst cannot be more than 4GB; /,
  ],
  [
    "the config's bad before the runtime's good",
    { ingressRate: 8000, runtimeConfig: { bandwidth: slow } },
    7,
    new RegExp(nothing),
  ],
  ["the runtime's", { runtimeConfig: { bandwidth: { egressRate: 8000 } } }, 7, new RegExp(nothing)],
  ["less than a byte a second", { ingressRate: 7, ingressBurst: 80 }, 7, /at least 8 bits/],
  ["less than a byte at once", { ingressRate: 8000, ingressBurst: 7 }, 7, /at least 8 bits/],
  ["a negative rate", { ingressRate: -8000, ingressBurst: 80 }, 7, /ingressRate/],
  ["a fraction", { ingressRate: 8000.5, ingressBurst: 80 }, 7, /ingressRate/],
  ["a text", { ingressRate: "8M", ingressBurst: 80 }, 7, /ingressRate/],
  ["a rate of more than 64 bits", { ingressRate: 1e20, ingressBurst: 80 }, 7, /ingressRate/],
  ["a negative latency", { ...slow, latency: -1 }, 7, /latency/],
];
for (const [what, keys, code, message] of refused) {
  limitedByUs(`refused: ${what}`, "it has no codes, and takes some of it", (box) => {
    const { host, cni } = box;
    const prevResult = cable(box);
    const before = host.state();
    const wrong = (error: unknown) => {
      assert(error instanceof CniFailure);
      assert.match(error.message, message);
      assert.equal(error.code, code);
      return true;
    };
    assert.throws(() => cni.add(bandwidth(keys), { prevResult }), wrong);
    assert.throws(() => cni.check(bandwidth(keys), { prevResult }), wrong);
    assert.throws(() => cni.status({ ...bandwidth(keys), cniVersion: "1.1.0" }), wrong);
    // There may be something from before the config was as it is.
    if (!/ingressRate$|latency$/.test(message.source)) cni.del(bandwidth(keys), { prevResult });
    assert.deepEqual(host.state(), before);
  });
}

limited("the largest burst", (box) => {
  const { cni } = box;
  const prevResult = cable(box);
  const keys = { ingressRate: 2 ** 40, ingressBurst: 0xffffffff * 8 - 1 };
  cni.attach(bandwidth(keys), { prevResult }).check();
});

limited("without prevResult", (box) => {
  cable(box);
  const message = /must be called as a? ?chained plugin|Required prevResult missing/;
  assert.throws(() => box.cni.add(bandwidth()), message);
  assert.throws(() => box.cni.check(bandwidth()), message);
});

limitedByUs("without prevResult and without limits", "it crashes", (box) => {
  assert.throws(() => box.cni.add(bandwidth({})), /must be called as chained plugin/);
});

limited("of several host interfaces, the other end of the container's", (box) => {
  const { host, cni } = box;
  cable(box, { name: "v1", ifName: "eth1" });
  const prevResult = cable(box);
  const interfaces = [{ name: "v1" }, { name: "br0" }, ...prevResult.interfaces];
  cni.add(bandwidth(slow), { prevResult: { ...prevResult, interfaces } });
  assert.deepEqual(qdiscs(host, "v1"), []);
  assert.equal(qdiscs(host, "v0").length, 1);
});

const inside = { name: "eth0", sandbox: "/run/netns/c1" };
const strangers: [string, object[], RegExp][] = [
  ["no interfaces", [], /no interfaces provided/],
  ["only the container's", [inside], /no veth peer of container interface found in host ns/],
  ["another of the host's", [{ name: "v1" }, inside], /found in host ns/],
  [
    "one of that name in a container",
    [{ name: "v0", sandbox: "/run/netns/c1" }, inside],
    /found in host ns/,
  ],
];
for (const [what, interfaces, message] of strangers) {
  limited(`the result has ${what}`, (box) => {
    const { host, cni } = box;
    const prevResult = { ...cable(box), interfaces };
    cable(box, { name: "v1", ifName: "eth1" });
    const before = host.state();
    assert.throws(() => cni.add(bandwidth(), { prevResult }), message);
    assert.deepEqual(host.state(), before);
  });
}

const other = (box: Sandbox) => {
  const { host, cni } = box;
  host.sh(`ip link add u0 type veth peer name u1; ip link set u0 up
    ip link add link u0 name eth0 netns c1 type macvlan`);
  const prevResult = { cniVersion, interfaces: [{ name: "u0" }, inside], ips: [] };
  assert.throws(
    () => cni.add(bandwidth(), { prevResult }),
    /container interface eth0 has no veth peer/,
  );
  assert.deepEqual(ifbs(host), []);
};
limited("an interface that is none of a pair", other, ["CONFIG_MACVLAN"]);

limited("an interface that is not there", ({ host, cni }) => {
  const prevResult = { cniVersion, interfaces: [{ name: "v0" }, inside], ips: [] };
  assert.throws(
    () => cni.add(bandwidth(), { prevResult }),
    /container interface eth0 has no veth peer/,
  );
  assert.deepEqual(ifbs(host), []);
});

limited("a pair whose other end is in a third namespace", (box) => {
  const { host, cni, addNamespace } = box;
  const third = addNamespace("third");
  // Its number there is that of a link here.
  host.sh(`for i in 0 1 2 3 4 5; do ip link add w$i type veth peer name x$i; done
    ip link add v0 netns third type veth peer name eth0 netns c1`);
  assert(third.link("v0").ifindex <= 13);
  const names = host.links().map((name) => ({ name }));
  const prevResult = { cniVersion, interfaces: [...names, { name: "v0" }, inside], ips: [] };
  const act = () => cni.add(bandwidth(limits), { prevResult });
  differs("it limits whichever link has that number", { go: undefined, ours: act });
  if (differs("as above", { go: false, ours: true })) {
    assert.throws(act, /veth peer with index \d+ is not in host ns/);
    assert.deepEqual(ifbs(host), []);
  }
});
