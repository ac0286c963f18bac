/**
 * host-device: a device of the host, moved into the container.
 *
 *     { "cniVersion": "1.1.0", "name": "fast", "type": "host-device", "device": "enp0s1",
 *       "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } }
 *
 * Reference: plugins/main/host-device/host-device.go. Differs on purpose: a failed ADD gives the
 * device back as it was; DEL gives the lease back first, needs neither the namespace nor the device,
 * finds the device where it is and by whatever name; GC gives back what no attachment has.
 */

import { defineApplet } from "../cni/applet.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import * as ipam from "../cni/ipam.ts";
import { emptyResult } from "../cni/result.ts";
import { tryAll } from "../cni/undo.ts";
import { containerInterface, leaseAddresses } from "../net/child.ts";
import { findDevice, isProgramDriven, requireSelector } from "../net/device.ts";
import { collectLoans, endLoan, lend } from "../net/device-loan.ts";
import * as iface from "../net/interface.ts";
import { attachmentOf } from "../net/ownership.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({
  device: {
    type: "string",
    emptyIsAbsent: true,
    description: "Name of the device; of the keys that say which, the first that is given counts",
  },
  hwaddr: { type: "string", emptyIsAbsent: true, description: "MAC address of the device" },
  kernelpath: {
    type: "string",
    emptyIsAbsent: true,
    description: "Where the device is in sysfs, below /sys/devices/",
  },
  pciBusID: {
    type: "string",
    emptyIsAbsent: true,
    description: "PCI address of the device, such as 0000:00:1f.6",
  },
  DPDKMode: {
    type: "boolean",
    default: false,
    description: "Move nothing; of a PCI device its driver says so instead",
  },
  runtimeConfig: object({
    deviceID: {
      type: "string",
      emptyIsAbsent: true,
      description: "PCI address or auxiliary device, instead of pciBusID (capability deviceID)",
    },
  }),
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "host-device",
  summary: "Moves a device of the host into a container",
  schema,
  vet: (config: Conf) => requireSelector(config),

  add(call) {
    const { config, host, container } = call;
    const netnsPath = call.attachment.netns;
    const attachment = attachmentOf(call);
    const link = isProgramDriven(config)
      ? undefined
      : lend(findDevice(host, config), { ...call, attachment, netnsPath });
    const entry = link
      ? containerInterface(call, link)
      : { name: attachment.ifName, sandbox: netnsPath };
    if (!config.ipam?.type) {
      if (link) container.links.change(link.index, { up: true });
      return { ...emptyResult(), interfaces: [entry] };
    }
    const result = leaseAddresses(call, entry);
    if (link) iface.configure(container, link, result);
    return { ...result, dns: config.dns ?? {} };
  },

  check(call) {
    const { config, container } = call;
    ipam.check(call);
    const result = verify.requirePrevResult(call);
    if (isProgramDriven(config)) return;
    const link = verify.expectLink(container, verify.containerEntry(call, result));
    verify.expectAddresses(container, link, result);
    verify.expectRoutes(container, result.routes);
  },

  del(call) {
    const { config, host, container } = call;
    tryAll(
      () => ipam.del(call),
      () => endLoan(host, attachmentOf(call), container, config.device),
    );
  },

  gc(call) {
    const { host, network, valid } = call;
    tryAll(() => ipam.gc(call), ...collectLoans(host, network, valid));
  },

  status: ipam.status,
});
