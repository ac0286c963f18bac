/**
 * ptp, tap and host-device ADD with each of their system calls failing: it says so in one JSON object
 * and leaves what was before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { hostLocal, v4 } from "../harness/configs.ts";
import { failEach, prepareFaults } from "../harness/faults.ts";
import type { Need } from "../harness/kernel.ts";
import { type Config, onlyOurs } from "../harness/sandbox.ts";

const ipam = { ...hostLocal(v4), routes: [{ dst: "192.0.2.0/24" }] };
const kinds: Record<string, [Need[], object]> = {
  ptp: [[], { ipMasq: true }],
  tap: [["CONFIG_TUN"], { owner: 1, multiQueue: true, mtu: 1300, mac: "02:00:00:00:00:07" }],
  "host-device": [[], { device: "dev0" }],
};

for (const [type, [needs, keys]] of Object.entries(kinds)) {
  onlyOurs(
    `${type} ADD with each system call failing`,
    "a failed ADD leaves links, leases and rules",
    { needs, timeout: 300_000 },
    (box) => {
      box.host.sh(`ip link add dev0 type veth peer name cable0; ip link set cable0 up
        ip link set dev0 up alias uplink; ip addr add 198.51.100.1/24 dev dev0`);
      const config: Config = { type, ...keys, ipam };
      const { places, picture } = prepareFaults(box, config);
      assert.deepEqual(failEach(box, config, { places, picture }), []);
    },
  );
}
