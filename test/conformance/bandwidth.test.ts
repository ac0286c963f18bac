/** bandwidth by Go and by us: the same is made, and one checks and removes what the other made. */
import assert from "node:assert/strict";
import { bandwidth, cable, ifbs, limits, needs } from "../applets/bandwidth-support.ts";
import type { Config, Sandbox } from "../harness/sandbox.ts";
import { differences, type Explained, leaves, withoutRandom } from "./compare.ts";
import { bins, commonVersions, compared as comparedSomewhere, type Side, sides } from "./go.ts";

const ifb = "bwpc2d892b58e87"; // SHA-512 of net1c1
const { ingressRate, ingressBurst, egressRate, egressBurst } = limits;
const configs: Record<string, Config> = {
  both: bandwidth(),
  ingress: bandwidth({ ingressRate, ingressBurst }),
  egress: bandwidth({ egressRate, egressBurst }),
  capability: bandwidth({ runtimeConfig: { bandwidth: limits } }),
  slow: bandwidth({ ingressRate: 16, ingressBurst: 8, egressRate: 8007, egressBurst: 87 }),
  // What kubelet asks for, which still has less than 32 bits of ticks.
  kubelet: bandwidth({ ingressRate: 1e9, ingressBurst: 2 ** 31 - 1 }),
  "40 Gbit": bandwidth({
    ingressRate: 4e10,
    ingressBurst: 8e7,
    egressRate: 4e10,
    egressBurst: 8e8,
  }),
};
const versions = commonVersions.filter((version) => version >= "0.3.0");

const explained: Explained = [
  [/^links\.\d\.ifalias$/, "ours says whose ifb it is, so that DEL and GC find it"],
  [/^links\.\d\.txqlen$/, "0 there: the ifb then waits for each packet; ours has the kernel's 32"],
  [/^result\.dns$/, "Go 1.1.1 prints an empty dns in 1.0.0"],
  [
    /^filters\.\d\.options\.actions\.1\./,
    "Go has another action behind the one that takes all packets: it sees none",
  ],
];

function compared(name: string, body: (box: Sandbox) => void): void {
  comparedSomewhere(name, body, { needs });
}

/** All that `tc` and `ip` tell of it, and the result. */
function pictureOf({ host }: Sandbox, result: unknown) {
  const links = host.json("ip -j -d link show type ifb");
  const filters = host.json("tc -j filter show dev v0 parent ffff:");
  const picture = { result, links, filters, qdiscs: host.json("tc -j qdisc") };
  return leaves(withoutRandom(picture), "");
}

function add(box: Sandbox, side: Side, config: Config) {
  const prevResult = cable(box, { cniVersion: config.cniVersion as string });
  const result = box.cni.add(config, { bin: bins[side], prevResult });
  return { prevResult, result };
}

for (const [name, base] of Object.entries(configs)) {
  for (const cniVersion of name === "both" ? versions : versions.slice(-1)) {
    const config = { ...base, cniVersion };
    compared(`go and ours do the same: ${name} [${cniVersion}]`, (box) => {
      const pictures = sides.map((side) => {
        const { result } = add(box, side, config);
        const picture = pictureOf(box, result);
        box.host.sh("ip link del v0; ip link del dev bwpc2d892b58e87 2>/dev/null || true");
        return picture;
      });
      const [theirs, ours] = pictures;
      assert(theirs && ours && theirs.size > 20);
      assert.deepEqual(differences(theirs, ours, explained), []);
    });

    for (const adder of sides) {
      const remover = adder === "go" ? "ours" : "go";
      compared(`${adder} ADDs, ${remover} CHECKs and DELs: ${name} [${cniVersion}]`, (box) => {
        const { host, cni } = box;
        const { result: prevResult } = add(box, adder, config);
        const at = { bin: bins[remover], prevResult };
        if (cniVersion >= "0.4.0") cni.check(config, at);
        cni.del(config, at);
        assert.deepEqual(ifbs(host), []);
        if (remover === "ours") assert.doesNotMatch(host.sh("tc qdisc"), /tbf|ingress/);
      });
    }
  }
}

// Go keeps the lower 32 bits of what has more; its CHECK of ours sees other numbers.
compared("ours CHECKs what go has cut to 32 bits", (box) => {
  for (const [rate, burst] of [
    [1e6, 2 ** 31 - 1],
    [8000, 2 ** 31 - 1],
    [3e11, 0xffffffff * 8 - 1],
  ]) {
    const config = bandwidth({ ingressRate: rate, ingressBurst: burst });
    const { result: prevResult } = add(box, "go", config);
    box.cni.check(config, { prevResult });
    box.host.sh("ip link del v0");
  }
});

compared("ours finds what is wrong with what go made", (box) => {
  const { host, cni } = box;
  const { result: prevResult } = add(box, "go", bandwidth());
  host.sh("tc qdisc change dev v0 root handle 1: tbf rate 9mbit burst 50000 latency 25ms");
  assert.throws(() => cni.check(bandwidth(), { prevResult }), /is not limited as configured/);
});

compared("ours DELs what go made, without prevResult and namespace", (box) => {
  const { host, cni } = box;
  add(box, "go", bandwidth());
  box.removeNamespace("c1");
  cni.del(bandwidth({}));
  assert.deepEqual(ifbs(host), []);
});

for (const known of [true, false]) {
  const what = `ours spares go's other interface of a container ${known ? "" : "without prevResult"}`;
  compared(what, (box) => {
    const { host, cni } = box;
    const { result } = add(box, "go", bandwidth());
    const prevResult = cable(box, { name: "v1", ifName: "eth1" });
    const second = cni.add(bandwidth(), { ifName: "eth1", prevResult });
    cni.del(bandwidth(), { ifName: "eth1", ...(known && { prevResult: second }) });
    assert.deepEqual(ifbs(host), [ifb]);
    cni.check(bandwidth(), { prevResult: result });
    cni.del(bandwidth(), known ? { prevResult: result } : {});
    assert.deepEqual(ifbs(host), []);
  });
}

compared("ours collects the garbage of go, and no more", (box) => {
  const { host, cni } = box;
  const latest = { ...bandwidth(), cniVersion: "1.1.0" };
  add(box, "go", bandwidth());
  cni.gc(latest, []);
  assert.deepEqual(ifbs(host), [ifb], "its container is there: whose it is cannot be told");
  host.sh("ip link del v0");
  cni.gc(latest, [{ containerID: "c1", ifname: "eth0" }]);
  assert.deepEqual(ifbs(host), [ifb], "it is valid");
  cni.gc(latest, [{ containerID: "c2", ifname: "eth0" }]);
  assert.deepEqual(ifbs(host), []);
});
