/**
 * portmap: ports of the host that lead to a container. It stands in a chain, after what made the
 * container's interface.
 *
 *     { "type": "portmap", "capabilities": { "portMappings": true }, "runtimeConfig": {
 *       "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }] } }
 *
 * Reference: plugins/meta/portmap. Differs on purpose: nf_tables is the default, spoken natively; what
 * was made is found by the attachment, so DEL needs no portMappings; a failed ADD leaves nothing; UDP
 * connections are forgotten on DEL too; GC and STATUS do something; ports and addresses are validated.
 */
import { type Call, type CheckCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import type { Result } from "../cni/result.ts";
import { attachmentOf } from "../net/ownership.ts";
import * as portmap from "../net/portmap.ts";
import * as check from "../net/portmap-check.ts";
import {
  addressesOf,
  checkMarks,
  invalid,
  readMappings,
  requestedBackend,
} from "../net/portmap-plan.ts";
import * as removal from "../net/portmap-removal.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({
  backend: {
    type: "string",
    emptyIsAbsent: true,
    description: "nftables (default: native, no program needed) or iptables",
  },
  snat: {
    type: "boolean",
    default: true,
    description: "Masquerade what this host's loopback addresses and the container's subnet send",
  },
  masqAll: {
    type: "boolean",
    default: false,
    description: "With snat: masquerade all connections to the mapped ports",
  },
  markMasqBit: {
    type: "integer",
    description:
      "With iptables: the bit of the mark that says what to masquerade, 0 to 31; default 13",
  },
  externalSetMarkChain: {
    type: "string",
    description: "With iptables: the chain that marks what to masquerade; excludes markMasqBit",
  },
  conditionsV4: {
    type: "array",
    items: { type: "string" },
    description: "What an IPv4 packet must be besides, in the words of nft or iptables",
  },
  conditionsV6: {
    type: "array",
    items: { type: "string" },
    description: "What an IPv6 packet must be besides, in the words of nft or iptables",
  },
  runtimeConfig: object({
    portMappings: {
      type: "array",
      description: "The ports to map (capability portMappings)",
      items: object({
        hostPort: { type: "integer", default: 0, description: "Port of the host" },
        containerPort: { type: "integer", default: 0, description: "Port of the container" },
        protocol: { type: "string", default: "tcp", description: "tcp, udp or sctp" },
        hostIP: {
          type: "string",
          emptyIsAbsent: true,
          description: "Only this address of the host; 0.0.0.0 and :: stand for any of a family",
        },
      }),
    },
  }),
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "portmap",
  summary: "Maps ports of the host to a container",
  schema,

  add(call) {
    const { host, warn, undo, prevResult } = call;
    if (!prevResult) throw invalid("must be called as chained plugin");
    const asked = readCall(call, prevResult);
    if (asked.mappings.length === 0 || asked.addresses.length === 0) return prevResult;
    const attachment = attachmentOf(call);
    undo.push("remove the port mappings", () =>
      removal.teardown(host, attachment, asked.mappings, warn),
    );
    portmap.setup(host, attachment, asked, warn);
    return prevResult;
  },

  inspect: ({ config }) => void readAsked(config),

  check(call) {
    const asked = readCall(call, verify.requirePrevResult(call));
    if (asked.mappings.length > 0) check.check(call.host, attachmentOf(call), asked);
  },

  del(call) {
    removal.teardown(call.host, attachmentOf(call), mappingsIfValid(call.config), call.warn);
  },

  gc({ host, network, valid, warn }) {
    removal.gc(host, network, valid, warn);
  },

  status({ host, config }) {
    const obstacle = check.findObstacle(host, config);
    if (obstacle) throw new CniError("PluginNotAvailable", `Cannot map ports: ${obstacle}`);
  },
});

/** All of the config is looked at, also where there is nothing to do. */
function readCall(
  call: Call<Conf> & Pick<CheckCall<Conf>, "attachment">,
  result: Result,
): portmap.PortMappings {
  const { config, attachment } = call;
  const mappings = readAsked(config);
  return { config, addresses: addressesOf(result, attachment.ifName), mappings };
}

function readAsked(config: Conf) {
  checkMarks(config);
  requestedBackend(config);
  return readMappings(config);
}

/** A mapping that ADD would have refused must not keep DEL from removing the others. */
function mappingsIfValid(config: Conf) {
  try {
    return readMappings(config);
  } catch {
    return [];
  }
}
