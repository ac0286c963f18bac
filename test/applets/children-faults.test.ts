/**
 * macvlan, ipvlan, vlan and dummy ADD with each of their system calls failing: it says so in one
 * JSON object and leaves what was before, or succeeds because the call does not matter.
 */
import assert from "node:assert/strict";
import { ipam4 } from "../harness/children.ts";
import { failEach, type Place, prepareFaults } from "../harness/faults.ts";
import type { Need } from "../harness/kernel.ts";
import { type Config, onlyOurs, type Sandbox } from "../harness/sandbox.ts";

const kinds: Record<string, [Need, object]> = {
  dummy: ["CONFIG_DUMMY", {}],
  ipvlan: ["CONFIG_IPVLAN", { master: "out0" }],
  macvlan: ["CONFIG_MACVLAN", { master: "out0", mode: "passthru", mac: "02:00:00:00:00:77" }],
  vlan: ["CONFIG_VLAN_8021Q", { master: "out0", vlanId: 33 }],
};

/** Not what the lease store does with its files: that is host-local's, as closing is the system's. */
function isOurs({ call, text }: Place): boolean {
  // The guest is slow, and what is not a request goes the same way as here.
  const calls = process.env.CNIBOX_ONLY ? /^(send|write)/ : /^(send|recv|socket|open|write|setns)/;
  return calls.test(call) && !/\/var\/lib\/cni/.test(text);
}

/** What these can leave, told faster than by the whole state: the guest is slow. */
function picture({ host }: Sandbox): string {
  return host.sh(`ip -br link | sed 's/,LOWER_UP//'; ip -n c1 -br link
    find /run /var/lib -type f ! -name lock ! -name .cnibox-tmp ! -name 'last_*' | sort`);
}

for (const [type, [need, keys]] of Object.entries(kinds)) {
  onlyOurs(
    `${type} ADD with each system call failing`,
    "a failed ADD leaves links and leases",
    { needs: [need], timeout: 300_000 },
    (box) => {
      box.addOutside();
      const config: Config = { type, ...keys, ipam: ipam4 };
      const { places } = prepareFaults(box, config);
      const chosen = { places: places.filter(isOurs), picture: () => picture(box) };
      assert(chosen.places.length > 5, `${chosen.places.length} calls`);
      assert.deepEqual(failEach(box, config, chosen), []);
    },
  );
}
