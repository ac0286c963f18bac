/**
 * A picture of a namespace and of the files around it, to compare before with after.
 *
 * Left out is what changes by itself or says nothing about a leak: counters, carrier, neighbours,
 * life times, link-local addresses and their routes, the round-robin pointer of host-local, lock
 * files, and rule tables that hold no rule (looking at one with iptables makes it).
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./namespace.ts";

export interface State {
  links: unknown[];
  addresses: string[];
  routes: string[];
  rules: string[];
  qdiscs: string[];
  vlans: unknown[];
  nft: unknown[];
  iptables: string[];
  forwarding: string;
  /** Path → content of everything below /run and /var/lib. */
  files: Record<string, string>;
}

const sections = {
  links: "ip -j -d link",
  addresses: "ip -j addr",
  routes4: "ip -j route show table all",
  routes6: "ip -j -6 route show table all",
  rules4: "ip -j rule",
  rules6: "ip -j -6 rule",
  qdiscs: "tc -j qdisc",
  vlans: "bridge -j vlan",
  nft: "nft -j list ruleset",
  // A kernel without the tables, or a machine without the programs, has nothing to save.
  iptables: "iptables-save 2>/dev/null || true; ip6tables-save 2>/dev/null || true",
  forwarding: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
};
const separator = "@@@@";

/** @param root where the sandbox's files are seen from the test process */
export function snapshot(sh: (commands: string) => string, root: string): State {
  const texts = sh(Object.values(sections).join(`; echo ${separator}\n`)).split(separator);
  const text = Object.fromEntries(Object.keys(sections).map((name, i) => [name, texts[i] ?? ""]));
  const json = (name: string): Json => JSON.parse(text[name]?.trim() || "[]");
  return {
    links: json("links").map(link),
    addresses: json("addresses").flatMap(addressesOf).sort(),
    routes: [...json("routes4"), ...json("routes6")].flatMap(route).sort(),
    rules: [...json("rules4"), ...json("rules6")].map((rule) => JSON.stringify(rule)),
    qdiscs: json("qdiscs")
      .filter((q: Json) => q.kind !== "noqueue")
      .map((q: Json) => `${q.kind} ${q.dev} ${q.handle} ${q.parent ?? "root"}`),
    vlans: json("vlans").map((v: Json) => ({ port: v.ifname, vlans: v.vlans })),
    nft: nftRules(json("nft").nftables),
    iptables: (text.iptables ?? "").split("\n").filter((line) => line.startsWith("-A")),
    forwarding: (text.forwarding ?? "").trim(),
    files: filesBelow(root, ["/run", "/var/lib"]),
  };
}

function link(l: Json) {
  const flags = l.flags.filter((f: string) => !/LOWER_UP|RUNNING|NO-CARRIER/.test(f)).sort();
  const { ifname, ifindex, address, mtu, master, promiscuity, ifalias } = l;
  const bridge = l.linkinfo?.info_data;
  return {
    ...{ ifname, ifindex, address, mtu, master, promiscuity, ifalias, flags },
    kind: l.linkinfo?.info_kind,
    filtering: bridge?.vlan_filtering,
  };
}

function addressesOf(l: Json): string[] {
  return l.addr_info
    .filter((a: Json) => a.scope !== "link")
    .map((a: Json) => `${l.ifname} ${a.local}/${a.prefixlen} ${a.scope}`);
}

function route(r: Json): string[] {
  if (/^(fe80|ff00|multicast)/.test(r.dst) || /^fe80/.test(r.gateway ?? "")) return [];
  const words = [r.type, r.dst, r.gateway && `via ${r.gateway}`, `dev ${r.dev}`, r.table];
  return [[...words, r.protocol, r.scope, r.prefsrc, r.metric].filter(Boolean).join(" ")];
}

/** Rules without handles, and what else stands in tables that have a rule or an element. */
function nftRules(objects: Json[]): unknown[] {
  const tableOf = (o: Json) => `${o.family} ${o.table ?? o.name}`;
  const entries = objects.map((o) => Object.entries(o)[0] as [string, Json]);
  const holds = ([kind, o]: [string, Json]) =>
    kind === "rule" || o.elem !== undefined || (kind === "chain" && o.hook === undefined);
  const alive = new Set(entries.filter(holds).map(([, o]) => tableOf(o)));
  return entries
    .filter(([kind, o]) => kind !== "metainfo" && alive.has(tableOf(o)))
    .map(([kind, o]) => ({ [kind]: withoutNoise(o) }));
}

function withoutNoise(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNoise);
  if (value === null || typeof value !== "object") return value;
  const noise = /^(handle|packets|bytes|index)$/;
  const kept = Object.entries(value).filter(([key]) => !noise.test(key));
  return Object.fromEntries(kept.map(([key, v]) => [key, withoutNoise(v)]));
}

const unremarkable = /\/(lock|last_reserved_ip\.\d+|xtables\.lock)$|^\/run\/netns\//;

function filesBelow(root: string, tops: string[]): Record<string, string> {
  const files: Record<string, string> = {};
  const walk = (dir: string) => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (unremarkable.test(path)) continue;
      else if (entry.isSymbolicLink()) {
        const target = readlinkSync(join(root, path));
        if (!isIndex(join(root, dir), entry.name, target)) files[path] = `-> ${target}`;
      } else files[path] = entry.isFile() ? readFileSync(join(root, path), "latin1") : "special";
    }
  };
  for (const top of tops) walk(top);
  return files;
}

/**
 * Whether a link is our host-local's note, `.CONTAINERID:IFNAME` → `BOOT/LEASE/...`, of leases that
 * exist: it repeats what they say. Without them it is a leak.
 */
function isIndex(dir: string, name: string, target: string): boolean {
  const [, ...leases] = target.split("/");
  return /^\..*:/.test(name) && leases.every((lease) => existsSync(join(dir, lease)));
}
