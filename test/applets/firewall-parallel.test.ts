/** firewall: 200 at once. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import { dropForwarded, firewall, lists } from "./firewall-support.ts";

const count = 200;
const timeout = 180_000;

onlyOurs(`${count} at once, then ${count} DELs`, "it takes minutes", { timeout }, async (box) => {
  const { host, cni } = box;
  dropForwarded(host);
  const config = firewall({ ingressPolicy: "isolated" });
  const at = (i: number) => ({
    containerId: `p${i}`,
    prevResult: {
      cniVersion: "1.1.0",
      interfaces: [{ name: `br${i % 2}` }, { name: `v${i}` }, { name: "eth0", sandbox: "c" }],
      ips: [{ address: `10.1.2.${i}/24` }, { address: `2001:db8:42::${i}/64` }],
    },
  });
  const all = Array.from({ length: count }, (_, i) => i);
  await Promise.all(all.map((i) => cni.addAsync(config, at(i))));
  assert.equal(lists(host, "iptables", /^-A CNI-FORWARD -[sd] 10/).length, 2 * count);
  assert.equal(lists(host, "ip6tables", /^-A CNI-FORWARD -[sd] 2001/).length, 2 * count);
  assert.equal(lists(host, "iptables", /-j CNI-(FORWARD|ADMIN)/).length, 2, "what is shared: once");
  const text = host.sh("nft list ruleset");
  for (const family of ["ip", "ip6"]) {
    const accepted = host.sh(`nft list set ${family} cnibox_firewall accepted`);
    assert.equal(accepted.match(/ comment "[^"]*, net: /g)?.length, count);
  }
  assert.equal(text.match(/jump bridge-br[01] /g)?.length, 2 * count);
  assert.equal(text.match(/chain bridge-br/g)?.length, 4);
  for (const i of [0, 57, 199]) cni.check(config, at(i));

  // Some of them go while others come anew.
  const some = all.slice(0, 40);
  await Promise.all(
    some.map((i) => (i % 2 ? cni.delAsync(config, at(i)) : cni.addAsync(config, at(i)))),
  );
  assert.equal(lists(host, "iptables", /^-A CNI-FORWARD -[sd] 10/).length, 2 * (count - 20));
  await Promise.all(all.map((i) => cni.delAsync(config, at(i))));
  assert.doesNotMatch(host.sh("nft list ruleset"), /cnibox/);
  assert.equal(lists(host, "iptables", /10\.1\.2\./).length, 0);
});
