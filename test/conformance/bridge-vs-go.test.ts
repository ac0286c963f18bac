/** The same ADD by Go and by us: the same links, addresses, routes, sysctls and result. */
import assert from "node:assert/strict";
import { gatewayBridge, hostLocal, switchBridge } from "../harness/configs.ts";
import type { CallOptions, Config } from "../harness/plugins.ts";
import type { Sandbox } from "../harness/sandbox.ts";
import { differences, type Explained, leaves, picture, withoutRandom } from "./compare.ts";
import { bins, commonVersions, compared, type Side, sides } from "./go.ts";

const dual = ["10.1.2.0/24", "2001:db8:42::/64"];
const mac = { args: "IgnoreUnknown=1;MAC=02:00:00:00:00:05" };
const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9" }, { dst: "198.51.100.0/24" }];

const cases: Record<string, [Config, CallOptions?]> = {
  IPv4: [gatewayBridge()],
  IPv6: [gatewayBridge("2001:db8:42::/64")],
  "dual stack": [gatewayBridge(...dual)],
  isGateway: [{ ...gatewayBridge(...dual), isDefaultGateway: false, isGateway: true }],
  "no gateway": [{ ...gatewayBridge(...dual), isDefaultGateway: false }],
  "layer 2": [switchBridge],
  hairpin: [{ ...gatewayBridge(), hairpinMode: true }],
  promiscuous: [{ ...gatewayBridge(), promiscMode: true }],
  MTU: [{ ...gatewayBridge(), mtu: 1400 }],
  MAC: [gatewayBridge(), mac],
  routes: [{ ...gatewayBridge(), ipam: { ...hostLocal("10.1.2.0/24"), routes } }],
  "ipMasq by iptables": [{ ...gatewayBridge(...dual), ipMasq: true, ipMasqBackend: "iptables" }],
  macspoofchk: [{ ...gatewayBridge(), macspoofchk: true }],
  static: [
    {
      ...gatewayBridge(),
      ipam: { type: "static", addresses: [{ address: "10.3.0.9/16", gateway: "10.3.0.7" }] },
    },
  ],
};

/** What differs on purpose: a path in the picture, and why. */
const explained: Explained = [
  [/^container\.sysctls\.ipv6\/conf\/eth0\/keep_addr_on_down$/, "set by Go since 1.2"],
  [/^result\.dns$/, "Go 1.1.1 prints an empty dns in 1.0.0"],
  [/^host\.links\.\d\.ifalias$/, "ours says whose port it is, so that DEL and GC find it"],
  [/\.txqlen$/, "0 there is an accident of its library; ours leaves the kernel's default"],
  [/^host\.links\.0\.addr_info\.\d\.nodad$/, "ours lets the gateway answer at once"],
];

/** Until the kernel has noticed the carrier, and a moment for what follows from it. */
const settled =
  "for i in $(seq 100); do ip link | grep -q NO-CARRIER || break; sleep 0.02; done; sleep 0.05";

function pictureOfAdd(
  { host, container, cni }: Sandbox,
  side: Side,
  config: Config,
  options: CallOptions,
) {
  const call = { ...options, bin: bins[side] };
  const result = cni.add(config, call);
  for (const side of [host, container]) side.sh(settled);
  const veth = host.links().find((name) => name.startsWith("veth")) ?? "";
  const shown = {
    result,
    host: picture(host, ["br0", veth]),
    container: picture(container, ["eth0"]),
  };
  cni.del(config, { ...call, prevResult: result });
  host.sh(
    "ip link del br0; rm -rf /var/lib/cni; echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; nft flush ruleset",
  );
  return leaves(withoutRandom(shown), "");
}

for (const [name, [base, options = {}]] of Object.entries(cases)) {
  const able = base === switchBridge ? commonVersions.slice(2) : commonVersions;
  // Every version for one case, the newest for the others: what a version changes is the result.
  for (const cniVersion of name === "dual stack" ? able : able.slice(-1)) {
    compared(`go and ours do the same: ${name} [${cniVersion}]`, (box) => {
      const config = { ...base, cniVersion };
      const [theirs, ours] = sides.map((side) => pictureOfAdd(box, side, config, options));
      assert(theirs && ours && theirs.size > 100);
      assert.deepEqual(differences(theirs, ours, explained), []);
    });
  }
}
