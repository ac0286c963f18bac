/**
 * tap: a tap device in the container, for a virtual machine that runs there.
 *
 *     { "cniVersion": "1.1.0", "name": "vm", "type": "tap", "owner": 107, "group": 107,
 *       "multiQueue": true, "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } }
 *
 * Reference: plugins/main/tap/tap.go. Differs on purpose: a failed ADD leaves nothing; `mtu` and
 * `mac` count whatever else is given; a taken name is an error; no program is run, but for
 * `selinuxContext`; CHECK looks at the device; nothing waits for a carrier that there cannot be.
 */

import { type AddCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import { CniError, explained } from "../cni/errors.ts";
import * as ipam from "../cni/ipam.ts";
import { emptyResult, type Result } from "../cni/result.ts";
import { dataOf, type Link } from "../kernel/links.ts";
import { addTap } from "../kernel/tun.ts";
import { containerInterface, leaseAddresses, removeChild } from "../net/child.ts";
import * as iface from "../net/interface.ts";
import { configuredMac, ownMacSources } from "../net/mac.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({
  multiQueue: {
    type: "boolean",
    default: false,
    description: "Let several queues be attached",
  },
  owner: {
    type: "integer",
    minimum: 0,
    maximum: 0xfffffffe,
    description: "User ID that may attach to the device",
  },
  group: {
    type: "integer",
    minimum: 0,
    maximum: 0xfffffffe,
    description: "Group ID that may attach to the device",
  },
  selinuxContext: {
    type: "string",
    emptyIsAbsent: true,
    description: "SELinux context of the device; the program ip is run to set it",
  },
  bridge: {
    type: "string",
    emptyIsAbsent: true,
    description: "An interface in the container that the device becomes a port of",
  },
  mtu: { type: "integer", default: 0, description: "MTU; 0: the kernel's default" },
  ...ownMacSources,
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "tap",
  summary: "Makes a tap device in a container, for a virtual machine",
  schema,
  cniArgs: { MAC: "MAC address" },

  add(call) {
    const { config } = call;
    const link = addDevice(call);
    const entry = containerInterface(call, link);
    const result: Result = config.ipam?.type
      ? leaseAddresses(call, entry)
      : { ...emptyResult(), interfaces: [entry] };
    if (config.ipam?.type) addLayer3(call, link, result);
    return { ...result, dns: config.dns ?? {} };
  },

  check(call) {
    const { config, container } = call;
    ipam.check(call);
    const result = verify.requirePrevResult(call);
    const link = verify.expectLink(container, verify.containerEntry(call, result), "tun");
    const { owner, group, multiQueue } = dataOf(link.info, "tun") ?? {};
    verify.expectEqual(`Owner of ${link.name}:`, config.owner, owner);
    verify.expectEqual(`Group of ${link.name}:`, config.group, group);
    verify.expectEqual(`Multi-queue of ${link.name}:`, config.multiQueue, multiQueue);
    verify.expectAddresses(container, link, result);
    verify.expectRoutes(container, result.routes);
  },

  del: removeChild,
  gc: ipam.gc,
  status: ipam.status,
});

function addDevice(call: AddCall<Conf>): Link {
  const { config, container, undo, attachment } = call;
  const mac = configuredMac(call);
  const master = config.bridge === undefined ? undefined : findBridge(call, config.bridge);
  const link = explained("failed to create tap", () =>
    addTap(container, { ...config, name: attachment.ifName }),
  );
  undo.push("delete the tap", () => container.links.remove(link.index));
  container.links.change(link.index, {
    mac,
    mtu: config.mtu > 0 ? config.mtu : undefined,
    master: master?.index,
    up: config.ipam?.type ? undefined : true,
  });
  return { ...link, mac: mac ?? link.mac };
}

function findBridge({ container }: AddCall<Conf>, name: string): Link {
  const link = container.links.find(name);
  if (link) return link;
  throw new CniError(
    "InvalidNetworkConfig",
    `failed to lookup bridge "${name}": Link not found`,
    "it must be in the container",
  );
}

/** Not `iface.configure`: nobody is attached yet, so no address can settle. */
function addLayer3({ container }: AddCall<Conf>, link: Link, result: Result): void {
  container.sysctl.writeIfPresent("1", "net", "ipv4", "conf", link.name, "arp_notify");
  iface.bringUp(container, link, result);
  container.routes.addAll(iface.routesOf(link, result));
}
