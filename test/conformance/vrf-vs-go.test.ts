/** vrf by Go and by us: the same is made, and one takes away what the other has made. */
import assert from "node:assert/strict";
import {
  addresses,
  at,
  masterOf,
  needs,
  routes,
  tableOf,
  twoNeighbours,
  vrf,
} from "../applets/vrf-support.ts";
import { bins, compared, sides } from "./go.ts";

const made = `ip route add 10.10.0.0/16 via 10.9.0.11 dev e1
  ip route add default via 10.9.0.1 dev e1
  ip -6 route add 2001:db8:77::/64 via 2001:db8:9::11 dev e1`;

/** Debian's 1.1.1 does not move routes yet: theirs of version 1.4 are told by the tests of the plugin. */
const isConnected = (line: string) => line.includes("proto kernel");

for (const cniVersion of ["0.3.1", "1.0.0"]) {
  const seen: unknown[] = [];
  for (const side of sides) {
    compared(
      `a VRF by ${side} [${cniVersion}]`,
      (box) => {
        const { container, cni } = box;
        twoNeighbours(box);
        container.sh(made);
        const options = at("e1", cniVersion);
        const result = cni.add(vrf("red", {}, cniVersion), { ...options, bin: bins[side] });
        const red = container.link("red");
        seen.push({
          result: { dns: {}, ...result },
          link: [red.linkinfo, red.flags.filter((flag: string) => flag !== "LOWER_UP"), red.mtu],
          ...{ master: masterOf(container, "e1"), table: tableOf(container, "red") },
          addresses: addresses(container, "e1").map((text) => text.replace(" tentative", "")),
          connected: [routes(container, 1), routes(container, 1, "-6")].map((lines) =>
            lines.filter(isConnected),
          ),
          main: [routes(container, "main"), routes(container, "main", "-6")],
        });
        if (side === "ours") assert.deepEqual(seen[1], seen[0]);
      },
      { needs },
    );
  }
}

for (const adder of sides) {
  const remover = adder === "go" ? "ours" : "go";
  compared(
    `${adder} ADDs, ${remover} CHECKs and DELs`,
    (box) => {
      const { container, cni } = box;
      const [one] = twoNeighbours(box);
      for (const name of ["e1", "e2"]) cni.add(vrf("red"), { ...at(name), bin: bins[adder] });
      assert(one.reaches("10.9.0.2"));
      for (const name of ["e1", "e2"]) cni.check(vrf("red"), { ...at(name), bin: bins[remover] });
      cni.del(vrf("red"), { ...at("e1"), bin: bins[remover] });
      assert.equal(masterOf(container, "e2"), "red");
      cni.del(vrf("red"), { ...at("e2"), bin: bins[remover] });
      assert.deepEqual(container.links(), ["e1", "e2", "lo"]);
    },
    { needs },
  );
}
