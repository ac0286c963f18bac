/**
 * host-local: gives out addresses from ranges, and keeps its books in files on this node.
 *
 *     { "cniVersion": "1.1.0", "name": "net1", "type": "host-local",
 *       "ipam": { "type": "host-local", "subnet": "10.1.2.0/24",
 *                 "routes": [{ "dst": "0.0.0.0/0" }] } }
 *
 * Reference: plugins/ipam/host-local. The files are the same, so both may serve one directory in
 * turn. Differs on purpose: GC and STATUS do their work; an attachment that got its address before a
 * reboot gets it again (with `reuse`, always); a failed ADD leaves nothing; DEL works with ranges
 * that are no longer valid; `IP=` in CNI_ARGS may be a list.
 */
import { parseIpOrCidr } from "../addr/cidr.ts";
import { formatIp, type Ip } from "../addr/ip.ts";
import { type Asked, type Attachment, type Call, defineApplet } from "../cni/applet.ts";
import { readCniArgs } from "../cni/cni-args.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import { emptyResult } from "../cni/result.ts";
import { readRoute } from "../cni/route-config.ts";
import { route } from "../cni/schema-common.ts";
import { isAtLeast } from "../cni/versions.ts";
import { readText } from "../kernel/files.ts";
import type { Holder } from "../pool/lease-index.ts";
import { type RangeSet, readRangeSets } from "../pool/range.ts";
import { collect, exhausted, isHolding, release, reserve } from "../pool/reservation.ts";
import { parseResolvConf } from "../pool/resolv-conf.ts";
import { Store } from "../pool/store.ts";

const defaultDataDir = "/var/lib/cni/networks";

const range = {
  subnet: { type: "string", description: "Subnet of the range in CIDR notation" },
  rangeStart: { type: "string", description: "First address; default: the second of the subnet" },
  rangeEnd: { type: "string", description: "Last address; default: the last a host may have" },
  gateway: { type: "string", description: "Never given out; default: the second of the subnet" },
} as const;

const rangeSets = {
  type: "array",
  items: { type: "array", items: object(range, { description: "Disjoint, of one family" }) },
} as const;

const requestedIps = {
  type: "array",
  items: { type: "string" },
  description: "Addresses to give if they are free, with or without a prefix length",
} as const;

const schema = configSchema({
  ipam: object({
    ...range,
    ranges: { ...rangeSets, description: "Sets of ranges: one address is given from each set" },
    dataDir: {
      type: "string",
      emptyIsAbsent: true,
      description: `Where the leases are kept; default: ${defaultDataDir}`,
    },
    resolvConf: {
      type: "string",
      emptyIsAbsent: true,
      description: "A resolv.conf to copy into the result",
    },
    routes: { type: "array", items: route, description: "Routes to copy into the result" },
    reuse: {
      type: "boolean",
      default: false,
      description:
        "Give an attachment the address that it holds already, instead of an error; " +
        "cnibox only. After a reboot of the node this is always so",
    },
  }),
  args: object({ cni: object({ ips: requestedIps }) }),
  runtimeConfig: object({
    ipRanges: { ...rangeSets, description: "Sets of ranges before those of ipam" },
    ips: requestedIps,
  }),
});

type AnyCall = Call<Config<typeof schema>>;
type AnyAsked = Asked<Config<typeof schema>>;

export default defineApplet({
  name: "host-local",
  summary: "Gives out addresses from ranges, with the leases in files on this node",
  schema,
  cniArgs: { IP: "Addresses to give if they are free, separated by commas" },
  needsNetns: false,

  add(call) {
    const { ipam } = call.config;
    const sets = readSets(call);
    const requested = readRequested(call);
    const routes = (ipam?.routes ?? []).map(readRoute);
    const dns = ipam?.resolvConf === undefined ? {} : readResolvConf(ipam.resolvConf);

    const { addresses, undo } = reserve(storeOf(call), {
      holder: holderOf(call.attachment),
      sets,
      requested,
      reuse: ipam?.reuse ?? false,
    });
    call.undo.push("release the addresses", undo);
    return { ...emptyResult(), ips: addresses, routes, dns };
  },

  inspect(asked) {
    const { subnet, ranges } = asked.config.ipam ?? {};
    // Where there is no range, the runtime may give some (capability ipRanges).
    if (subnet !== undefined || ranges?.length) readSets(asked);
    readRequested(asked);
  },

  check(call) {
    readSets(call);
    const holder = holderOf(call.attachment);
    const store = storeOf(call);
    if (isHolding(store, holder)) return;
    throw new CniError(
      "Internal",
      `host-local: Failed to find address added by container ${holder.containerId}`,
      `no lease in ${store.directory} names it with interface ${holder.ifName}`,
    );
  },

  del(call) {
    release(storeOf(call), holderOf(call.attachment));
  },

  gc(call) {
    collect(storeOf(call), call.valid);
  },

  status(call) {
    let problem: string | undefined;
    try {
      problem = exhausted(storeOf(call), readSets(call));
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (problem !== undefined) throw new CniError("PluginNotAvailable", problem);
  },
});

function storeOf({ config, network, warn }: AnyCall): Store {
  return new Store(config.ipam?.dataDir ?? defaultDataDir, network, { warn });
}

function holderOf({ containerId, ifName }: Attachment): Holder {
  return { containerId, ifName };
}

function readSets({ config: { ipam, runtimeConfig }, cniVersion }: AnyAsked): RangeSet[] {
  if (!ipam) throw new Error("IPAM config missing 'ipam' key");
  const sets = [
    ...(runtimeConfig?.ipRanges ?? []),
    ...(ipam.subnet === undefined ? [] : [[ipam]]),
    ...(ipam.ranges ?? []),
  ];
  return readRangeSets(sets, isAtLeast(cniVersion, "0.3.0") ? undefined : cniVersion);
}

/** The addresses asked for, each once. */
function readRequested({ config: { args, runtimeConfig }, cniArgs }: AnyAsked): Ip[] {
  const { IP = [] } = readCniArgs(cniArgs, { IP: "addresses" });
  const others = [...(args?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])].map((text) => {
    if (text === "") throw new Error("cannot understand ip: IP <nil> not v4 nor v6");
    return parseIpOrCidr(text).ip;
  });
  const all = [...IP.map(({ ip }) => ip), ...others];
  const once = new Map(all.map((ip) => [formatIp(ip), ip]));
  return [...once.values()];
}

function readResolvConf(path: string) {
  const text = readText(path);
  if (text === null) throw new Error(`open ${path}: no such file or directory`);
  return parseResolvConf(text);
}
