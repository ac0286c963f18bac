/**
 * bandwidth: limits what a container sends and receives. It stands in a chain, after what made the
 * container's interface, which must be one end of a veth pair.
 *
 *     { "type": "bandwidth", "ingressRate": 8000000, "ingressBurst": 800000,
 *       "egressRate": 8000000, "egressBurst": 800000 }
 *
 * Reference: plugins/meta/bandwidth. Differs on purpose: a failed ADD leaves nothing; two interfaces of
 * a container in one network do not get into each other's way; no burst is cut to 32 bits; the time
 * that packets may wait can be set; CHECK looks at all of it; GC and STATUS do something.
 */
import { type CheckCall, defineApplet } from "../cni/applet.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import type { Result } from "../cni/result.ts";
import type { Link } from "../kernel/links.ts";
import * as bandwidth from "../net/bandwidth.ts";
import { readLimits } from "../net/bandwidth-limits.ts";
import { attachmentOf } from "../net/ownership.ts";
import * as verify from "../net/verify.ts";

const entry = {
  ingressRate: {
    type: "integer",
    minimum: 0,
    maximum: 2 ** 64,
    description: "Bits a second that the container receives at most; 0: no limit",
  },
  ingressBurst: {
    type: "integer",
    minimum: 0,
    description: "Bits that it may receive at once; goes with ingressRate",
  },
  egressRate: {
    type: "integer",
    minimum: 0,
    maximum: 2 ** 64,
    description: "Bits a second that the container sends at most; 0: no limit",
  },
  egressBurst: {
    type: "integer",
    minimum: 0,
    description: "Bits that it may send at once; goes with egressRate",
  },
} as const;

const schema = configSchema({
  ...entry,
  latency: {
    type: "integer",
    minimum: 0,
    default: 25,
    description: "Milliseconds that a packet may wait; one that would wait longer is dropped",
  },
  runtimeConfig: object({
    bandwidth: object(entry, {
      description: "The limits (capability bandwidth), where the config itself has none",
    }),
  }),
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "bandwidth",
  summary: "Limits the bandwidth of a container",
  schema,
  vet: readLimits,

  add(call) {
    const { config, prevResult } = call;
    if (!prevResult) {
      throw new CniError("InvalidNetworkConfig", "must be called as chained plugin");
    }
    const limits = readLimits(config);
    if (!limits.ingress && !limits.egress) return prevResult;
    const outer = hostEnd(call, prevResult);
    const ifb = bandwidth.shape({ ...call, attachment: attachmentOf(call), limits }, outer);
    if (!ifb) return prevResult;
    const { name, mac } = ifb;
    return { ...prevResult, interfaces: [...prevResult.interfaces, { name, mac }] };
  },

  check(call) {
    const result = verify.requirePrevResult(call);
    const limits = readLimits(call.config);
    if (!limits.ingress && !limits.egress) return;
    bandwidth.check(call.host, attachmentOf(call), limits, hostEnd(call, result), result);
  },

  del(call) {
    bandwidth.unshape(call.host, attachmentOf(call), call.container, call.prevResult);
  },

  gc({ host, network, valid }) {
    bandwidth.gc(host, network, valid);
  },

  status({ config }) {
    readLimits(config);
    try {
      bandwidth.probe();
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      throw new CniError(
        "PluginNotAvailable",
        `Cannot limit bandwidth: ${why}`,
        "needed are CONFIG_NET_SCH_TBF, NET_SCH_INGRESS, NET_CLS_U32, NET_ACT_MIRRED and IFB",
      );
    }
  },
});

/** Results before 0.3.0 have no list of interfaces that it could be in. */
function hostEnd(call: CheckCall<Conf>, result: Result): Link {
  const { host, container, attachment, cniVersion } = call;
  const outer = bandwidth.hostEnd(host, container, attachment.ifName);
  if (cniVersion >= "0.3.0") bandwidth.expectListed(outer, result);
  return outer;
}
