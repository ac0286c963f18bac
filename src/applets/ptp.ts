/**
 * ptp: a container interface at the end of a cable of its own; the host routes packets to it.
 *
 *     { "cniVersion": "1.1.0", "name": "cables", "type": "ptp", "ipMasq": true,
 *       "ipam": { "type": "host-local", "subnet": "10.1.1.0/24" } }
 *
 * Reference: plugins/main/ptp/ptp.go. Differs on purpose: a failed ADD leaves nothing; DEL needs
 * neither the namespace nor the interface; single-address subnets, several addresses of one subnet
 * and shared gateways work; IPv6 need not wait for duplicate address detection; GC removes what no
 * attachment owns; masquerading is native.
 */

import { type AddCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import * as ipam from "../cni/ipam.ts";
import type { Result } from "../cni/result.ts";
import { tryAll } from "../cni/undo.ts";
import { containerInterface, leaseAddresses, requireIpam } from "../net/child.ts";
import { enableForwarding, ignoreRouterAdvertisements } from "../net/forwarding.ts";
import * as iface from "../net/interface.ts";
import * as masquerade from "../net/masquerade.ts";
import * as masqueradeRemoval from "../net/masquerade-removal.ts";
import { alias, attachmentOf, collectLinks, removeHostVeth } from "../net/ownership.ts";
import {
  configureHostEnd,
  configureInside,
  expectHostEnd,
  familiesOf,
} from "../net/point-to-point.ts";
import * as verify from "../net/verify.ts";
import { addVeth } from "../net/veth.ts";

const schema = configSchema({
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
    description: "MTU of both ends; 0: the kernel's default",
  },
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "ptp",
  summary: "Connects a container to the host by a cable of its own, and routes to it",
  schema,
  vet,

  add(call) {
    const { config, host, container, undo } = call;
    const attachment = attachmentOf(call);
    const mtu = config.mtu > 0 ? config.mtu : undefined;
    const outer = addVeth({ attachment, host, container, undo, mtu });
    const inside = container.links.get(attachment.ifName);
    const entry = containerInterface(call, inside);
    const leased = leaseAddresses(call, entry);
    const result = {
      ...leased,
      interfaces: [{ name: outer.name, mac: outer.mac }, entry],
      ips: leased.ips.map((ip) => ({ ...ip, interface: 1 })),
    };
    for (const family of familiesOf(result)) enableForwarding(host, family);
    ignoreRouterAdvertisements(host, outer.name);
    host.links.change(outer.index, { up: true, alias: alias(attachment) });
    configureInside(container, inside, result);
    configureHostEnd(host, outer, result);
    if (config.ipMasq) addMasquerade(call, result);
    return { ...result, dns: iface.chooseDns(config.dns, result.dns) };
  },

  check(call) {
    ipam.check(call);
    const { container } = call;
    const result = verify.requirePrevResult(call);
    const link = verify.expectLink(container, verify.containerEntry(call, result), "veth");
    verify.expectAddresses(container, link, result);
    verify.expectRoutes(container, result.routes);
    expectHostEnd(call, result, link);
  },

  del(call) {
    const { config, host, container } = call;
    const attachment = attachmentOf(call);
    const addresses = container ? iface.globalAddresses(container, attachment.ifName) : [];
    tryAll(
      () => ipam.del(call),
      () => container?.links.remove(attachment.ifName),
      () => removeHostVeth(host, attachment), // its namespace may live on without its name
      () => config.ipMasq && masqueradeRemoval.teardown(host, attachment, addresses),
    );
  },

  gc(call) {
    const { host, network, valid } = call;
    tryAll(
      () => collectLinks(host, network, valid),
      () => ipam.gc(call),
      () => masqueradeRemoval.gc(host, network, valid),
    );
  },

  status(call) {
    vet(call.config);
    ipam.status(call);
  },
});

function vet(config: Conf): void {
  requireIpam(config);
  masquerade.checkBackend(config.ipMasqBackend);
}

function addMasquerade(call: AddCall<Conf>, { ips }: Result): void {
  const { config, host, undo } = call;
  const attachment = attachmentOf(call);
  const addresses = ips.map(({ address }) => address);
  undo.push("remove the masquerade rules", () =>
    masqueradeRemoval.teardown(host, attachment, addresses),
  );
  masquerade.setup(host, attachment, addresses, config.ipMasqBackend);
}
