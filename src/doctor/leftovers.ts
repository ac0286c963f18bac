/**
 * What is left of containers that are gone. Runtimes keep the result of each ADD in a file until DEL
 * (libcni's cache), so what has no such file belongs to nobody. Nothing is changed.
 */
import { isObject, type JsonObject } from "../json/types.ts";
import { exists } from "../kernel/files.ts";
import { Netns } from "../kernel/netns.ts";
import { Cache } from "../libcni/cache.ts";
import type { CacheEntry } from "../libcni/cache-entry.ts";
import { ownerOf } from "../net/ownership.ts";
import type { Holding } from "../pool/leases.ts";
import { Store } from "../pool/store.ts";
import { error, type Finding, warning } from "./findings.ts";
import type { Network } from "./networks.ts";
import { ownersOfRules } from "./rules.ts";

interface Names {
  network: string;
  containerId: string;
  ifName: string;
}

/** All leftovers that can be told. */
export function findLeftovers(
  host: Netns,
  networks: readonly Network[],
  cacheDirectory: string,
): Finding[] {
  if (!exists(`${cacheDirectory}/results`)) return [];
  const attachments = new Cache(cacheDirectory).attachments();
  // Leases of old versions of the reference name the container alone.
  const known = new Set(
    attachments.flatMap((one) => [nameOf(one), nameOf({ ...one, ifName: "" })]),
  );
  return [
    ...attachments.flatMap(withoutNamespace),
    ...leases(networks, known),
    ...links(host, known),
    ...rules(host, known),
    ...notForwarded(host, networks, attachments),
  ];
}

/** As an operator writes it, e.g. for `cnitool gc --valid`: `web: 4f2a/eth0`. */
function nameOf({ network, containerId, ifName }: Names): string {
  return `${network}: ${containerId}/${ifName}`;
}

function withoutNamespace(attachment: CacheEntry): Finding[] {
  const { netns } = attachment;
  if (netns === "") return [];
  try {
    Netns.open(netns).close();
    return [];
  } catch {
    return [warning(nameOf(attachment), `its namespace ${netns} is gone, and there was no DEL`)];
  }
}

/** Leases of host-local that no attachment has. */
function leases(networks: readonly Network[], known: ReadonlySet<string>): Finding[] {
  return networks.flatMap(({ list: { name, plugins } }) =>
    plugins.flatMap(({ document: { ipam } }) => {
      if (!isObject(ipam) || ipam.type !== "host-local") return [];
      const directory = typeof ipam.dataDir === "string" && ipam.dataDir;
      const store = new Store(directory || "/var/lib/cni/networks", name, { warn() {} });
      const held = store.inspect((all) => all.holdings()) ?? [];
      return held.sort(byFirstLease).flatMap(({ holder: { containerId, ifName }, leases }) => {
        const attachment = nameOf({ network: name, containerId, ifName });
        if (known.has(attachment)) return [];
        return [warning(attachment, `holds ${leases.join(", ")}, and is not attached`)];
      });
    }),
  );
}

function byFirstLease({ leases: [a = ""] }: Holding, { leases: [b = ""] }: Holding): number {
  return a < b ? -1 : 1;
}

/** Links of ours on the host that no attachment has. */
function links(host: Netns, known: ReadonlySet<string>): Finding[] {
  return host.links.dump().flatMap(({ name, alias }) => {
    const owner = ownerOf(alias ?? "");
    if (!owner || known.has(nameOf(owner))) return [];
    return [warning(nameOf(owner), `has link ${name}, and is not attached`)];
  });
}

/** What no attachment has in our tables of nf_tables. */
function rules(host: Netns, known: ReadonlySet<string>): Finding[] {
  return ownersOfRules(host).flatMap((owner) =>
    known.has(nameOf(owner))
      ? []
      : [warning(nameOf(owner), `has rules in table ${owner.table}, and is not attached`)],
  );
}

const switches = [
  [".", ["net", "ipv4", "ip_forward"]],
  [":", ["net", "ipv6", "conf", "all", "forwarding"]],
] as const;

/** Plugins turn forwarding on when they need it; somebody may have turned it off again. */
function notForwarded(
  host: Netns,
  networks: readonly Network[],
  attachments: readonly CacheEntry[],
): Finding[] {
  const routed = networks.filter(({ list }) => list.plugins.some(needsForwarding));
  return routed.flatMap(({ list: { name } }) =>
    switches.flatMap(([mark, path]) => {
      const concerned = attachments.some(
        ({ network, result }) => network === name && addressesOf(result).includes(mark),
      );
      if (!concerned || host.sysctl.read(...path) === "1") return [];
      return [error(name, `${path.join(".")} is off: its containers reach nothing but this host`)];
    }),
  );
}

function needsForwarding({ type, document }: Network["list"]["plugins"][number]): boolean {
  if (type === "ptp") return true;
  return type === "bridge" && Boolean(document.isGateway || document.isDefaultGateway);
}

function addressesOf(result: JsonObject | undefined): string {
  const ips = Array.isArray(result?.ips) ? result.ips : [];
  return ips.map((ip) => (isObject(ip) ? String(ip.address) : "")).join(" ");
}
