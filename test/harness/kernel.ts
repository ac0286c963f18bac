/**
 * What a case asks of the kernel, and where it therefore runs.
 *
 * A development kernel may lack link types. A case that needs one says so; it runs natively where
 * the kernel has it, and otherwise in the User Mode Linux guest (`test/guest/`).
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";

/** Kernel option → commands that succeed, in a fresh network namespace, only where it is built in. */
const probes = {
  CONFIG_BRIDGE_VLAN_FILTERING:
    "ip link add name l1 type bridge vlan_filtering 1; bridge vlan show",
  CONFIG_DUMMY: "ip link add name l1 type dummy",
  CONFIG_IPVLAN: "ip link add name l1 type veth; ip link add link l1 name l2 type ipvlan",
  CONFIG_MACVLAN: "ip link add name l1 type veth; ip link add link l1 name l2 type macvlan",
  CONFIG_VLAN_8021Q: "ip link add name l1 type veth; ip link add link l1 name l2 type vlan id 5",
  CONFIG_NET_VRF: "ip link add name l1 type vrf table 10",
  CONFIG_IFB: "ip link add name l1 type ifb",
  CONFIG_NET_SCH_TBF:
    "ip link add name l1 type veth; tc qdisc add dev l1 root tbf rate 1mbit burst 9000 latency 9ms",
  CONFIG_NET_ACT_MIRRED: `ip link add name l1 type veth; tc qdisc add dev l1 ingress
    tc filter add dev l1 parent ffff: u32 match u32 0 0 action mirred egress redirect dev l1`,
  CONFIG_TUN: "ip tuntap add name l1 mode tap",
  // nf_tables by family, with what masquerading needs.
  CONFIG_NF_TABLES_IPV4:
    "nft add table ip t; nft add chain ip t c '{ type nat hook postrouting priority 100; }'",
  CONFIG_NF_TABLES_INET:
    "nft add table inet t; nft add chain inet t c '{ type nat hook postrouting priority 100; }'",
  CONFIG_NF_TABLES_BRIDGE: "nft add table bridge t",
  CONFIG_NF_TABLES_NETDEV: "nft add table netdev t",
} as const;

export type Need = keyof typeof probes;

const known = new Map<Need, boolean>();

/** Whether the running kernel has the option. */
export function has(need: Need): boolean {
  let answer = known.get(need);
  if (answer === undefined) {
    const probe = spawnSync("unshare", ["--net", "sh", "-ec", probes[need]], { stdio: "ignore" });
    answer = probe.status === 0;
    known.set(need, answer);
  }
  return answer;
}

/**
 * `here`, `elsewhere` (another pass of this test run has it), or skipped with the reason.
 *
 * The runner sets CNIBOX_DEFER to a file: cases that this kernel cannot run are listed there,
 * as `FILE<tab>NAME`. In the guest CNIBOX_ONLY names that file, and only the listed cases run.
 */
export function whereToRun(name: string, needs: Need[]): "here" | "elsewhere" | { skip: string } {
  const line = `${process.argv[1]}\t${name}`;
  const only = process.env.CNIBOX_ONLY;
  if (only && !readFileSync(only, "utf8").split("\n").includes(line)) return "elsewhere";
  const missing = needs.filter((need) => !has(need));
  if (missing.length === 0) return "here";
  const defer = process.env.CNIBOX_DEFER;
  if (defer) {
    appendFileSync(defer, `${line}\n`);
    return "elsewhere";
  }
  return { skip: `this kernel lacks ${missing.join(", ")}` };
}
