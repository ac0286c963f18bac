/**
 * macvlan: a container interface with a MAC address of its own on an interface of the host.
 *
 *     { "cniVersion": "1.1.0", "name": "lan", "type": "macvlan", "master": "eth1",
 *       "ipam": { "type": "dhcp" } }
 *
 * Reference: plugins/main/macvlan/macvlan.go. Differs on purpose: a failed ADD leaves nothing; a MAC
 * that nobody asked for is derived from the attachment, so that it is unique among machines and
 * stays; `mac` counts with `passthru` too; CHECK needs no default route; GC reaches the IPAM plugin.
 */

import { type AddCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import * as ipam from "../cni/ipam.ts";
import { emptyResult } from "../cni/result.ts";
import { dataOf, type Link } from "../kernel/links.ts";
import {
  addContainerLink,
  announceItself,
  containerInterface,
  leaseAddresses,
  modeFrom,
  removeChild,
} from "../net/child.ts";
import * as iface from "../net/interface.ts";
import { configuredMac, derivedMac, ownMacSources } from "../net/mac.ts";
import { attachmentOf } from "../net/ownership.ts";
import { findParent, getParent, mtuWithin, parentHome, parentKeys } from "../net/parent.ts";
import * as verify from "../net/verify.ts";

const modes = ["bridge", "private", "vepa", "passthru"] as const;

const schema = configSchema({
  ...parentKeys,
  mode: {
    type: "string",
    default: "bridge",
    emptyIsAbsent: true,
    examples: modes,
    description: "How interfaces on one master reach each other: bridge, private, vepa, passthru",
  },
  mtu: {
    type: "integer",
    default: 0,
    description: "MTU, at most the master's; 0: the master's",
  },
  bcqueuelen: {
    type: "integer",
    default: 0,
    minimum: 0,
    maximum: 0xffffffff,
    description: "How many broadcast packets the master may queue; 0: the kernel's default",
  },
  ...ownMacSources,
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "macvlan",
  summary: "Gives a container an interface with its own MAC on an interface of the host",
  schema,
  cniArgs: { MAC: "MAC address" },
  vet: ({ mode }) => void modeOf(mode),

  add(call) {
    const { config, container } = call;
    const link = addLink(call);
    const only = containerInterface(call, link);
    const dns = config.dns ?? {};
    if (!config.ipam?.type) {
      container.links.change(link.index, { up: true });
      return { ...emptyResult(), interfaces: [only], dns };
    }
    const result = leaseAddresses(call, only);
    announceItself(container, link.name);
    iface.configure(container, link, result);
    return { ...result, dns };
  },

  check(call) {
    const { master, mode, mtu } = call.config;
    ipam.check(call);
    verify.expectConfigured(call, "macvlan", ({ info }) => {
      if (master !== undefined) mtuWithin(getParent(call, master), mtu);
      verify.expectEqual("container macvlan mode", modeOf(mode), dataOf(info, "macvlan")?.mode);
    });
  },

  del: removeChild,
  gc: ipam.gc,
  status: ipam.status,
});

function addLink(call: AddCall<Conf>): Link {
  const { config, container } = call;
  const mode = modeOf(config.mode);
  const asked = configuredMac(call);
  const parent = findParent(call);
  const link = addContainerLink(call, parentHome(call), {
    parent: parent.index,
    mtu: mtuWithin(parent, config.mtu),
    mac: asked ?? derivedMac(attachmentOf(call)),
    info: {
      kind: "macvlan",
      data: {
        mode,
        ...(config.bcqueuelen > 0 && { broadcastQueueLength: config.bcqueuelen }),
      },
    },
  });
  // With passthru the kernel takes the master's MAC, and a later change changes both.
  if (!asked || asked === link.mac) return link;
  container.links.change(link.index, { mac: asked });
  return { ...link, mac: asked };
}

function modeOf(text: string): (typeof modes)[number] {
  return modeFrom("macvlan", modes, text);
}
