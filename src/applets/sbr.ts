/**
 * sbr: packets from an interface's addresses leave by that interface, whatever the other interfaces
 * of the container are. It stands in a chain, after what made the interface.
 *
 *     { "type": "sbr" }
 *
 * Reference: plugins/meta/sbr/main.go. Differs on purpose: see `net/source-routing.ts`; CHECK compares;
 * a namespace that is gone does not fail DEL.
 */
import { type Ip, parseIp } from "../addr/ip.ts";
import { defineApplet } from "../cni/applet.ts";
import { type Config, configSchema } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import type { IpConfig, Result } from "../cni/result.ts";
import { findDamage, type SourceRouting, setup, teardown } from "../net/source-routing.ts";
import * as verify from "../net/verify.ts";

const schema = configSchema({
  table: {
    type: "integer",
    description: "Look the packets up in this table, and leave all routes as they are",
  },
  gateways: {
    type: "array",
    items: { type: "string" },
    description: "Next hops of the default routes, one per family; default: those of the result",
  },
  addSourceHints: {
    type: "boolean",
    default: false,
    description: "Keep the way to the subnets in the main table, with the address as source",
  },
});
type Conf = Config<typeof schema>;

export default defineApplet({
  name: "sbr",
  summary: "Routes by source: answers leave by the interface that was asked",
  schema,

  vet(config) {
    readGateways(config);
    const { table } = config;
    if (table !== undefined && (table < 1 || table > 0xffffffff)) {
      throw invalid(`invalid table ${table}: it must be between 1 and ${0xffffffff}`);
    }
  },

  add({ config, attachment, container, undo, prevResult }) {
    if (!prevResult) throw invalid("This plugin must be called as chained plugin");
    const { ifName } = attachment;
    if (prevResult.ips.length === 0) {
      throw new CniError("Internal", `No IP addresses supplied on interface: ${ifName}`);
    }
    const asked = readCall(config, ifName, prevResult);
    if (asked.ips.length > 0) setup(container, asked, undo);
    return prevResult;
  },

  check(call) {
    const { config, attachment, container } = call;
    const asked = readCall(config, attachment.ifName, verify.requirePrevResult(call));
    const damage = findDamage(container, asked);
    if (damage !== undefined) throw verify.failed(`Routing by source is damaged: ${damage}`);
  },

  del({ config, attachment, container, prevResult }) {
    const { ifName } = attachment;
    const ips = prevResult ? ipsOf(prevResult, ifName) : [];
    if (container) teardown(container, ifName, ips, config.table);
  },

  status({ config }) {
    readGateways(config);
  },
});

function readCall(config: Conf, ifName: string, result: Result): SourceRouting {
  const { table, addSourceHints } = config;
  const gateways = readGateways(config);
  return { ifName, ips: ipsOf(result, ifName), table, gateways, sourceHints: addSourceHints };
}

/** The addresses of the interface, and those of which the result does not say whose they are. */
function ipsOf({ ips, interfaces }: Result, ifName: string): IpConfig[] {
  return ips.filter(({ interface: index = -1 }) => (interfaces[index]?.name ?? ifName) === ifName);
}

function readGateways({ gateways = [] }: Conf): Ip[] {
  const read: Ip[] = [];
  for (const text of gateways) {
    const ip = parseIp(text);
    if (!ip) throw invalid(`invalid gateway "${text}": no IP address`);
    if (read.some((other) => other.length === ip.length)) {
      throw invalid(`multiple IPv${ip.length === 4 ? 4 : 6} addresses in gateways`);
    }
    read.push(ip);
  }
  return read;
}

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}
