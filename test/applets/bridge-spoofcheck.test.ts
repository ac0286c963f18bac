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

/** What names an attachment as its owner: rules of Go's, elements of ours. */
function ownedBy(host: Namespace, containerId: string): Json[] {
  const owner = differs("we name every owner alike", {
    go: `macspoofchk-${containerId}-eth0`,
    ours: `, net: net1, if: eth0, id: ${containerId}`,
  });
  const objects = host.nft().filter((o) => (o.rule ?? o.set)?.family === "bridge");
  const elements = objects.flatMap((o) => o.rule ?? (o.set?.elem ?? []).map((e: Json) => e.elem));
  return elements.filter(({ comment }) => comment?.endsWith(owner));
}
const perAttachment = differs("two elements do for us: the port, and who may send by it", {
  go: 4,
  ours: 2,
});

sandbox("macspoofchk: the rules go with DEL", ({ host, cni, stateWithout }) => {
  const before = stateWithout(config);
  const attached = cni.attach(config);
  assert.equal(ownedBy(host, "c1").length, perAttachment);
  attached.check();
  attached.del();
  assert.deepEqual(ownedBy(host, "c1"), []);
  attached.del();
  assert.deepEqual(host.state(), before);
});

sandbox("macspoofchk: rules of other attachments stay", ({ host, cni, addNamespace }) => {
  const other = addNamespace("c2");
  const first = cni.attach(config);
  cni.attach(config, { container: other, containerId: "c2" });
  const rules = ownedBy(host, "c2");
  assert.equal(rules.length, perAttachment);
  first.del();
  assert.deepEqual(ownedBy(host, "c2"), rules);
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
  ({ host, cni, stateWithout, addNamespace, removeNamespace }) => {
    const before = stateWithout(config);
    const gone = addNamespace("gone");
    const attached = cni.attach(config, { container: gone, containerId: "gone" });
    removeNamespace("gone");
    attached.del();
    assert.deepEqual(host.state(), before);
  },
);
