/** What port mappings by `iptables` are called, as portmap_iptables.go of the reference has it. */
import { sha512Hex } from "../kernel/digest.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";

/** Names that nodes out there have rules in: never to be changed. */
export const natTable = "nat";
export const dnatChain = "CNI-HOSTPORT-DNAT";
/** What versions before 0.7 made. */
export const oldSnatChain = "CNI-HOSTPORT-SNAT";

/** `CNI-DN-` or `CNI-SN-` and 21 hex digits, of network and container. */
export function chainOf(
  kind: "DN" | "SN",
  { network, containerId }: Omit<Attachment, "ifName">,
): string {
  return `CNI-${kind}-${sha512Hex(network + containerId, 21)}`;
}

/** Whether the rule with this comment is of a container of `network` without a valid attachment. */
export function isStale(
  rule: { chain: string | undefined; comment: string },
  network: string,
  valid: readonly ValidAttachment[],
): boolean {
  const [, name, containerId = ""] = /^dnat name: "(.*)" id: "(.*)"$/.exec(rule.comment) ?? [];
  if (name !== network || valid.some((each) => each.containerId === containerId)) return false;
  return rule.chain === chainOf("DN", { network, containerId });
}
