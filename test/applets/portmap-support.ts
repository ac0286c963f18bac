/** A bridge with a container whose ports are mapped. */
import { gatewayBridge, v4, v6 } from "../harness/configs.ts";
import type { Attached, CallOptions, Config } from "../harness/plugins.ts";
import type { Namespace, Sandbox } from "../harness/sandbox.ts";
import type { Protocol } from "../harness/servers.ts";

/** With hairpin, as packets back to the same port stay in a bridge that calls iptables. */
export const network: Config = { ...gatewayBridge(v4, v6), hairpinMode: true };

/** Of the link `out0` that `addOutside` makes. */
export const hostAddress = { 4: "192.0.2.1", 6: "2001:db8:ffff::1" };

export function mapping(
  hostPort: number,
  containerPort: number,
  protocol: Protocol | "sctp" = "tcp",
  hostIP?: string,
) {
  return { hostPort, containerPort, protocol, ...(hostIP !== undefined && { hostIP }) };
}

export function portmap(portMappings: object[], more: object = {}): Config {
  return { type: "portmap", ...more, runtimeConfig: { portMappings } };
}

export interface AttachOptions extends CallOptions {
  network?: Config;
}

/** Puts a container on the bridge and maps its ports; returns the handle of the mappings. */
export function attach({ cni }: Sandbox, config: Config, options: AttachOptions = {}): Attached {
  const { network: bridge = network, ...at } = options;
  const names = { ...(config.name !== undefined && { name: config.name }) };
  const prevResult = cni.add({ ...bridge, ...names }, at);
  return cni.attach(config, { ...at, prevResult });
}

/** Another container on the bridge, without mappings. */
export function joined({ cni, addNamespace }: Sandbox, name: string): Namespace {
  const container = addNamespace(name);
  cni.add(network, { container, containerId: name });
  return container;
}

/** What stands before a plugin that is to find no program in PATH, but for the one that it runs on. */
export function withoutPrograms(host: Namespace): string[] {
  host.sh(`mkdir -p /run/bin; ln -sf ${process.execPath} /run/bin/node`);
  return ["env", "PATH=/run/bin"];
}
