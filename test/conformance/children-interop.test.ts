/** macvlan, ipvlan and vlan: what one side adds is what the other would, and it can take it away. */
import assert from "node:assert/strict";
import type { Need } from "../harness/kernel.ts";
import type { Json } from "../harness/sandbox.ts";
import { bins, compared, sides } from "./go.ts";

const kinds: Record<string, [Need, object]> = {
  macvlan: ["CONFIG_MACVLAN", { mtu: 1400, mode: "private", mac: "02:00:00:00:00:77" }],
  ipvlan: ["CONFIG_IPVLAN", { mode: "l3" }],
  vlan: ["CONFIG_VLAN_8021Q", { vlanId: 33, mtu: 1400 }],
};
const ranges = [[{ subnet: "192.0.2.0/24", rangeStart: "192.0.2.9", rangeEnd: "192.0.2.9" }]];
const routes = [{ dst: "0.0.0.0/0" }, { dst: "198.51.100.0/24", gw: "192.0.2.2" }];

/**
 * A link without what differs from one to the next. 1.1.1 sets its queue to 0, later ones do not;
 * `operstate` comes a moment later.
 */
function portrait({ ifindex: _, txqlen: __, operstate: ___, ...link }: Json): Json {
  return link;
}

for (const [type, [need, keys]] of Object.entries(kinds)) {
  const told = `${type} by Go and by us: the same, and each removes the other's`;
  const body = (version: string) =>
    compared(
      `${told} [${version}]`,
      ({ host, container, cni, addOutside, reserved }) => {
        addOutside();
        const config = { type, master: "out0", ...keys, cniVersion: version };
        // One address only, so that both sides get the same.
        const full = { ...config, ipam: { type: "host-local", ranges, routes } };
        const made = sides.map((side) => {
          const other = side === "go" ? "ours" : "go";
          const prevResult = cni.add(full, { bin: bins[side] });
          const seen = {
            result: { ...prevResult, dns: prevResult.dns ?? {} }, // 1.1.1 prints an empty one
            link: portrait(container.link("eth0")),
            addresses: container.addresses("eth0"),
            routes: container.routes(),
          };
          if (version >= "0.4.0") cni.check(full, { bin: bins[other], prevResult });
          cni.del(full, { bin: bins[other], prevResult });
          if (other === "go") cni.gc({ ...full, cniVersion: "1.1.0" }, [], { bin: bins.ours });
          assert.deepEqual(container.links(), ["lo"]);
          assert.deepEqual(reserved(), []);
          return seen;
        });
        assert.deepEqual(made[1], made[0]);
        assert.deepEqual(host.links(), ["lo", "out0"]);
      },
      { needs: [need] },
    );
  for (const version of ["0.2.0", "0.4.0", "1.0.0"]) body(version);
}
