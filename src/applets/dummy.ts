/**
 * dummy: a container interface that leads nowhere, for addresses that shall be there all the same.
 *
 *     { "cniVersion": "1.1.0", "name": "vip", "type": "dummy",
 *       "ipam": { "type": "static", "addresses": [{ "address": "192.0.2.7/32" }] } }
 *
 * Reference: plugins/main/dummy/dummy.go. Differs on purpose: a failed ADD leaves nothing; CHECK
 * looks at the routes too; DEL works without `ipam`; GC reaches the IPAM plugin.
 */

import { defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import * as ipam from "../cni/ipam.ts";
import {
  addContainerLink,
  containerInterface,
  leaseAddresses,
  removeChild,
  requireIpam,
} from "../net/child.ts";
import * as iface from "../net/interface.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "dummy",
  summary: "Gives a container an interface that leads nowhere, to hold addresses",
  schema,
  vet,

  add(call) {
    const { container } = call;
    const link = addContainerLink(call, container, { info: { kind: "dummy" } });
    const result = leaseAddresses(call, containerInterface(call, link));
    iface.configure(container, link, result);
    return result;
  },

  check(call) {
    ipam.check(call);
    verify.expectConfigured(call, "dummy", ({ name, up }) => {
      if (!up) throw verify.failed(`Interface ${name} is down`);
    });
  },

  del: removeChild,
  gc: ipam.gc,

  status(call) {
    vet(call.config);
    ipam.status(call);
  },
});

function vet(config: Conf): void {
  requireIpam(config, "dummy interface requires an IPAM configuration");
}
