/** tuning: many at once, with one directory for what is saved. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import { prevResult, tuning } from "./tuning-support.ts";

const count = 60;

onlyOurs(`${count} at once, then ${count} DELs`, "nothing is written whole", async (box) => {
  const { host, container, cni } = box;
  const all = Array.from({ length: count }, (_, i) => i);
  host.sh(all.map((i) => `ip link add v${i} type veth peer name e${i} netns c1`).join("\n"));
  const config = (i: number) => tuning({ mtu: 1300 + i, promisc: true });
  const at = (i: number) => ({ prevResult: prevResult(), ifName: `e${i}` });
  const mtus = () => {
    const links = container
      .json("ip -j link")
      .filter(({ ifname }: { ifname: string }) => ifname !== "lo");
    return links.map(({ mtu }: { mtu: number }) => mtu).sort();
  };
  await Promise.all(all.map((i) => cni.addAsync(config(i), at(i))));
  assert.deepEqual(
    mtus(),
    all.map((i) => 1300 + i),
  );
  // Half of them go while the others come anew.
  await Promise.all(
    all.map((i) => (i % 2 ? cni.delAsync(config(i), at(i)) : cni.addAsync(config(i), at(i)))),
  );
  assert.equal(mtus().filter((mtu: number) => mtu === 1500).length, count / 2);
  await Promise.all(all.map((i) => cni.delAsync(config(i), at(i))));
  assert.deepEqual(
    mtus(),
    all.map(() => 1500),
  );
  assert.equal(host.sh("ls -A /run/cni/tuning | grep -v ^.cnibox || true"), "");
});
