/** portmap: many at once. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import { mapping, portmap } from "./portmap-support.ts";

const count = 100;
const timeout = 180_000;

onlyOurs(`${count} at once, then ${count} DELs`, "it takes minutes", { timeout }, async (box) => {
  const { host, cni } = box;
  const config = (i: number) => ({
    ...portmap([mapping(20_000 + i, 80), mapping(20_000 + i, 53, "udp")]),
    cniVersion: "1.0.0",
  });
  const at = (i: number) => ({
    containerId: `p${i}`,
    prevResult: {
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
      ips: [
        { interface: 0, address: `10.1.${i}.2/24` },
        { interface: 0, address: `2001:db8:${i}::2/64` },
      ],
    },
  });
  const all = Array.from({ length: count }, (_, i) => i);
  await Promise.all(all.map((i) => cni.addAsync(config(i), at(i))));
  const text = host.sh("nft list ruleset");
  const mapped = /(tcp|udp) \. 20\d{3} comment/g;
  assert.equal(text.match(mapped)?.length, 4 * count, "ports");
  assert.equal(text.match(/map @ports/g)?.length, 4, "what is shared is there once");
  for (const i of [0, 57, 99]) cni.check(config(i), at(i));

  // Half of them go while the others come anew.
  await Promise.all(
    all.map((i) => (i % 2 ? cni.delAsync(config(i), at(i)) : cni.addAsync(config(i), at(i)))),
  );
  assert.equal(host.sh("nft list ruleset").match(mapped)?.length, 2 * count);
  await Promise.all(all.map((i) => cni.delAsync(config(i), at(i))));
  assert.doesNotMatch(host.sh("nft list ruleset"), /portmap/);
});
