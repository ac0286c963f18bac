/**
 * The firewall of one attachment: its addresses are accepted, and its policy says who is kept from it.
 * Natively, unless the config asks for iptables, or firewalld has the say on this host.
 */
import { equal } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { CniError } from "../cni/errors.ts";
import { tryAll } from "../cni/undo.ts";
import type { Netns } from "../kernel/netns.ts";
import { askElement, Nft } from "../kernel/nft.ts";
import type { Change } from "../kernel/nft-changes.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, install, type LostKey, type Others, uninstall } from "./attachment-chain.ts";
import { findDamage } from "./attachment-check.ts";
import type { MapKey, Part } from "./feature.ts";
import { Forward, familyOf, filterTable } from "./firewall-forward.ts";
import * as iptables from "./firewall-iptables.ts";
import * as own from "./firewall-nft.ts";
import * as firewalld from "./firewalld.ts";
import { hasLegacyTable } from "./iptables.ts";
import * as isolation from "./isolation.ts";
import { whereSupported } from "./nft-remains.ts";

/** The config keys that say how, as the applet's schema has them. */
export interface FirewallConfig {
  backend?: string | undefined;
  iptablesAdminChainName: string;
  firewalldZone: string;
}

/** What one attachment asks for. */
export interface Asked {
  config: FirewallConfig;
  /** Of the container. */
  ips: readonly Ip[];
  /** None where the policy is open. */
  isolation?: Omit<isolation.Isolation, "ips"> | undefined;
}

type Warn = (message: string) => void;

/** Throws if there is no such backend. */
export function checkBackend({ backend }: FirewallConfig): void {
  if (backend === undefined || /^(nftables|iptables|firewalld)$/.test(backend)) return;
  throw new CniError(
    "InvalidNetworkConfig",
    `"backend": "${backend}" is none of nftables, iptables, firewalld`,
  );
}

function backendFor({ backend }: FirewallConfig): own.Backend {
  return (backend as own.Backend | undefined) ?? (firewalld.isRunning() ? "firewalld" : "nftables");
}

/** What stands in nf_tables, whichever backend accepts. */
function partsOf(backend: own.Backend, { config, ips, isolation: wanted }: Asked): Part[] {
  const parts = own.parts(backend, ips, config.iptablesAdminChainName);
  const all = wanted && { ...wanted, ips };
  // Within a bridge iptables depends on what is not ours to set.
  const routed = isolation.routedParts(backend === "iptables" ? undefined : all);
  return [...parts, ...routed, ...isolation.bridgedParts(all)];
}

/**
 * Accepts what the container sends and what answers it, and applies the policy. Safe to repeat: what
 * the attachment had before is replaced.
 *
 * @throws KernelError; NftUnsupported, which names the kernel options; Error with what iptables or
 *   firewalld said
 */
export function setup(host: Netns, attachment: Attachment, asked: Asked, warn: Warn): void {
  const { config, ips } = asked;
  const backend = backendFor(config);
  const parts = partsOf(backend, asked);
  const prepare = () => {
    const before = install(host, attachment, parts, accepting(host, asked, backend));
    // What is accepted anew by the same backend stays.
    const kept = own.keysBy(backend, ips);
    removeElsewhere(
      config,
      before.filter((key) => !kept.some((each) => isSame(each, key))),
    );
  };
  if (backend === "iptables") {
    whereSupported(prepare);
    iptables.setup(iptablesAsked(asked));
    return;
  }
  prepare();
  if (backend === "firewalld") firewalld.add(config.firewalldZone, ips);
  else warnOfLegacy(ips, warn);
}

function isSame(a: MapKey, b: MapKey): boolean {
  return a.map === b.map && equal(a.key, b.key);
}

function iptablesAsked({ config, ips, isolation: wanted }: Asked): iptables.IptablesAsked {
  return { ips, admin: config.iptablesAdminChainName, isolation: wanted };
}

/** The chains FORWARD of the families that have addresses. */
function forwardsFor(host: Netns, { config, ips }: Asked): { forward: Forward; mine: Ip[] }[] {
  const families = (["ip", "ip6"] as const).map((family) => ({
    forward: new Forward(host, family, config.iptablesAdminChainName),
    mine: ips.filter((ip) => familyOf(ip) === family),
  }));
  return families.filter(({ mine }) => mine.length > 0);
}

/** Whether a backend has rules of ours in a chain FORWARD. */
function isOurs(backend: own.Backend, forward: Forward): boolean {
  // Who drops beside firewalld, as docker does, knows nothing of its zones.
  return backend === "firewalld" ? forward.drops() : backend === "nftables" && forward.exists();
}

/** Accept rules in the chains FORWARD that there are; none for addresses of an ADD before. */
function accepting(host: Netns, asked: Asked, backend: own.Backend): Others {
  const forwards = forwardsFor(host, asked);
  return {
    questions: forwards.flatMap(({ forward }) => forward.questions),
    changes(before, isFirst) {
      const known = own.ipsOf(before, "nftables", "iptables");
      const stale = known.filter((ip) => !asked.ips.some((each) => equal(each, ip)));
      return forwards.flatMap(({ forward, mine }) => [
        ...forward.forget(stale.filter((ip) => familyOf(ip) === forward.family)),
        ...(isOurs(backend, forward) ? forward.accept(mine, isFirst || before.length > 0) : []),
      ]);
    },
  };
}

/** Tables of the old iptables are beyond nf_tables, and to run a program is not ours to decide. */
function warnOfLegacy(ips: readonly Ip[], warn: Warn): void {
  const families = new Set(ips.map(familyOf));
  const legacy = [...families].filter((family) => hasLegacyTable(family, filterTable));
  if (legacy.length > 0) warn(legacyAdvice);
}

const legacyAdvice =
  'this host has rules of iptables-legacy, which nf_tables cannot change: if "iptables-legacy -S ' +
  'FORWARD" shows that they drop what they do not know, "backend": "iptables" is needed';

/**
 * Throws what is missing or otherwise than `setup` made it. Accept rules of the Go plugin will do: a
 * node may have changed from it to us.
 */
export function check(host: Netns, attachment: Attachment, asked: Asked): void {
  const backend = backendFor(asked.config);
  const damage =
    backend === "iptables"
      ? iptables.findDamage(iptablesAsked(asked))
      : nativeDamage(host, attachment, asked, backend);
  if (damage !== undefined) throw new CniError("Internal", `The firewall is damaged: ${damage}`);
}

function nativeDamage(
  host: Netns,
  attachment: Attachment,
  asked: Asked,
  backend: own.Backend,
): string | undefined {
  const all = forwardsFor(host, asked);
  host.use(Nft).look(all.flatMap(({ forward }) => forward.questions));
  const forwards = all.filter(({ forward }) => isOurs(backend, forward));
  for (const { forward, mine } of forwards) {
    const damage = forward.findDamage(mine);
    if (damage !== undefined) return damage;
  }
  if (backend === "firewalld") {
    const damage = firewalld.findDamage(asked.config.firewalldZone, asked.ips);
    if (damage !== undefined) return damage;
  }
  const isAccepted = backend === "firewalld" || (all.length > 0 && forwards.length === all.length);
  const parts = partsOf(backend, asked);
  const notes = own.parts(backend, asked.ips, asked.config.iptablesAdminChainName).length;
  const expected = (isAccepted ? parts.slice(notes) : parts).filter(({ chains }) => chains.length);
  return findDamage(host, attachment, expected);
}

/**
 * Removes what `setup` made, by whichever backend, and what the Go plugin made. What is not there is
 * no error, and what another attachment has meanwhile is left alone.
 *
 * @param ips of the result, if there is one: only needed for what we have no notes of
 */
export function teardown(
  host: Netns,
  attachment: Attachment,
  config: FirewallConfig,
  ips: readonly Ip[],
): void {
  const forgetting = new Forgetting(host, config, ips);
  let gone: LostKey[] = [];
  let isUnknown = true;
  tryAll(
    () =>
      whereSupported(() => {
        gone = uninstall(host, featuresOf(config), attachment, forgetting);
        isUnknown = gone.length === 0;
      }),
    () => removeElsewhere(config, gone),
    () => isUnknown && removeUnknown(config, forgetting.free),
  );
}

function featuresOf({ iptablesAdminChainName }: FirewallConfig) {
  return [...own.features(iptablesAdminChainName), ...isolation.features];
}

/** What nf_tables does not show. */
function removeElsewhere({ firewalldZone }: FirewallConfig, gone: readonly LostKey[]): void {
  const sources = own.ipsOf(gone, "firewalld");
  const legacy = own.ipsOf(gone, "iptables");
  tryAll(
    () => sources.length > 0 && firewalld.remove(firewalldZone, sources),
    () => legacy.length > 0 && iptables.teardownLegacy(legacy),
  );
}

/** What was made without notes: by the Go plugin, or on a kernel without nf_tables. */
function removeUnknown({ backend, firewalldZone }: FirewallConfig, ips: readonly Ip[]): void {
  if (ips.length === 0) return;
  if (backend === "iptables") iptables.teardownLegacy(ips);
  else if (backend !== "nftables") firewalld.remove(firewalldZone, ips);
}

/** Removes the rules in chains FORWARD that are about addresses of those who are going. */
class Forgetting implements Others {
  readonly #host: Netns;
  readonly #ips: readonly Ip[];
  readonly #forwards: readonly Forward[];
  /** Those addresses that nobody has now. */
  free: readonly Ip[];

  /** @param ips that the one who is going may have had besides */
  constructor(host: Netns, config: FirewallConfig, ips: readonly Ip[]) {
    this.#host = host;
    this.#ips = ips;
    this.free = ips;
    this.#forwards = (["ip", "ip6"] as const).map(
      (family) => new Forward(host, family, config.iptablesAdminChainName),
    );
  }

  get questions() {
    return this.#forwards.map((forward) => forward.question);
  }

  changes(gone: readonly LostKey[]): Change[] {
    const known = own.ipsOf(gone, "nftables", "iptables", "firewalld");
    const others = this.#ips.filter((ip) => !known.some((each) => equal(each, ip)));
    const places = this.#forwards.filter((forward) => forward.hasAcceptChain());
    if (others.length === 0 && places.length === 0) return [];
    this.free = this.#withoutTaken([...known, ...others], gone);
    return places.flatMap((forward) =>
      forward.forget(this.free.filter((ip) => familyOf(ip) === forward.family)),
    );
  }

  /** Who stays may have got the address since. */
  #withoutTaken(ips: readonly Ip[], gone: readonly LostKey[]): Ip[] {
    const asked = ips.flatMap((ip) =>
      own.setNames
        .filter((set) => !gone.some(({ map, key }) => map === set && equal(key, ip)))
        .map((set) => ({ ip, question: askElement(own.tableOf(familyOf(ip)), set, ip) })),
    );
    this.#host.use(Nft).look(asked.map(({ question }) => question));
    const taken = asked.filter(({ question }) => question.answer).map(({ ip }) => ip);
    return ips.filter((ip) => !taken.includes(ip));
  }
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(
  host: Netns,
  config: FirewallConfig,
  network: string,
  valid: readonly ValidAttachment[],
): void {
  whereSupported(() => {
    const forgetting = new Forgetting(host, config, []);
    removeElsewhere(config, collect(host, featuresOf(config), network, valid, forgetting));
  });
}

/** Why containers cannot be accepted on this host; undefined if they can. */
export function findObstacle(host: Netns, config: FirewallConfig, warn: Warn): string | undefined {
  const { backend } = config;
  if (backend === "firewalld") {
    return firewalld.isRunning() ? undefined : "firewalld is not on the system bus";
  }
  if (backend === "iptables") {
    return iptables.missingProgram([new Uint8Array(4)]) && "iptables is not in PATH";
  }
  if (!host.use(Nft).isSupported()) {
    return 'the kernel lacks CONFIG_NF_TABLES; with it, or with "backend": "iptables", they can';
  }
  if (hasLegacyTable("ip", filterTable)) warn(legacyAdvice);
  return undefined;
}
