/**
 * bridge: a container interface that is a port of a bridge on the host.
 *
 *     { "cniVersion": "1.1.0", "name": "web", "type": "bridge", "bridge": "cni0",
 *       "isDefaultGateway": true, "ipMasq": true,
 *       "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } }
 *
 * Reference: plugins/main/bridge/bridge.go. Differs on purpose: a failed ADD leaves nothing; DEL
 * needs neither the namespace nor the interface; GC removes what no attachment owns; masquerading
 * is native; a layer-2 network can be checked; a default route without a next hop is recognised.
 */

import { type Cidr, network as subnetOf } from "../addr/cidr.ts";
import { add as addToIp, isV4 } from "../addr/ip.ts";
import {
  type AddCall,
  type Asked,
  type Call,
  type CheckCall,
  defineApplet,
} from "../cni/applet.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError, explained } from "../cni/errors.ts";
import * as ipam from "../cni/ipam.ts";
import { emptyResult, type Interface, type Result } from "../cni/result.ts";
import { tryAll } from "../cni/undo.ts";
import type { Link } from "../kernel/links.ts";
import { ensureBridge, ensureGatewayAddress, portsOf } from "../net/bridge.ts";
import { enableForwarding } from "../net/forwarding.ts";
import * as iface from "../net/interface.ts";
import { macSources, requestedMac } from "../net/mac.ts";
import * as masquerade from "../net/masquerade.ts";
import * as masqueradeRemoval from "../net/masquerade-removal.ts";
import { attachmentOf, collectLinks, removeHostVeth } from "../net/ownership.ts";
import { ensureVlanInterface, plug } from "../net/port.ts";
import * as spoofCheck from "../net/spoof-check.ts";
import * as spoofCheckRemoval from "../net/spoof-check-removal.ts";
import * as verify from "../net/verify.ts";
import { addVeth } from "../net/veth.ts";
import { type PortVlans, readPortVlans } from "../net/vlans.ts";

const schema = configSchema({
  bridge: {
    type: "string",
    default: "cni0",
    emptyIsAbsent: true,
    description: "Name of the bridge; made if there is none",
  },
  isGateway: {
    type: "boolean",
    default: false,
    description: "Give the bridge the gateway's address of each subnet, and forward packets",
  },
  isDefaultGateway: {
    type: "boolean",
    default: false,
    description: "As isGateway, and the container's default route leads there",
  },
  forceAddress: {
    type: "boolean",
    default: false,
    description: "Replace an address of the bridge that is in the way, instead of failing",
  },
  ipMasq: {
    type: "boolean",
    default: false,
    description: "Masquerade what the container sends out of its subnet",
  },
  ipMasqBackend: {
    type: "string",
    emptyIsAbsent: true,
    description: "nftables (default: native, no program needed) or iptables",
  },
  mtu: {
    type: "integer",
    default: 0,
    description: "MTU of the pair and of a new bridge; 0: the kernel's default",
  },
  hairpinMode: {
    type: "boolean",
    default: false,
    description: "Let the container reach itself through the bridge",
  },
  promiscMode: {
    type: "boolean",
    default: false,
    description: "Make the bridge promiscuous; excludes hairpinMode",
  },
  vlan: {
    type: "integer",
    default: 0,
    description: "VLAN of the container's untagged packets, 1 to 4094; 0: none",
  },
  vlanTrunk: {
    type: "array",
    description: "VLANs that the container may send and receive tagged",
    items: object({
      minID: { type: "integer", description: "First VLAN of a range" },
      maxID: { type: "integer", description: "Last VLAN of a range" },
      id: { type: "integer", description: "One VLAN" },
    }),
  },
  preserveDefaultVlan: {
    type: "boolean",
    default: false,
    description: "Keep the bridge's default VLAN on the port beside vlan or vlanTrunk",
  },
  macspoofchk: {
    type: "boolean",
    default: false,
    description: "Drop frames from the container with another source MAC than its own",
  },
  enabledad: {
    type: "boolean",
    default: false,
    description: "Duplicate address detection for the container's IPv6 addresses",
  },
  disableContainerInterface: {
    type: "boolean",
    default: false,
    description: "Leave the container's interface down; excludes ipam",
  },
  portIsolation: {
    type: "boolean",
    default: false,
    description: "Isolate the port from other isolated ports of the bridge",
  },
  ...macSources,
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "bridge",
  summary: "Connects a container to a bridge on the host",
  schema,
  cniArgs: { MAC: "MAC address" },

  add(call) {
    const { config, host, container, undo } = call;
    const { vlans, mac } = readSettings(call);
    const mtu = config.mtu > 0 ? config.mtu : undefined;
    const bridge = ensureBridge(
      host,
      {
        name: config.bridge,
        mtu,
        vlanFiltering: vlans.filtering,
        promiscuous: config.promiscMode,
      },
      undo,
    );
    const attachment = attachmentOf(call);
    const port = addVeth({ attachment, host, container, undo, mtu, mac, master: bridge });
    plug({ ...config, host, port, attachment, vlans });
    const inside = container.links.get(attachment.ifName);
    if (config.macspoofchk) {
      explained("failed to setup spoof-check", () =>
        spoofCheck.setup(host, attachment, port.name, inside.mac),
      );
      undo.push("remove the spoof check", () => spoofCheckRemoval.teardown(host, attachment));
    }

    const interfaces: Interface[] = [
      { name: bridge.name, mac: bridge.mac },
      { name: port.name, mac: port.mac },
      { name: inside.name, mac: inside.mac, sandbox: call.attachment.netns },
    ];
    const attached = { bridge, port, inside, interfaces };
    const result = config.ipam?.type ? addLayer3(call, attached) : { ...emptyResult(), interfaces };
    if (!config.ipam?.type && !config.disableContainerInterface) {
      container.links.change(inside.index, { up: true });
    }
    if (!config.disableContainerInterface) awaitCarrier(call, port, bridge);
    interfaces[0] = { name: bridge.name, mac: host.links.get(bridge.index).mac };
    return { ...result, dns: iface.chooseDns(config.dns, result.dns) };
  },

  check(call) {
    const { config, host, container } = call;
    if (config.ipam?.type) ipam.check(call);
    const result = verify.requirePrevResult(call);
    const bridge = checkBridge(call, result);
    const inside = verify.expectLink(container, verify.containerEntry(call, result), "veth");
    checkPort(call, result, bridge, inside);
    for (const { name, sandbox } of result.interfaces) {
      if (!sandbox) host.links.get(name);
    }
    verify.expectAddresses(container, inside, result);
    verify.expectRoutes(container, result.routes);
  },

  del(call) {
    const { config, host, container } = call;
    const attachment = attachmentOf(call);
    const addresses = container ? iface.globalAddresses(container, attachment.ifName) : [];
    tryAll(
      () => isLeased(config) && ipam.del(call), // which gives it back over the link
      () => container?.links.remove(attachment.ifName),
      () => removeHostVeth(host, attachment), // its namespace may live on without its name
      () => !isLeased(config) && ipam.del(call),
      () => config.macspoofchk && spoofCheckRemoval.teardown(host, attachment),
      () => config.ipMasq && masqueradeRemoval.teardown(host, attachment, addresses),
    );
  },

  gc(call) {
    const { config, host, network, valid } = call;
    tryAll(
      () => collectLinks(host, network, valid),
      () => config.ipam?.type && ipam.gc(call),
      () => spoofCheckRemoval.gc(host, network, valid),
      () => masqueradeRemoval.gc(host, network, valid),
    );
  },

  inspect(asked) {
    readSettings(asked);
    masquerade.checkBackend(asked.config.ipMasqBackend);
  },

  status(call) {
    if (call.config.ipam?.type) ipam.status(call);
  },
});

interface Settings {
  vlans: PortVlans;
  mac: string | undefined;
}

/** What the schema cannot say, checked before anything is touched. */
function readSettings(call: Asked<Conf>): Settings {
  const { config } = call;
  const vlans = readPortVlans(config.vlan, config.vlanTrunk);
  const mac = requestedMac(call);
  if (config.ipam?.type && config.disableContainerInterface) {
    throw conflict("cannot use IPAM when DisableContainerInterface flag is set");
  }
  if (config.hairpinMode && config.promiscMode) {
    throw conflict("cannot set hairpin mode and promiscuous mode at the same time");
  }
  return { vlans, mac };
}

function isLeased({ ipam }: Conf): boolean {
  return ipam?.type === "dhcp";
}

function conflict(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}

interface Attached {
  bridge: Link;
  port: Link;
  inside: Link;
  /** Of the result; the VLAN interface is added here. */
  interfaces: Interface[];
}

function addLayer3(call: AddCall<Conf>, attached: Attached): Result {
  const { config, host, container } = call;
  const { inside, interfaces, port, bridge } = attached;
  if (isLeased(config)) {
    // What a client sends before the port forwards is lost, and sent again only seconds later.
    container.links.change(inside.index, { up: true });
    awaitCarrier(call, port, bridge);
  }
  const leased = ipam.add(call);
  if (leased.ips.length === 0)
    throw new CniError("Internal", "IPAM plugin returned missing IP config");

  const isGateway = config.isGateway || config.isDefaultGateway;
  const result = {
    ...leased,
    interfaces,
    ips: leased.ips.map((ip) => {
      const gateway = ip.gateway ?? (isGateway ? firstAddress(ip.address) : undefined);
      return { ...ip, interface: interfaces.length - 1, ...(gateway && { gateway }) };
    }),
    routes: [...leased.routes],
  };
  if (config.isDefaultGateway) addDefaultRoutes(result);

  tuneContainer(call, inside);
  iface.configure(container, inside, result);
  if (isGateway) addGateways(call, attached, result);
  if (config.ipMasq) {
    const attachment = attachmentOf(call);
    const addresses = result.ips.map(({ address }) => address);
    call.undo.push("remove the masquerade rules", () =>
      masqueradeRemoval.teardown(host, attachment, addresses),
    );
    masquerade.setup(host, attachment, addresses, config.ipMasqBackend);
  }
  return result;
}

function firstAddress(address: Cidr): Uint8Array {
  return addToIp(subnetOf(address).ip, 1);
}

/** One default route per family, unless IPAM gave one. */
function addDefaultRoutes(result: Result): void {
  for (const { address, gateway } of result.ips) {
    const family = isV4(address.ip) ? 4 : 6;
    if (!gateway || iface.hasDefaultRoute(result.routes, family)) continue;
    result.routes.push({
      dst: { ip: new Uint8Array(address.ip.length), prefixLength: 0 },
      gw: gateway,
    });
  }
}

/** Before it has addresses and is up: whether it detects duplicates, and that it announces itself. */
function tuneContainer({ config, container }: AddCall<Conf>, { name }: Link): void {
  const ipv6 = ["net", "ipv6", "conf", name] as const;
  if (config.enabledad) container.sysctl.writeIfPresent("1", ...ipv6, "enhanced_dad");
  container.sysctl.writeIfPresent(config.enabledad ? "1" : "0", ...ipv6, "accept_dad");
  container.sysctl.writeIfPresent("1", "net", "ipv4", "conf", name, "arp_notify");
}

function addGateways(
  call: AddCall<Conf>,
  { bridge, port, interfaces }: Attached,
  result: Result,
): void {
  const { config, host, undo } = call;
  const link = config.vlan ? ensureVlanInterface({ ...config, host, bridge, undo }) : bridge;
  if (link !== bridge) interfaces.push({ name: link.name, mac: link.mac });
  const ours = new Set([port.index, link.parent]);
  const shared = () => portsOf(host, bridge.index).some(({ index }) => !ours.has(index));
  for (const family of [4, 6] as const) {
    const ips = result.ips.filter(({ address }) => isV4(address.ip) === (family === 4));
    for (const { address, gateway } of ips) {
      if (!gateway) continue;
      ensureGatewayAddress({
        host,
        link,
        address: { ip: gateway, prefixLength: address.prefixLength },
        force: config.forceAddress,
        undo,
        shared,
      });
    }
    if (ips.length > 0) enableForwarding(host, family);
  }
}

/** The port forwards, and is still the bridge's: a failed ADD beside us may have removed that. */
function awaitCarrier({ host }: Call<Conf>, port: Link, bridge: Link): void {
  const { operState, master } = host.links.waitUntilUp(port.index, 2550);
  if (operState !== "up")
    throw new CniError("Internal", `bridge port in error state: ${operState}`);
  if (master !== bridge.index) {
    throw new CniError("TryAgainLater", `Cannot use bridge "${bridge.name}": it was removed`);
  }
}

function checkBridge({ config, host }: CheckCall<Conf>, result: Result): Link {
  const entry = result.interfaces.filter(({ name }) => name === config.bridge).pop();
  if (!entry || entry.sandbox) {
    throw verify.failed(`Cannot find the host's bridge "${config.bridge}" in prevResult`);
  }
  const bridge = verify.expectLink(host, entry, "bridge");
  // The flag tells what was configured; the count would also tell of somebody's tcpdump.
  const promiscuous = bridge.flags.includes("promiscuous");
  if (promiscuous !== config.promiscMode) {
    throw verify.failed(
      `Interface "${bridge.name}" has another promiscuous mode than configured`,
      `expected ${config.promiscMode}, found ${promiscuous}`,
    );
  }
  return bridge;
}

/** The container's peer is among the result's interfaces and is a port of the bridge. */
function checkPort({ host }: CheckCall<Conf>, result: Result, bridge: Link, inside: Link): void {
  for (const entry of result.interfaces) {
    if (entry.sandbox || entry.name === bridge.name) continue;
    const link = host.links.find(entry.name);
    if (!link || link.index !== inside.parent || link.parent !== inside.index) continue;
    verify.expectLink(host, entry, "veth");
    if (link.master === bridge.index) return;
  }
  throw verify.failed(`CNI veth created for bridge ${bridge.name} was not found`);
}
