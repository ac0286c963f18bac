/** A container with an interface that can be tuned. */
import type { Config } from "../harness/plugins.ts";
import type { Json, Namespace, Sandbox } from "../harness/sandbox.ts";

/** Link `v0` of the host leads to `eth0` of the container, which is up and has an address. */
export function cable(host: Namespace, netns = "c1", ifName = "eth0", hostEnd = "v0"): void {
  host.sh(`ip link add ${hostEnd} up type veth peer name ${ifName} netns ${netns}
    ip -n ${netns} link set ${ifName} address 02:00:00:00:00:01 up
    ip -n ${netns} addr add 10.1.2.2/24 dev ${ifName}`);
}

export function prevResult(cniVersion = "1.0.0"): Json {
  if (cniVersion < "0.3") return { cniVersion, ip4: { ip: "10.1.2.2/24" }, dns: {} };
  const version = cniVersion < "1" ? { version: "4" } : {};
  return {
    cniVersion,
    interfaces: [
      { name: "eth0", mac: "02:00:00:00:00:aa" },
      { name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" },
    ],
    ips: [{ ...version, interface: 1, address: "10.1.2.2/24" }],
    ...(cniVersion < "1" && { dns: {} }),
  };
}

export function tuning(more: object = {}, cniVersion = "1.0.0"): Config {
  return { type: "tuning", cniVersion, ...more };
}

/** What can be tuned of the link. */
export function settings(container: Namespace, ifName = "eth0") {
  const { address, mtu, txqlen, promiscuity, flags } = container.link(ifName);
  return {
    ...{ mac: address, mtu, txQLen: txqlen, promiscuity },
    promisc: flags.includes("PROMISC"),
    allmulti: flags.includes("ALLMULTI"),
  };
}

export const stateFile = "/run/cni/tuning/c1_eth0.json";

/** What is saved for DEL; undefined: nothing. */
export function saved({ host }: Sandbox, path = stateFile): Json | undefined {
  const text = host.sh(`cat ${path} 2>/dev/null || true`);
  return text === "" ? undefined : JSON.parse(text);
}
