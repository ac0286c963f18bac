/**
 * vrf: puts an interface into a virtual router (VRF) of its container: a routing table of its own. It
 * stands in a chain, after what made the interface.
 *
 *     { "type": "vrf", "vrfname": "blue" }
 *
 * Reference: plugins/meta/vrf. Differs on purpose: see `net/vrf.ts`; CHECK compares the table too.
 */
import { defineApplet } from "../cni/applet.ts";
import { configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import * as verify from "../net/verify.ts";
import { findDamage, isSupported, join, leave } from "../net/vrf.ts";

const schema = configSchema(
  {
    vrfname: { type: "string", description: "Name of the VRF; made if there is none" },
    table: {
      type: "integer",
      default: 0,
      description: "Routing table of the VRF; 0: one that nothing uses",
    },
  },
  ["vrfname"],
);

export default defineApplet({
  name: "vrf",
  summary: "Puts an interface into a virtual router of its container",
  schema,

  vet({ vrfname, table }) {
    if (vrfname === "") throw invalid("configuration is expected to have a valid vrf name");
    if (table < 0 || table > 0xffffffff) {
      throw invalid(`invalid table ${table}: it must be between 0 and ${0xffffffff}`);
    }
  },

  add({ config, attachment, container, undo, prevResult }) {
    if (!prevResult) throw invalid("missing prevResult from earlier plugin");
    join(container, attachment.ifName, config.vrfname, config.table, undo);
    return prevResult;
  },

  check(call) {
    const { config, attachment, container } = call;
    verify.requirePrevResult(call);
    const { vrfname, table } = config;
    const damage = findDamage(container, attachment.ifName, vrfname, table);
    if (damage !== undefined) throw verify.failed(`The interface's VRF is damaged: ${damage}`);
  },

  del({ config, attachment, container }) {
    if (container) leave(container, attachment.ifName, config.vrfname);
  },

  status() {
    if (!isSupported()) {
      throw new CniError(
        "PluginNotAvailable",
        "Cannot make a VRF: the kernel lacks CONFIG_NET_VRF",
      );
    }
  },
});

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}
