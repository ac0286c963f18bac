/**
 * The firewall of one attachment: its addresses are accepted, and its policy says who is kept from it.
 * Natively, unless the config asks for iptables, or firewalld has the say on this host.
 */
import { equal } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import type { Netns } from "../kernel/netns.ts";
import type { Attachment } from "./attachment.ts";
import { install } from "./attachment-set.ts";
import type { Others } from "./attachment-set-shared.ts";
import { familyOf, filterTable } from "./firewall-forward.ts";
import * as iptables from "./firewall-iptables.ts";
import * as own from "./firewall-nft.ts";
import {
  type Asked,
  backendFor,
  forwardsFor,
  iptablesAsked,
  isOurs,
  isolationFor,
  legacyAdvice,
  type Warn,
} from "./firewall-plan.ts";
import { removeElsewhere } from "./firewall-removal.ts";
import * as firewalld from "./firewalld.ts";
import { hasLegacyTable } from "./iptables-legacy.ts";
import * as isolation from "./isolation.ts";
import { whereSupported } from "./nft-remains.ts";

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
  const prepare = () => {
    if (asked.isolation) isolation.setup(host, attachment, isolationFor(backend, asked));
    const wanted = own.entriesOf(backend, ips, config.iptablesAdminChainName);
    const before = install(host, attachment, wanted, accepting(host, asked, backend));
    // Only who was there before, or has no address to be known by, may have had a policy.
    if (!asked.isolation && (before.length > 0 || ips.length === 0)) {
      isolation.remove(host, attachment);
    }
    // What is accepted anew by the same backend stays.
    const kept = ips.map((ip) => own.entryOf(backend, ip));
    const gone = before.filter(({ entry }) => !kept.some((each) => equal(each, entry)));
    if (gone.length > 0) removeElsewhere(config, gone);
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

function warnOfLegacy(ips: readonly Ip[], warn: Warn): void {
  const families = new Set(ips.map(familyOf));
  const legacy = [...families].filter((family) => hasLegacyTable(family, filterTable));
  if (legacy.length > 0) warn(legacyAdvice);
}
