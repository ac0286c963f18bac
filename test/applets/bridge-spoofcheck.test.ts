/** bridge: macspoofchk. A container cannot send with another MAC than its own. */
import assert from "node:assert/strict";
import { gatewayBridge } from "../harness/configs.ts";
import { differs, type Json, type Namespace, onlyOurs, sandbox } from "../harness/sandbox.ts";

const config = { ...gatewayBridge(), macspoofchk: true };
const forged = "02:00:00:00:66:66";

/** Counts frames with the forged source that a third party on the bridge receives. */
function watchForged(third: Namespace) {
  third.sh(`nft add table netdev seen
    nft add chain netdev seen in '{ type filter hook ingress device eth0 priority 0; }'
    nft add rule netdev seen in ether saddr ${forged} counter`);
  return () => {
    const { nftables } = third.json("nft -j list chain netdev seen in");
    const { rule } = nftables.find((o: Json) => o.rule);
    return rule.expr.find((e: Json) => e.counter).counter.packets;
  };
}

for (const macspoofchk of [true, false]) {
  sandbox(
    `macspoofchk ${macspoofchk}: a forged source ${macspoofchk ? "reaches nobody" : "is not looked at"}`,
    { needs: ["CONFIG_NF_TABLES_NETDEV"] },
    ({ container, cni, addNamespace }) => {
      const third = addNamespace("third");
      cni.add({ ...config, macspoofchk });
      cni.add(gatewayBridge(), { container: third, containerId: "third" });
      const count = watchForged(third);
      assert(container.reaches("10.1.2.1"), "the own MAC passes");
      container.sh(
        `ip link set eth0 down; ip link set eth0 address ${forged}; ip link set eth0 up`,
      );
      assert.equal(container.silent("10.1.2.1"), macspoofchk);
      assert.equal(count() === 0, macspoofchk, `${count()} forged frames seen by a third party`);
    },
  );
}

const ourChains = (host: Namespace) =>
  host.nft().flatMap((o) => {
    const { rule } = o;
    return rule?.family === "bridge" ? [`${rule.chain.toLowerCase()}: ${rule.comment}`] : [];
  });

sandbox(
  "macspoofchk: the rules stand under their known names and go with DEL",
  ({ host, cni, stateWithout }) => {
    const before = stateWithout(config);
    const attached = cni.attach(config);
    const comment = "macspoofchk-c1-eth0";
    assert.deepEqual(ourChains(host).sort(), [
      `cni-br-iface-c1-eth0-mac: ${comment}`,
      `cni-br-iface-c1-eth0-mac: ${comment}`,
      `cni-br-iface-c1-eth0: ${comment}`,
      `prerouting: ${comment}`,
    ]);
    attached.check();
    attached.del();
    assert.deepEqual(ourChains(host), []);
    attached.del();
    assert.deepEqual(host.state(), before);
  },
);

sandbox("macspoofchk: rules of other attachments stay", ({ host, cni, addNamespace }) => {
  const other = addNamespace("c2");
  const first = cni.attach(config);
  cni.attach(config, { container: other, containerId: "c2" });
  const rules = ourChains(host).filter((line) => line.includes("c2"));
  assert.equal(rules.length, 4);
  first.del();
  assert.deepEqual(ourChains(host), rules);
  assert(other.reaches("10.1.2.1"));
});

sandbox("macspoofchk holds with a MAC that was asked for", ({ container, cni }) => {
  const mac = "02:00:00:00:00:05";
  cni.add(config, { args: `IgnoreUnknown=1;MAC=${mac}` });
  assert.equal(container.link("eth0").address, mac);
  assert(container.reaches("10.1.2.1"));
});

onlyOurs(
  "macspoofchk: DEL after the namespace is gone removes the rules",
  "it leaves them",
  ({ host, cni, stateWithout, addNamespace }) => {
    const before = stateWithout(config);
    const gone = addNamespace("gone");
    const attached = cni.attach(config, { container: gone, containerId: "gone" });
    host.sh("ip netns del gone");
    while (host.links().some((link) => link.startsWith("veth"))) host.sh("sleep 0.02");
    attached.del();
    assert.deepEqual(host.state(), before);
    assert.equal(ourChains(host).length, differs("leaks", { go: 4, ours: 0 }));
  },
);
