/** What identifies an attachment, and the hashes that the reference makes of it. */
import { sha512Hex } from "../kernel/digest.ts";

/** One interface of one container in one network. */
export interface Attachment {
  /** The network's name: the config's `name`. */
  network: string;
  /** CNI_CONTAINERID. */
  containerId: string;
  /** CNI_IFNAME. */
  ifName: string;
}

/** An attachment that the runtime still has, as GC names it (`cni.dev/valid-attachments`). */
export type ValidAttachment = Omit<Attachment, "network">;

/** A call asks for the hashes of the same two or three texts again and again. */
const hashes = new Map<string, string>();

/** The first 16 hex digits of the SHA-512. */
export function hashOf(text: string): string {
  let hash = hashes.get(text);
  if (hash === undefined) {
    hash = sha512Hex(text, 16);
    hashes.set(text, hash);
  }
  return hash;
}

/**
 * Network and interface: `6fd94d501e58f0aa-287fc69eff0574a2`. What starts alike is of one network.
 * Source: pkg/ip/ipmasq_nftables_linux.go.
 */
export function instanceHash({ network, ifName, containerId }: Attachment): string {
  return `${hashOf(network)}-${hashOf(`${ifName}:${containerId}`)}`;
}

/** The comment on rules and elements, as the reference has it (pkg/ip/ipmasq_nftables_linux.go). */
export function ruleComment(attachment: Attachment): string {
  const { network, containerId, ifName } = attachment;
  const names = `net: ${network}, if: ${ifName}, id: ${containerId}`;
  return `${instanceHash(attachment)}, ${names.replaceAll('"', "")}`;
}

/** How long an instanceHash is. */
export const hashLength = 33;

/**
 * The chain of iptables that the reference makes for a container in a network: `CNI-` and 24 hex
 * digits. Source: pkg/utils/utils.go, FormatChainName.
 */
export function iptablesChain({ network, containerId }: Omit<Attachment, "ifName">): string {
  return `CNI-${sha512Hex(network + containerId, 24)}`;
}

/** The comment that the reference puts on its rules for iptables. */
export function iptablesComment({ network, containerId }: Omit<Attachment, "ifName">): string {
  return `name: "${network}" id: "${containerId}"`;
}

/**
 * Whether a jump of iptables to `chain` is for a container of `network` that has no valid attachment
 * in it. The chain's name is a hash, but the comment says what of.
 */
export function isStaleJump(
  jump: { chain: string | undefined; comment: string },
  network: string,
  valid: readonly ValidAttachment[],
): boolean {
  const [, name, containerId = ""] = /^name: "(.*)" id: "(.*)"$/.exec(jump.comment) ?? [];
  if (name !== network || valid.some((each) => each.containerId === containerId)) return false;
  return jump.chain === iptablesChain({ network, containerId });
}
