/**
 * static: gives the addresses that the config or the runtime names. It keeps no books, so nobody
 * else must have them.
 *
 *     { "cniVersion": "1.1.0", "name": "net1", "type": "static",
 *       "ipam": { "type": "static",
 *                 "addresses": [{ "address": "10.1.2.3/24", "gateway": "10.1.2.1" }],
 *                 "routes": [{ "dst": "0.0.0.0/0" }] } }
 *
 * Reference: plugins/ipam/static. Differs on purpose: GATEWAY in CNI_ARGS serves the addresses of
 * every source, and `gateways` in the config does so too; CHECK finds an address that is missing, or
 * has another prefix length; STATUS tells what is wrong with the config.
 */
import { equal as equalBytes } from "../addr/bytes.ts";
import { type Cidr, contains, equal, formatCidr, parseCidr } from "../addr/cidr.ts";
import { formatIp, type Ip, parseIp, requireIp } from "../addr/ip.ts";
import { type Asked, defineApplet } from "../cni/applet.ts";
import { readCniArgs } from "../cni/cni-args.ts";
import { type Config, configSchema, object } from "../cni/config.ts";
import { CniError } from "../cni/errors.ts";
import { emptyResult, type IpConfig } from "../cni/result.ts";
import { readRoute } from "../cni/route-config.ts";
import { dns, route } from "../cni/schema-common.ts";
import { isAtLeast } from "../cni/versions.ts";

const address = object(
  {
    address: { type: "string", description: "Address and prefix length, as 10.1.2.3/24" },
    gateway: { type: "string", emptyIsAbsent: true, description: "Gateway of its subnet" },
  },
  { required: ["address"] },
);

const ips = { type: "array", items: { type: "string" } } as const;

const schema = configSchema({
  ipam: object({
    addresses: { type: "array", items: address, description: "The addresses to give" },
    gateways: {
      type: "array",
      items: { type: "string" },
      description:
        "Gateways of addresses that name none, whoever named the address: each serves those whose " +
        "subnet it is in; cnibox only",
    },
    routes: { type: "array", items: route, description: "Routes to copy into the result" },
    dns,
  }),
  args: object({
    cni: object({ ips: { ...ips, description: "Addresses in place of those of ipam" } }),
  }),
  runtimeConfig: object({ ips: { ...ips, description: "Addresses in place of all others" } }),
});

type AnyAsked = Asked<Config<typeof schema>>;

export default defineApplet({
  name: "static",
  summary: "Gives the addresses that the config or the runtime names",
  schema,
  cniArgs: {
    IP: "Addresses beside those of ipam, with prefix lengths, separated by commas",
    GATEWAY: "Gateways of addresses that name none, separated by commas",
  },
  needsNetns: false,

  add(call) {
    const ips = readAddresses(call);
    const { routes = [], dns = {} } = call.config.ipam ?? {};
    return { ...emptyResult(), ips, routes: routes.map(readRoute), dns };
  },

  inspect(asked) {
    readAddresses(asked);
    for (const route of asked.config.ipam?.routes ?? []) readRoute(route);
  },

  check(call) {
    const expected = readAddresses(call);
    if (!call.prevResult) throw new Error("Required prevResult missing");
    for (const { address, gateway } of expected) {
      const found = call.prevResult.ips.find((ip) => equalBytes(ip.address.ip, address.ip));
      const problem = difference(address, gateway, found);
      if (problem === undefined) continue;
      const { ifName } = call.attachment;
      const message = `static: Failed to match addr ${formatIp(address.ip)} on interface ${ifName}`;
      throw new CniError("Internal", message, problem);
    }
  },

  /** Nothing was written down, so nothing is to be forgotten; hence there is no GC either. */
  del() {},

  status(call) {
    try {
      readAddresses(call);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CniError("PluginNotAvailable", why);
    }
  },
});

/** Why what prevResult has is not what the config gives; undefined: it is. */
function difference(address: Cidr, gateway: Ip | undefined, found: IpConfig | undefined) {
  if (!found) return "prevResult does not have it";
  if (!equal(found.address, address)) {
    return `the config has ${formatCidr(address)}, prevResult has ${formatCidr(found.address)}`;
  }
  if (!gateway || (found.gateway && equalBytes(found.gateway, gateway))) return undefined;
  const other = found.gateway ? formatIp(found.gateway) : "none";
  return `the config has gateway ${formatIp(gateway)}, prevResult has ${other}`;
}

/**
 * The addresses in the order of the result. Those of runtimeConfig stand in place of all others,
 * else those of `args`, else there are those of the config followed by those of CNI_ARGS.
 */
function readAddresses({ config, cniArgs, cniVersion }: AnyAsked): IpConfig[] {
  const { ipam, args, runtimeConfig } = config;
  if (!ipam) throw new Error("IPAM config missing 'ipam' key");
  const { IP = "", GATEWAY = "" } = readCniArgs(cniArgs, { IP: "string", GATEWAY: "string" });
  const asked = splitList(IP).map((text) => parseEntry(text, "the 'ip' field is expected to be"));
  const gateways = splitList(GATEWAY).map((text) => {
    const gateway = parseIp(text);
    if (!gateway) throw new Error(`invalid gateway address: ${text}`);
    return gateway;
  });
  const [ofArgs, ofRuntime] = [args?.cni?.ips, runtimeConfig?.ips].map((list = []) =>
    list.map((text) => parseEntry(text, "an entry in the 'ips' field is NOT")),
  ) as [Cidr[], Cidr[]];
  const given = [ofRuntime, ofArgs].find((list) => list.length > 0);
  const addresses: IpConfig[] = given
    ? given.map((address) => ({ address }))
    : [...readConfigured(ipam.addresses ?? []), ...asked.map((address) => ({ address }))];
  checkVersion(cniVersion, addresses);
  return withGateways(addresses, [...gateways.reverse(), ...(ipam.gateways ?? []).map(requireIp)]);
}

function readConfigured(addresses: readonly { address: string; gateway?: string }[]): IpConfig[] {
  return addresses.map(({ address, gateway }) => ({
    address: parseEntry(address, "the 'address' field is expected to be"),
    ...(gateway !== undefined && { gateway: requireIp(gateway) }),
  }));
}

/** The entries of a list in CNI_ARGS; an empty value is no list. */
function splitList(text: string): string[] {
  return text === "" ? [] : text.split(",").map((entry) => entry.trim());
}

function parseEntry(text: string, what: string): Cidr {
  try {
    return parseCidr(text);
  } catch {
    throw new Error(`${what} in CIDR notation, got: '${text}'`);
  }
}

/** Addresses that have no gateway get the first one that is in their subnet. */
function withGateways(addresses: readonly IpConfig[], gateways: readonly Ip[]): IpConfig[] {
  return addresses.map((one) => {
    const gateway = one.gateway ?? gateways.find((ip) => contains(one.address, ip));
    return gateway ? { ...one, gateway } : one;
  });
}

function checkVersion(version: string, addresses: readonly IpConfig[]): void {
  if (isAtLeast(version, "0.3.0")) return;
  for (const length of [4, 16]) {
    if (addresses.filter(({ address }) => address.ip.length === length).length < 2) continue;
    throw new Error(`CNI version ${version} does not support more than 1 address per family`);
  }
}
