/** ptp and host-device by Go and by us: the same is made, and one removes what the other made. */
import assert from "node:assert/strict";
import { hostLocal } from "../harness/configs.ts";
import type { Config } from "../harness/plugins.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { differences, type Explained, leaves, picture, withoutRandom } from "./compare.ts";
import { bins, commonVersions, compared, type Side, sides } from "./go.ts";

const dual = hostLocal("10.1.2.0/24", "2001:db8:42::/64");
const routes = [
  { dst: "0.0.0.0/0" },
  { dst: "192.0.2.0/24", gw: "10.1.2.1" },
  { dst: "198.51.100.0/24", gw: "10.1.2.9" },
  { dst: "::/0" },
];
const addresses = [{ address: "10.3.0.9/16", gateway: "10.3.0.7" }];

const configs: Record<string, Config> = {
  "ptp IPv4": { type: "ptp", ipam: hostLocal("10.1.2.0/24") },
  "ptp IPv6": { type: "ptp", ipam: hostLocal("2001:db8:42::/64") },
  "ptp dual stack": { type: "ptp", ipam: dual, dns: { search: ["a.example"] } },
  "ptp routes": { type: "ptp", ipam: { ...dual, routes } },
  "ptp static": { type: "ptp", ipam: { type: "static", addresses } },
  "ptp MTU": { type: "ptp", mtu: 1400, ipam: dual },
  "ptp ipMasq": { type: "ptp", ipMasq: true, ipMasqBackend: "iptables", ipam: dual },
  "host-device": { type: "host-device", device: "dev0", dns: { search: ["b"] }, ipam: dual },
  "host-device layer 2": { type: "host-device", device: "dev0" },
};

const explained: Explained = [
  [/^container\.sysctls\.ipv6\/conf\/eth0\/keep_addr_on_down$/, "set by Go since 1.2"],
  [/^result\.dns$/, "Go 1.1.1 prints an empty dns in 1.0.0"],
  [/^host\.links\.\d\.ifalias$/, "ours says whose cable it is, so that DEL and GC find it"],
  [/\.txqlen$/, "0 there is an accident of its library; ours leaves the kernel's default"],
  [/\.addr_info\.\d\.(nodad|noprefixroute)$/, "ours is usable at once, and deletes no route"],
];

const other = (side: Side): Side => (side === "go" ? "ours" : "go");

function device({ host }: Sandbox) {
  host.sh(`ip link add dev0 address 02:00:00:00:00:01 type veth peer name cable0
    ip link set cable0 address 02:00:00:00:00:02 up`);
}

/** Until the kernel has noticed the carrier, and has checked the link-local addresses. */
const settled = `for i in $(seq 100); do
    ! ip link | grep -q NO-CARRIER && ! ip -6 addr show tentative | grep -q inet6 &&
    [ $(ip -o -6 addr show scope link | wc -l) = $(ip -o link show type veth up | wc -l) ] && exit 0
    sleep 0.05; done; ip addr; exit 1`;

function pictureOfAdd({ host, container, cni }: Sandbox, side: Side, config: Config) {
  const result = cni.add(config, { bin: bins[side] });
  for (const side of [host, container]) side.sh(settled);
  const outer = host.links().filter((name) => name.startsWith("veth"));
  const shown = {
    result,
    host: picture(host, outer),
    container: picture(container, ["eth0"]),
  };
  cni.del(config, { bin: bins[side], prevResult: result });
  host.sh(`rm -rf /var/lib/cni; nft flush ruleset
    ip link set dev0 alias '' 2>/dev/null || true
    echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding`);
  return leaves(withoutRandom(shown), "");
}

for (const [name, base] of Object.entries(configs)) {
  const all = name === "ptp dual stack" || name === "host-device";
  for (const cniVersion of all ? commonVersions : commonVersions.slice(-1)) {
    compared(`go and ours do the same: ${name} [${cniVersion}]`, (box) => {
      if (base.type === "host-device") device(box);
      const config = { ...base, cniVersion };
      const [theirs, ours] = sides.map((side) => pictureOfAdd(box, side, config));
      assert(theirs && ours && theirs.size > 100);
      assert.deepEqual(differences(theirs, ours, explained), []);
    });
  }

  for (const adder of sides) {
    const remover = other(adder);
    compared(`${adder} ADDs, ${remover} CHECKs and DELs: ${name}`, (box) => {
      const { host, container, cni, reserved } = box;
      if (base.type === "host-device") device(box);
      const config = { ...base, cniVersion: "1.0.0" };
      const links = host.links();
      const prevResult = cni.add(config, { bin: bins[adder] });
      // 1.1.1 finds no route that has no gateway of its own.
      if (remover === "ours" || name !== "ptp routes")
        cni.check(config, { bin: bins[remover], prevResult });
      cni.del(config, { bin: bins[remover], prevResult });
      assert.deepEqual([host.links(), container.links(), reserved()], [links, ["lo"], []]);
      if (base.type === "host-device" && remover === "ours") {
        assert.equal(host.link("dev0").ifalias, undefined);
      }
      if (base.ipMasq && remover === "ours") assert.deepEqual(host.state().iptables, []);
    });
  }
}
