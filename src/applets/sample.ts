/**
 * sample: keeps a container from reaching some subnets. Copy it to begin a plugin of your own:
 * docs/writing-a-plugin.md says how.
 *
 *     { "cniVersion": "1.1.0", "name": "web", "plugins": [
 *       { "type": "bridge", "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } },
 *       { "type": "sample", "subnets": ["192.0.2.0/24", "2001:db8:5::/48"] } ] }
 *
 * It is chained: it stands behind the plugin that makes the interface, and hands on its result.
 */

import { type Cidr, equal, formatCidr, network, parseCidr } from "../addr/cidr.ts";
import { defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";

const schema = configSchema({
  subnets: {
    type: "array",
    items: { type: "string" },
    default: [],
    description: "Subnets that the container shall not reach",
    examples: [["192.0.2.0/24", "2001:db8:5::/48"]],
  },
});
type Conf = Config<typeof schema>; // { subnets: string[], and what every config has }

export default defineApplet({
  name: "sample",
  summary: "Keeps a container from reaching some subnets; a plugin to copy from",
  schema,

  // Called for ADD and CHECK before anything is touched: refuse what you cannot work with.
  vet({ subnets }) {
    const wrong = subnets.find((text) => !parseSubnet(text));
    if (wrong === undefined) return;
    throw new CniError(
      "InvalidNetworkConfig",
      `"subnets": "${wrong}" is not one like 192.0.2.0/24`,
    );
  },

  add({ config, container, undo, prevResult }) {
    if (!prevResult) {
      throw new CniError(
        "InvalidNetworkConfig",
        "sample must be behind another plugin in the list",
      );
    }
    for (const dst of subnetsOf(config)) {
      container.routes.add({ dst, type: "unreachable" }, "exclusive");
      // On the line after the deed: if anything fails from here on, this is done.
      undo.push(`let ${formatCidr(dst)} be reached`, () => {
        container.routes.remove({ dst, type: "unreachable" });
      });
    }
    return prevResult;
  },

  check({ config, container }) {
    for (const dst of subnetsOf(config)) {
      const routes = container.routes.list({ dst });
      if (!routes.some((route) => route.type === "unreachable" && equal(route.dst, dst))) {
        throw new CniError("Internal", `${formatCidr(dst)} can be reached`);
      }
    }
  },

  // What is gone already is fine, a container too: DEL is repeated, and called for what never was.
  del({ config, container }) {
    for (const dst of subnetsOf(config)) container?.routes.remove({ dst, type: "unreachable" });
  },

  // No gc: what this plugin makes is in the container and goes with it. No status: it needs nothing.
});

/** DEL may be called with what ADD refused: there is nothing to take away of that. */
function subnetsOf({ subnets }: Conf): Cidr[] {
  return subnets.flatMap((text) => parseSubnet(text) ?? []);
}

function parseSubnet(text: string): Cidr | undefined {
  try {
    return network(parseCidr(text));
  } catch {
    return undefined;
  }
}
