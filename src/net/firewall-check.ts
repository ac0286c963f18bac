/** CHECK and STATUS of the firewall. */
import { CniError } from "../cni/errors.ts";
import type { Netns } from "../kernel/netns.ts";
import { Nft } from "../kernel/nft.ts";
import type { Attachment } from "./attachment.ts";
import { findDamage } from "./attachment-set-check.ts";
import { filterTable } from "./firewall-forward.ts";
import * as iptables from "./firewall-iptables.ts";
import * as own from "./firewall-nft.ts";
import {
  type Asked,
  backendFor,
  type FirewallConfig,
  forwardsFor,
  iptablesAsked,
  isOurs,
  isolationFor,
  legacyAdvice,
  type Warn,
} from "./firewall-plan.ts";
import * as firewalld from "./firewalld.ts";
import { hasLegacyTable } from "./iptables-legacy.ts";
import * as isolation from "./isolation.ts";

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
  const notes = own.entriesOf(backend, asked.ips, asked.config.iptablesAdminChainName);
  const damage = isAccepted ? undefined : findDamage(host, attachment, notes);
  if (damage !== undefined || !asked.isolation) return damage;
  return isolation.findDamage(host, attachment, isolationFor(backend, asked));
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
