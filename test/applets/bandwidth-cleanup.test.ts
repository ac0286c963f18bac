/** bandwidth: what DEL, GC and another ADD find, and what they leave alone. STATUS. */
import assert from "node:assert/strict";
import { differs, type Sandbox } from "../harness/sandbox.ts";
import {
  bandwidth,
  cable,
  ifbs,
  limited,
  limitedByUs,
  limits,
  qdiscs,
  redirection,
} from "./bandwidth-support.ts";

const ifb = "bwpc2d892b58e87"; // SHA-512 of net1c1
const own = "bwp985c1eb966d8"; // SHA-512 of net1/c1/eth1
const latest = { ...bandwidth(), cniVersion: "1.1.0" };

limited("DEL with the namespace gone, without prevResult and without limits", (box) => {
  const { host, cni } = box;
  for (const container of ["/run/netns/c1", ""]) {
    host.sh("ip netns add c1 2>/dev/null || true");
    const prevResult = cable(box);
    cni.add(bandwidth(), { prevResult });
    host.sh(
      "ip netns del c1; for i in $(seq 50); do ip link show v0 >/dev/null 2>&1 || break; sleep 0.1; done",
    );
    assert.deepEqual(host.links(), [ifb, "lo"]);
    cni.del(bandwidth({}), { container });
    assert.deepEqual(host.links(), ["lo"]);
    cni.del(bandwidth({}), { container });
  }
});

limited("DEL with the interface gone", (box) => {
  const { host, container, cni } = box;
  const prevResult = cable(box);
  const attached = cni.attach(bandwidth(), { prevResult });
  container.sh("ip link del eth0");
  attached.del();
  assert.deepEqual(host.links(), ["lo"]);
});

limited("DEL leaves alone what is of the same name and of another kind", (box) => {
  const { host, cni } = box;
  const prevResult = cable(box);
  host.sh(`ip link add ${ifb} type veth peer name other`);
  cni.del(bandwidth(), { prevResult });
  const links = ["lo", "v0", ...differs("it does not look", { go: [], ours: [ifb, "other"] })];
  assert.deepEqual(host.links(), links.sort());
});

limitedByUs("DEL leaves other qdiscs of the host's end", "it leaves its own as well", (box) => {
  const { host, cni } = box;
  const prevResult = cable(box);
  host.sh(`tc qdisc add dev v0 root handle 7: tbf rate 1mbit burst 20000 latency 10ms
    tc qdisc add dev v0 clsact`);
  const before = host.state();
  cni.del(bandwidth(), { prevResult });
  assert.deepEqual(host.state(), before);
});

function twoInterfaces(box: Sandbox) {
  const { cni } = box;
  const first = cni.attach(bandwidth(), { prevResult: cable(box) });
  const at = { ifName: "eth1", prevResult: cable(box, { name: "v1", ifName: "eth1" }) };
  const second = cni.attach(bandwidth(), at);
  return [first, second] as const;
}

limitedByUs("two interfaces of one container in one network", "the second fails", (box) => {
  const { host } = box;
  for (const [gone, link, left] of [
    [0, "v1", own],
    [1, "v0", ifb],
  ] as const) {
    const both = twoInterfaces(box);
    assert.deepEqual(
      both.map(({ result }) => result.interfaces[2].name),
      [ifb, own],
    );
    assert.deepEqual([redirection(host, "v0"), redirection(host, "v1")], [ifb, own]);
    assert.equal(host.link(own).ifalias, "cni:net1/c1/eth1");
    for (const each of both) each.check();

    both[gone].del();
    both[gone].del();
    assert.deepEqual(ifbs(host), [left]);
    both[1 - gone]?.check();
    assert.equal(redirection(host, link), left);
    both[1 - gone]?.del();
    host.sh("ip link del v0; ip link del v1");
    assert.deepEqual(host.links(), ["lo"]);
  }
});

limitedByUs("DEL of one interface without prevResult spares the other's", "it does not", (box) => {
  const [first] = twoInterfaces(box);
  box.cni.del(bandwidth(), { ifName: "eth1" });
  assert.deepEqual(ifbs(box.host), [ifb]);
  first.check();
});

limitedByUs("the same container in two networks", "it keeps no aliases", (box) => {
  const { host, cni } = box;
  cni.add(bandwidth(), { prevResult: cable(box) });
  const other = { ...bandwidth(), name: "net2" };
  const at = { ifName: "eth1", prevResult: cable(box, { name: "v1", ifName: "eth1" }) };
  cni.attach(other, at).del();
  assert.deepEqual(ifbs(host), [ifb]);
});

limited("ADD to a link that is limited already", (box) => {
  const { host, cni } = box;
  const prevResult = cable(box);
  host.sh("tc qdisc add dev v0 root handle 1: tbf rate 1mbit burst 20000 latency 10ms");
  const before = host.state();
  assert.throws(
    () => cni.add(bandwidth(), { prevResult }),
    differs("other words", {
      go: /file exists/,
      ours: /^Error: Cannot add qdisc tbf of link "v0": File exists \(Exclusivity flag on, cannot modify\)$/,
    }),
  );
  assert.deepEqual(host.state(), before);
});

limitedByUs("ADD to a link whose input is watched already", "it leaves ifb and bucket", (box) => {
  const { host, cni } = box;
  const prevResult = cable(box);
  host.sh("tc qdisc add dev v0 clsact");
  const before = host.state();
  assert.throws(
    () => cni.add(bandwidth(), { prevResult }),
    /qdisc ingress of link "v0": File exists/,
  );
  assert.deepEqual(host.state(), before);
});

limitedByUs("ADD replaces the ifb of a killed one", "it finds the name taken", (box) => {
  const { host, cni } = box;
  const prevResult = cable(box);
  cni.add(bandwidth(), { prevResult });
  const before = host.link(ifb).ifindex;
  host.sh("ip link del v0");
  const again = cni.attach(bandwidth(), { prevResult: cable(box) });
  again.check();
  assert.deepEqual(ifbs(host), [ifb]);
  assert(host.link(ifb).ifindex > before);
});

limitedByUs("an ifb without an owner, of whose name ours would be", "it fails", (box) => {
  const { host, cni } = box;
  host.sh(`ip link add ${ifb} type ifb`);
  const prevResult = cable(box);
  const attached = cni.attach(bandwidth(), { prevResult });
  attached.check();
  assert.equal(ifbs(host).length, 2);
  // A killed ADD may have left it: nothing uses it.
  attached.del();
  assert.deepEqual(ifbs(host), []);
});

limitedByUs("GC removes the ifbs of the network's lost attachments", "it has no GC", (box) => {
  const { host, cni, addNamespace } = box;
  const containers = ["c1", "c2", "c3"];
  const byName: Record<string, string> = {};
  for (const [i, containerId] of containers.entries()) {
    const container = i === 0 ? box.container : addNamespace(containerId);
    const prevResult = cable(box, { name: `v${i}`, netns: containerId });
    const network = { ...latest, name: containerId === "c3" ? "net2" : "net1" };
    const result = cni.add(network, {
      container,
      containerId,
      prevResult: { ...prevResult, cniVersion: "1.1.0" },
    });
    byName[containerId] = result.interfaces[2].name;
  }
  const links = host.links();
  cni.gc(latest, [
    { containerID: "c1", ifname: "eth0" },
    { containerID: "c2", ifname: "eth0" },
  ]);
  assert.deepEqual(host.links(), links);
  cni.gc(latest, [
    { containerID: "c1", ifname: "eth0" },
    { containerID: "c2", ifname: "eth1" },
  ]);
  assert.deepEqual(ifbs(host), [byName.c1, byName.c3].sort());
  assert.deepEqual(host.links().length, links.length - 1, "only the ifb");
  cni.gc(latest, []);
  assert.deepEqual(ifbs(host), [byName.c3]);
});

limitedByUs("GC leaves what is not of a plugin", "it has no GC", (box) => {
  const { host, cni } = box;
  host.sh(
    "ip link add ifb7 type ifb; ip link add bwpnotahash type ifb; ip link add bwp000000000001 type ifb",
  );
  cni.gc(latest, []);
  assert.deepEqual(
    ifbs(host),
    ["bwp000000000001", "bwpnotahash", "ifb7"],
    "the last is being made",
  );
});

limitedByUs("STATUS tries it in a namespace of its own", "it has no STATUS", ({ host, cni }) => {
  const before = host.state();
  cni.status(latest);
  assert.deepEqual(host.state(), before);
  assert.equal(host.sh("cat /run/nothing 2>/dev/null || true"), "");
});

limitedByUs("STATUS says what the kernel lacks", "it has no STATUS", ({ cni }) => {
  // The third socket is that of the namespace where it is tried.
  const prefix = [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    "trace=sendto",
    "-e",
    "inject=sendto:error=EOPNOTSUPP:when=2",
  ];
  const failed = () => cni.status(latest, { prefix });
  assert.throws(failed, {
    code: 50,
    msg: /^Cannot limit bandwidth: .*sendto/,
    details: /NET_SCH_TBF/,
  });
});

const atOnce = 20;
limitedByUs(
  `${atOnce} at once, then ${atOnce} DELs`,
  "one is enough",
  async (box) => {
    const { host, cni } = box;
    const all = Array.from({ length: atOnce }, (_, i) => i);
    const before = host.state();
    const at = all.map((i) => {
      const prevResult = cable(box, { name: `v${i}`, ifName: `eth${i}` });
      // Half of them are interfaces of one container.
      return { containerId: i % 2 ? "c1" : `d${i}`, ifName: `eth${i}`, prevResult };
    });
    const results = await Promise.all(
      at.map((options) => cni.addAsync(bandwidth(limits), options)),
    );
    assert.equal(ifbs(host).length, atOnce);
    for (const [i, options] of at.entries()) {
      cni.check(bandwidth(limits), { ...options, prevResult: results[i] });
      assert.equal(redirection(host, `v${i}`), results[i].interfaces[2].name);
      assert.deepEqual(
        qdiscs(host, `v${i}`).map(([kind]) => kind),
        ["tbf", "ingress"],
      );
    }
    await Promise.all(at.map((options) => cni.delAsync(bandwidth(limits), options)));
    assert.deepEqual(ifbs(host), []);
    assert.deepEqual(host.state().qdiscs, before.qdiscs);
  },
  { timeout: 120_000 },
);
