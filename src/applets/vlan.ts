/**
 * vlan: a container interface that is one VLAN of an interface of the host.
 *
 *     { "cniVersion": "1.1.0", "name": "dmz", "type": "vlan", "master": "eth1", "vlanId": 42,
 *       "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } }
 *
 * Reference: plugins/main/vlan/vlan.go. Differs on purpose: a failed ADD leaves nothing; DEL needs
 * neither the master nor, with linkInContainer, the namespace; an error of the IPAM plugin keeps its
 * code; GC reaches the IPAM plugin.
 */

import { type AddCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import * as ipam from "../cni/ipam.ts";
import { dataOf, type Link } from "../kernel/links.ts";
import {
  addContainerLink,
  containerInterface,
  leaseAddresses,
  removeChild,
  requireIpam,
} from "../net/child.ts";
import * as iface from "../net/interface.ts";
import { findParent, getParent, mtuWithin, parentHome, parentKeys } from "../net/parent.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({
  ...parentKeys,
  master: {
    type: "string",
    emptyIsAbsent: true,
    description: "The interface to sit on; required",
  },
  vlanId: { type: "integer", default: 0, description: "VLAN ID (802.1Q), 0 to 4094" },
  mtu: { type: "integer", default: 0, description: "MTU, at most the master's; 0: the master's" },
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "vlan",
  summary: "Gives a container one VLAN of an interface of the host",
  schema,
  vet,

  add(call) {
    const { config, container } = call;
    const link = addLink(call);
    const result = leaseAddresses(call, containerInterface(call, link));
    iface.configure(container, link, result);
    return { ...result, dns: config.dns ?? {} };
  },

  check(call) {
    const { master = "", vlanId, mtu } = call.config;
    ipam.check(call);
    verify.expectConfigured(call, "vlan", (link) => {
      getParent(call, master);
      verify.expectEqual(`VLAN ID of ${link.name}:`, vlanId, dataOf(link.info, "vlan")?.id);
      if (mtu !== 0) verify.expectEqual(`MTU of ${link.name}:`, mtu, link.mtu);
    });
  },

  del: removeChild,
  gc: ipam.gc,

  status(call) {
    vet(call.config);
    ipam.status(call);
  },
});

/** What the schema cannot say. */
function vet(config: Conf): void {
  const { master, vlanId } = config;
  if (master === undefined) {
    throw invalid(
      '"master" field is required. It specifies the host interface name to create the VLAN for',
    );
  }
  if (vlanId < 0 || vlanId > 4094) {
    throw invalid(`invalid VLAN ID ${vlanId} (must be between 0 and 4094 inclusive)`);
  }
  requireIpam(config);
}

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}

function addLink(call: AddCall<Conf>): Link {
  const { vlanId, mtu } = call.config;
  const parent = findParent(call);
  return addContainerLink(call, parentHome(call), {
    parent: parent.index,
    mtu: mtuWithin(parent, mtu),
    info: { kind: "vlan", data: { id: vlanId } },
  });
}
