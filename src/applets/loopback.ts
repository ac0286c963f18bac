/**
 * loopback: brings up the container's `lo`.
 *
 *     { "cniVersion": "1.0.0", "name": "lo", "type": "loopback" }
 *
 * Reference: plugins/main/loopback/loopback.go. Differs on purpose: the result has the shape of the
 * config's version, also for versions before 1.0.0.
 */
import { formatIp, isLoopback, isV4 } from "../addr/ip.ts";
import { defineApplet } from "../cni/applet.ts";
import { configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import { emptyResult } from "../cni/result.ts";

const lo = "lo";

export default defineApplet({
  name: "loopback",
  summary: "Brings up the loopback interface of a container",
  schema: configSchema({}),

  add({ container, attachment, prevResult, undo }) {
    const link = container.links.get(lo);
    if (!link.up) {
      container.links.change(link.index, { up: true });
      undo.push(`bring "${lo}" down`, () => container.links.change(link.index, { up: false }));
    }

    const addresses = container.addresses.list(link.index).map(({ address }) => address);
    const foreign = addresses.find(({ ip }) => !isLoopback(ip));
    if (foreign) {
      const ip = formatIp(foreign.ip);
      throw new CniError("Internal", `loopback interface found with non-loopback address "${ip}"`);
    }
    if (prevResult) return prevResult;

    const first4 = addresses.find(({ ip }) => isV4(ip));
    const first6 = addresses.find(({ ip }) => !isV4(ip));
    return {
      ...emptyResult(),
      interfaces: [{ name: lo, mac: "00:00:00:00:00:00", sandbox: attachment.netns }],
      ips: [first4, first6].flatMap((address) => (address ? [{ interface: 0, address }] : [])),
    };
  },

  check({ container }) {
    if (!container.links.get(lo).up) throw new CniError("Internal", "loopback interface is down");
  },

  del({ container }) {
    container?.links.change(container.links.get(lo).index, { up: false });
  },
});
