/** DEL and GC of the firewall, whoever set it up: we by any backend, or the Go plugin. */
import { equal } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { tryAll } from "../cni/undo.ts";
import type { Netns } from "../kernel/netns.ts";
import { Nft, type Question } from "../kernel/nft.ts";
import type { Change } from "../kernel/nft-changes.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, remove } from "./attachment-set-removal.ts";
import type { Others } from "./attachment-set-shared.ts";
import { Forward, familyOf } from "./firewall-forward.ts";
import * as iptables from "./firewall-iptables.ts";
import * as own from "./firewall-nft.ts";
import type { FirewallConfig } from "./firewall-plan.ts";
import * as firewalld from "./firewalld.ts";
import * as isolation from "./isolation.ts";
import { askIsolation } from "./isolation-names.ts";
import { whereSupported } from "./nft-remains.ts";
import type { Owned } from "./set-feature.ts";

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
  const policy = askIsolation(attachment);
  const forgetting = new Forgetting(host, config, ips, policy);
  let gone: readonly Owned[] = [];
  let isUnknown = true;
  tryAll(
    () =>
      whereSupported(() => {
        gone = remove(host, featuresOf(config), attachment, forgetting);
        isUnknown = gone.length === 0;
        if (policy.some(({ answer }) => answer)) isolation.remove(host, attachment);
      }),
    () => removeElsewhere(config, gone),
    () => isUnknown && removeUnknown(config, forgetting.free),
  );
}

function featuresOf({ iptablesAdminChainName }: FirewallConfig) {
  return own.features(iptablesAdminChainName);
}

/** What nf_tables does not show. */
export function removeElsewhere({ firewalldZone }: FirewallConfig, gone: readonly Owned[]): void {
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
  readonly #more: readonly Question<unknown>[];
  /** Those addresses that nobody has now. */
  free: readonly Ip[];

  /**
   * @param ips that the one who is going may have had besides
   * @param more what else to ask
   */
  constructor(
    host: Netns,
    config: FirewallConfig,
    ips: readonly Ip[],
    more: readonly Question<unknown>[] = [],
  ) {
    this.#host = host;
    this.#ips = ips;
    this.#more = more;
    this.free = ips;
    this.#forwards = (["ip", "ip6"] as const).map(
      (family) => new Forward(host, family, config.iptablesAdminChainName),
    );
  }

  get questions() {
    return [...this.#forwards.map((forward) => forward.question), ...this.#more];
  }

  changes(gone: readonly Owned[]): Change[] {
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
  #withoutTaken(ips: readonly Ip[], gone: readonly Owned[]): Ip[] {
    const asked = ips.flatMap((ip) => {
      return own.askOthers(ip, gone).map((question) => ({ ip, question }));
    });
    this.#host.use(Nft).look(asked.map(({ question }) => question));
    const taken = asked.filter(({ question }) => question.answer).map(({ ip }) => ip);
    return ips.filter((ip) => !taken.includes(ip));
  }
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function collectStale(
  host: Netns,
  config: FirewallConfig,
  network: string,
  valid: readonly ValidAttachment[],
): void {
  tryAll(
    () =>
      whereSupported(() => {
        const forgetting = new Forgetting(host, config, []);
        removeElsewhere(config, collect(host, featuresOf(config), network, valid, forgetting));
      }),
    () => whereSupported(() => isolation.collect(host, network, valid)),
  );
}
