/** Hosts that drop what they do not know, and containers on them. */
import { gatewayBridge, v4, v6 } from "../harness/configs.ts";
import type { Attached, CallOptions, Config } from "../harness/plugins.ts";
import { go, type Namespace, type Sandbox } from "../harness/sandbox.ts";

export const network: Config = gatewayBridge(v4, v6);

/** What the Go plugin of Debian's package knows is the newest that both do. */
export const cniVersion = go ? "1.0.0" : "1.1.0";

export function firewall(more: object = {}): Config {
  return { type: "firewall", cniVersion, ...more };
}

/** As docker leaves a host: forwarded packets are dropped, but for its own. */
export function dropForwarded(host: Namespace, suffix = ""): void {
  host.sh(`for program in iptables${suffix} ip6tables${suffix}; do
      $program -N DOCKER-USER
      $program -A DOCKER-USER -j RETURN
      $program -P FORWARD DROP
      $program -A FORWARD -j DOCKER-USER
      $program -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
    done`);
}

export interface AttachOptions extends CallOptions {
  network?: Config;
}

/** Puts a container on a bridge and behind the firewall; returns the handle of the latter. */
export function attach({ cni }: Sandbox, config: Config, options: AttachOptions = {}): Attached {
  const { network: bridge = network, ...at } = options;
  const name = config.name === undefined ? {} : { name: config.name };
  const prevResult = cni.add({ ...bridge, ...name, cniVersion }, at);
  return cni.attach(config, { ...at, prevResult });
}

/** A machine beyond the host that has routes to the containers; its addresses. */
export function addOutside({ addOutside }: Sandbox): Namespace {
  const outside = addOutside();
  outside.sh(`ip route add 10.1.0.0/16 via 192.0.2.1
    ip route add 2001:db8::/32 via 2001:db8:ffff::1`);
  return outside;
}
export const outsideAddress = { 4: "192.0.2.2", 6: "2001:db8:ffff::2" };

/** The rules of the table `filter` in the words of iptables. */
export function lists(host: Namespace, program = "iptables", of = /./): string[] {
  const lines = host.sh(`${program} -S`).split("\n");
  return lines.filter((line) => line !== "" && of.test(line));
}
