/** A container with two interfaces, and a neighbour at the other end of each. */
import type { Need } from "../harness/kernel.ts";
import type { CallOptions, Config } from "../harness/plugins.ts";
import type { Json, Namespace, Sandbox } from "../harness/sandbox.ts";

export const needs: Need[] = ["CONFIG_NET_VRF"];

/**
 * `e1` leads to the namespace `n1`, `e2` to `n2`; both have 10.9.0.2/24 and 2001:db8:9::2/64. The
 * neighbours share .1 and ::1, and have one address that the other lacks: .11 and .12, ::11 and ::12.
 */
export function twoNeighbours({ container, addNamespace }: Sandbox): [Namespace, Namespace] {
  const neighbours = ([1, 2] as const).map((i) => {
    const neighbour = addNamespace(`n${i}`);
    neighbour.sh(`ip link add up0 type veth peer name e${i} netns c1
      ip link set up0 up; ip addr add 10.9.0.1/24 dev up0; ip addr add 10.9.0.1${i}/24 dev up0
      ip addr add 2001:db8:9::1/64 dev up0 nodad; ip addr add 2001:db8:9::1${i}/64 dev up0 nodad`);
    container.sh(`ip link set e${i} up; ip addr add 10.9.0.2/24 dev e${i}
      ip addr add 2001:db8:9::2/64 dev e${i} nodad`);
    return neighbour;
  });
  return neighbours as [Namespace, Namespace];
}

/** A link of the container without anybody at its end. */
export function lone({ host }: Sandbox, name: string, address = "10.7.0.2/24"): void {
  host.sh(`ip link add p-${name} up type veth peer name ${name} netns c1
    ip -n c1 link set ${name} up; ip -n c1 addr add ${address} dev ${name}`);
}

export function vrf(vrfname: string, more: object = {}, cniVersion = "1.0.0"): Config {
  return { type: "vrf", cniVersion, vrfname, ...more };
}

export function at(ifName: string, cniVersion = "1.0.0"): CallOptions {
  const version = cniVersion < "1" ? { version: "4" } : {};
  const prevResult = {
    cniVersion,
    interfaces: [{ name: ifName, sandbox: "/run/netns/c1" }],
    ips: [{ ...version, interface: 0, address: "10.9.0.2/24" }],
    routes: [{ dst: "10.10.0.0/16", gw: "10.9.0.1" }],
  };
  return { ifName, prevResult };
}

/** The VRF that a link is part of. */
export function masterOf(container: Namespace, name: string): string | undefined {
  return container.link(name).master;
}

export function tableOf(container: Namespace, name: string): number {
  return container.link(name).linkinfo.info_data.table;
}

/** Routes of a table, as `ip route` writes them, without those that the kernel makes of itself. */
export function routes(container: Namespace, table: number | "main", family = "-4"): string[] {
  const options = `${family} route show table ${table}`;
  const { stdout } = container.run(["sh", "-c", `ip ${options} 2>/dev/null`]);
  return stdout
    .split("\n")
    .map((line) => line.replace(/ pref medium| linkdown/g, "").trim())
    .filter((line) => line !== "" && !/^(local|broadcast|anycast|multicast|ff00|fe80)/.test(line))
    .sort();
}

/** Addresses that are not the kernel's own, of both families. */
export function addresses(container: Namespace, name: string): string[] {
  return container
    .json(`ip -j addr show dev ${name}`)[0]
    .addr_info.filter((a: Json) => a.scope !== "link")
    .map((a: Json) => `${a.local}/${a.prefixlen}${a.tentative ? " tentative" : ""}`)
    .sort();
}
