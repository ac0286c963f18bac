/** Removing port mappings, whoever made them: we by either backend, or the Go plugin. */
import { tryAll } from "../cni/undo.ts";
import type { Netns } from "../kernel/netns.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { collect, remove } from "./attachment-set-removal.ts";
import { protocols } from "./conditions.ts";
import { legacyFamilies } from "./iptables-legacy.ts";
import { whereSupported } from "./nft-remains.ts";
import { forget, type LostService, type Service } from "./portmap-connections.ts";
import * as guarded from "./portmap-guarded.ts";
import * as iptables from "./portmap-iptables.ts";
import { natTable } from "./portmap-iptables-names.ts";
import { askGuarded, features, servicesOf } from "./portmap-nft.ts";
import type { Mapping } from "./portmap-plan.ts";
import * as remains from "./portmap-remains.ts";

type Warn = (message: string) => void;

/**
 * Removes what `setup` made, and what the Go plugin made for the same container, by whichever
 * backend. What is not there is no error.
 *
 * @param mappings may be empty; only needed to forget UDP connections that iptables redirected
 */
export function teardown(
  host: Netns,
  attachment: Attachment,
  mappings: readonly Mapping[],
  warn: Warn,
): void {
  let removed = false;
  tryAll(
    () =>
      whereSupported(() => {
        const questions = askGuarded(attachment);
        const others = { questions, changes: () => [] };
        forgetLost(host, servicesOf(remove(host, features, attachment, others)), warn);
        const had = questions.some(({ answer }) => answer);
        if (had) forgetLost(host, guarded.remove(host, attachment), warn);
      }),
    () =>
      whereSupported(() => {
        removed = remains.remove(host, attachment);
      }),
    () => {
      if (hasLegacy() && iptables.teardownLegacy(attachment)) removed = true;
    },
    () => removed && forgetMappings(host, mappings, warn),
  );
}

/** Else what runs the program need not be loaded. */
function hasLegacy(): boolean {
  return legacyFamilies(natTable).length > 0;
}

function forgetLost(host: Netns, lost: readonly LostService[], warn: Warn): void {
  for (const family of ["ip", "ip6"] as const) {
    const mine = lost.filter((each) => each.family === family);
    if (mine.some(isUdp)) forget(host, family, mine, warn);
  }
}

/** Others are not forgotten: the code for it need not be loaded. */
function isUdp({ protocol }: Service): boolean {
  return protocol === protocols.udp;
}

function forgetMappings(host: Netns, mappings: readonly Mapping[], warn: Warn): void {
  for (const family of ["ip", "ip6"] as const) {
    const mine = mappings.filter((mapping) => !mapping.family || mapping.family === family);
    const services = mine.map(({ protocol, hostPort, hostIp }) => ({
      protocol: protocols[protocol],
      port: hostPort,
      ...(hostIp && { address: hostIp }),
    }));
    if (services.some(isUdp)) forget(host, family, services, warn);
  }
}

/** Removes what belongs to attachments of `network` that are not among `valid`. */
export function gc(
  host: Netns,
  network: string,
  valid: readonly ValidAttachment[],
  warn: Warn,
): void {
  tryAll(
    () =>
      whereSupported(() => {
        forgetLost(host, servicesOf(collect(host, features, network, valid)), warn);
      }),
    () => whereSupported(() => forgetLost(host, guarded.collect(host, network, valid), warn)),
    () => whereSupported(() => remains.collect(host, network, valid)),
    () => hasLegacy() && iptables.collectLegacy(network, valid),
  );
}
