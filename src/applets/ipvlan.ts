/**
 * ipvlan: a container interface that shares the MAC address of an interface of the host.
 *
 *     { "cniVersion": "1.1.0", "name": "lan", "type": "ipvlan", "master": "eth1", "mode": "l2",
 *       "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } }
 *
 * Behind another plugin in a list it may go without `master`: it sits on the one interface of the
 * previous result; and without `ipam`: it takes that result's addresses.
 *
 * `master` is an interface's name and nothing else. That `"ipam"` meant the interface which the IPAM
 * plugin returns was so in the reference for some weeks of 2017, until chaining took its place.
 *
 * Reference: plugins/main/ipvlan/ipvlan.go. Differs on purpose: a failed ADD leaves nothing; CHECK
 * and DEL need no default route where `master` is absent; GC reaches the IPAM plugin.
 */

import { type AddCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import * as ipam from "../cni/ipam.ts";
import type { Interface } from "../cni/result.ts";
import { dataOf, type Link } from "../kernel/links.ts";
import {
  addContainerLink,
  announceItself,
  containerInterface,
  leaseAddresses,
  meantFor,
  modeFrom,
  removeChild,
  requireIpam,
} from "../net/child.ts";
import * as iface from "../net/interface.ts";
import { findParent, getParent, parentHome, parentKeys } from "../net/parent.ts";
import * as verify from "../net/verify.ts";

const modes = ["l2", "l3", "l3s"] as const;

const schema = configSchema({
  ...parentKeys,
  master: {
    ...parentKeys.master,
    description:
      "The interface to sit on; default: the one of the previous result, or that of the default route",
  },
  mode: {
    type: "string",
    default: "l2",
    emptyIsAbsent: true,
    examples: modes,
    description: "Where packets are switched: l2, l3, l3s (l3 with the host's connection tracking)",
  },
  mtu: { type: "integer", default: 0, description: "MTU; 0: the master's" },
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "ipvlan",
  summary: "Gives a container an interface that shares the MAC of one of the host",
  schema,
  vet: ({ mode }) => void modeOf(mode),

  add(call) {
    const { config, container } = call;
    const inherited = config.ipam?.type ? undefined : call.prevResult;
    if (!inherited?.ips.length) requireIpam(config);
    const link = addLink(call);
    const only = containerInterface(call, link);
    const result = inherited ? meantFor(only, inherited) : leaseAddresses(call, only);
    announceItself(container, link.name);
    iface.configure(container, link, result);
    return { ...result, dns: config.dns ?? {} };
  },

  check(call) {
    const { master, mode } = call.config;
    ipam.check(call);
    verify.expectConfigured(call, "ipvlan", ({ info }) => {
      if (master !== undefined) getParent(call, master);
      verify.expectEqual("Container IPVlan mode", modeOf(mode), dataOf(info, "ipvlan")?.mode);
    });
  },

  del: removeChild,
  gc: ipam.gc,
  status: ipam.status,
});

function addLink(call: AddCall<Conf>): Link {
  const { mode, mtu } = call.config;
  return addContainerLink(call, parentHome(call), {
    parent: chooseParent(call).index,
    mtu: mtu > 0 ? mtu : undefined,
    info: { kind: "ipvlan", data: { mode: modeOf(mode) } },
  });
}

function chooseParent(call: AddCall<Conf>): Link {
  const { prevResult, config } = call;
  if (config.master !== undefined || !prevResult) return findParent(call);
  return getParent(call, onlyName(prevResult.interfaces));
}

function onlyName([first, ...others]: readonly Interface[]): string {
  if (first?.name && others.length === 0) return first.name;
  throw new CniError(
    "InvalidNetworkConfig",
    "chained master failure. PrevResult lacks a single named interface",
    `it has ${others.length + (first ? 1 : 0)} interfaces, and "master" is not configured`,
  );
}

function modeOf(text: string): (typeof modes)[number] {
  return modeFrom("ipvlan", modes, text);
}
