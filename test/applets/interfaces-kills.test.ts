/**
 * ADD of the other interface plugins killed at its system calls: DEL leaves what was before. Where the
 * kernel minds an interface of the container's name on the host, that is there, too.
 */
import assert from "node:assert/strict";
import { ipam4 } from "../harness/children.ts";
import { hostLocal, v4 } from "../harness/configs.ts";
import { killEach, type Place, prepareFaults } from "../harness/faults.ts";
import type { Need } from "../harness/kernel.ts";
import { type Config, type Json, onlyOurs, type Sandbox } from "../harness/sandbox.ts";

const ipam = { ...hostLocal(v4), routes: [{ dst: "192.0.2.0/24" }] };
const child = { master: "out0", ipam: ipam4 };
const kinds: Record<string, [Need[], object]> = {
  dummy: [["CONFIG_DUMMY"], { ipam }],
  "host-device": [[], { device: "dev0", ipam }],
  ipvlan: [["CONFIG_IPVLAN"], child],
  macvlan: [["CONFIG_MACVLAN"], { ...child, mode: "bridge", mac: "02:00:00:00:00:77" }],
  ptp: [[], { ipMasq: true, ipam }],
  tap: [["CONFIG_TUN"], { multiQueue: true, mtu: 1300, ipam }],
  vlan: [["CONFIG_VLAN_8021Q"], { ...child, vlanId: 33 }],
};

/** Not what the lease store does with its files: that is host-local's. The guest is slow. */
function isOurs({ call, text }: Place): boolean {
  return (
    (!process.env.CNIBOX_ONLY || call.startsWith("send")) && !text.includes("/var/lib/cni/net")
  );
}

/** What these can leave, told faster than by the whole state. Whether a cable is plugged comes late. */
function picture({ host }: Sandbox) {
  const links = [...host.json("ip -j addr"), ...host.json("ip -n c1 -j addr")];
  const rest = host.sh(`nft list ruleset; cat /proc/sys/net/ipv4/ip_forward
    find /run /var/lib -type f ! -name lock ! -name .cnibox-tmp ! -name 'last_*' | sort`);
  return [
    rest,
    ...links.map(({ ifname, flags, ifalias, mtu, addr_info }: Json) => {
      const addresses = addr_info.filter(({ scope }: Json) => scope === "global");
      return { ifname, isUp: flags.includes("UP"), ifalias, mtu, addresses };
    }),
  ];
}

for (const [type, [needs, keys]] of Object.entries(kinds)) {
  onlyOurs(
    `${type} ADD killed between its system calls`,
    "an ADD that is cut off leaves links, leases and rules",
    { needs, timeout: 300_000 },
    (box) => {
      box.addOutside();
      box.host.sh(`ip link add dev0 type veth peer name cable0; ip link set cable0 up
        ip link set dev0 up alias uplink; ip addr add 198.51.100.1/24 dev dev0
        ip link add eth0 type veth peer name cable1`);
      const config: Config = { type, ...keys };
      const { places } = prepareFaults(box, config);
      const chosen = { places: places.filter(isOurs), picture: () => picture(box) };
      assert(chosen.places.length > 2, `${chosen.places.length} calls`);
      assert.deepEqual(
        killEach(box, config, chosen, () => box.cni.del(config)),
        [],
      );
    },
  );
}
