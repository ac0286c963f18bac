/** A container with two ways out, and a machine beyond the host that each of them leads to. */
import type { Config } from "../harness/plugins.ts";
import type { Json, Namespace, Sandbox } from "../harness/sandbox.ts";

/** The container's addresses: `eth0` is the first way, which has the default route. */
export const addresses = {
  eth0: { 4: "10.1.0.2", 6: "2001:db8:1::2" },
  net1: { 4: "10.2.0.2", 6: "2001:db8:2::2" },
} as const;
export const gateways = { 4: "10.2.0.1", 6: "2001:db8:2::1" } as const;

/**
 * Links `a0` and `b0` of the host lead to `eth0` and `net1`. The host forwards, and drops what comes
 * from an address by the other's link.
 */
export function twoWays(box: Sandbox): Namespace {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  host.sh(`ip link add a0 up type veth peer name eth0 netns c1
    ip link add b0 up type veth peer name net1 netns c1
    ip addr add 10.1.0.1/24 dev a0; ip addr add 2001:db8:1::1/64 dev a0 nodad
    ip addr add 10.2.0.1/24 dev b0; ip addr add 2001:db8:2::1/64 dev b0 nodad
    echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    for f in all a0 b0; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done
    nft -f - <<'END'
    add table inet strict
    add chain inet strict in { type filter hook prerouting priority 0; }
    add rule inet strict in iifname a0 ip saddr 10.2.0.0/24 counter drop
    add rule inet strict in iifname b0 ip saddr 10.1.0.0/24 counter drop
    add rule inet strict in iifname a0 ip6 saddr 2001:db8:2::/64 counter drop
    add rule inet strict in iifname b0 ip6 saddr 2001:db8:1::/64 counter drop
END`);
  outside.sh(
    "ip route add 10.0.0.0/8 via 192.0.2.1; ip -6 route add 2001:db8::/32 via 2001:db8:ffff::1",
  );
  container.sh(`ip link set lo up; ip link set eth0 up; ip link set net1 up
    ip addr add 10.1.0.2/24 dev eth0; ip addr add 2001:db8:1::2/64 dev eth0 nodad
    ip addr add 10.2.0.2/24 dev net1; ip addr add 2001:db8:2::2/64 dev net1 nodad
    ip route add default via 10.1.0.1; ip -6 route add default via 2001:db8:1::1
    ip route add 198.51.100.0/24 via 10.2.0.9 dev net1 mtu 1400
    ip route add 203.0.113.0/24 dev net1 scope link metric 7
    ip -6 route add 2001:db8:99::/48 via 2001:db8:2::9 dev net1`);
  return outside;
}

export function sbr(more: object = {}, cniVersion = "1.0.0"): Config {
  return { type: "sbr", cniVersion, ...more };
}

/** The result of what made `net1`. */
export function prevResult(cniVersion = "1.0.0"): Json {
  if (cniVersion < "0.3") {
    return {
      cniVersion,
      ip4: { ip: `${addresses.net1[4]}/24`, gateway: gateways[4] },
      ip6: { ip: `${addresses.net1[6]}/64`, gateway: gateways[6] },
    };
  }
  const version = (v: string) => (cniVersion < "1" ? { version: v } : {});
  return {
    cniVersion,
    interfaces: [{ name: "b0" }, { name: "net1", sandbox: "/run/netns/c1" }],
    ips: [
      { ...version("4"), interface: 1, address: `${addresses.net1[4]}/24`, gateway: gateways[4] },
      { ...version("6"), interface: 1, address: `${addresses.net1[6]}/64`, gateway: gateways[6] },
    ],
  };
}

export const at = { ifName: "net1" };

/** Routes of a table as `ip route` writes them, without those of addresses that the kernel made. */
export function table(container: Namespace, id: number | "main", family: "" | "-6" = ""): string[] {
  const text = container.run([
    "sh",
    "-c",
    `ip ${family} route show table ${id} 2>/dev/null`,
  ]).stdout;
  return text
    .split("\n")
    .map((line) => line.replace(/ pref medium| linkdown/g, "").trim())
    .filter((line) => line !== "");
}

/** Rules that lead elsewhere than the kernel's own, as `FROM TABLE`. */
export function rules(container: Namespace): string[] {
  const all = [...container.json("ip -j rule"), ...container.json("ip -j -6 rule")] as Json[];
  return all
    .filter(({ table: id }) => !["local", "main", "default"].includes(id))
    .map(({ src, table: id }) => `${src} ${id}`)
    .sort();
}
