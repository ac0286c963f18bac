/**
 * What a lease gives a link: the pieces of a CNI result.
 *
 * Reference: plugins/ipam/dhcp/lease.go and options.go; RFC 3442 for which routes count.
 */
import { type Cidr, host } from "../addr/cidr.ts";
import { formatIp, type Ip, isUnspecified } from "../addr/ip.ts";
import { isDomainName } from "./domain-names.ts";
import { attempt } from "./errors.ts";
import { type Lease, optionsOf, prefixLengthOf } from "./lease.ts";
import { get, type Option, type Options, option4 } from "./options.ts";

export interface LeaseRoute {
  dst: Cidr;
  gw?: Ip;
  /** Metric. */
  priority?: number;
  /** 253: on the link. */
  scope?: number;
}

export interface LeaseConfig {
  address: Cidr;
  /** The first router, even when the routes come from elsewhere. */
  gateway?: Ip;
  routes: LeaseRoute[];
  dns: { nameservers: string[]; domain?: string; search: string[] };
  mtu?: number;
  hostName?: string;
  ntpServers: Ip[];
}

export interface ConfigChoices {
  /** Metric of all routes; 0 is none. */
  readonly priority?: number | undefined;
  /** Whether option 249 counts where 121 is absent; the reference does not know it. */
  readonly microsoftRoutes?: boolean | undefined;
}

const scopeLink = 253;
const defaultRoute: Cidr = { ip: new Uint8Array(4), prefixLength: 0 };

/** The least that a link must carry: RFC 791. Less cannot be meant. */
const leastMtu = 68;

/**
 * All that the lease says about its link. Options that are malformed count as absent. The caller
 * chooses what to use: the reference uses address, gateway and routes.
 */
export function configOf(lease: Lease, choices: ConfigChoices = {}): LeaseConfig {
  const options = optionsOf(lease);
  const read = <T>(option: Option<T>) => attempt(() => get(options, option));
  const mask = read(option4.subnetMask);
  const gateway = read(option4.routers)?.[0];
  const routes = readRoutes(options, gateway, choices.microsoftRoutes ?? false);
  if (choices.priority) for (const route of routes) route.priority = choices.priority;
  const domain = read(option4.domainName)?.replace(/\.$/, "");
  const mtu = read(option4.mtu) ?? 0;
  const hostName = read(option4.hostName);
  return {
    address: mask ? { ip: lease.address, prefixLength: prefixLengthOf(mask) } : host(lease.address),
    ...(gateway ? { gateway } : {}),
    routes,
    dns: {
      nameservers: (read(option4.nameServers) ?? []).map(formatIp),
      ...(domain !== undefined && isDomainName(domain) ? { domain } : {}),
      search: read(option4.domainSearch) ?? [],
    },
    ...(mtu >= leastMtu ? { mtu } : {}),
    ...(hostName !== undefined && isDomainName(hostName) ? { hostName } : {}),
    ntpServers: read(option4.ntpServers) ?? [],
  };
}

/** Classless routes alone, if there are any; else the classful ones and the default route. */
function readRoutes(options: Options, gateway: Ip | undefined, microsoft: boolean): LeaseRoute[] {
  const classless = readClassless(options, option4.classlessRoutes);
  if (classless.length > 0) return classless;
  if (microsoft) {
    const older = readClassless(options, option4.microsoftRoutes);
    if (older.length > 0) return older;
  }
  const pairs = attempt(() => get(options, option4.staticRoutes)) ?? [];
  const routes: LeaseRoute[] = pairs.map(([ip, router]) => ({
    dst: { ip, prefixLength: classOf(ip) },
    gw: router,
  }));
  if (gateway) routes.push({ dst: defaultRoute, gw: gateway });
  return routes;
}

function readClassless(
  options: Options,
  option: typeof option4.classlessRoutes | typeof option4.microsoftRoutes,
): LeaseRoute[] {
  const routes = attempt(() => get(options, option)) ?? [];
  return routes.map(({ dst, router }) => ({
    dst,
    gw: router,
    ...(isUnspecified(router) ? { scope: scopeLink } : {}),
  }));
}

/** The prefix length of the class that an address is in. */
function classOf(ip: Ip): number {
  const first = ip[0] as number;
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}
