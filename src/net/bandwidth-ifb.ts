/** The links of kind ifb that containers send through: whose they are, and which are left over. */
import type { Result } from "../cni/result.ts";
import type { Undo } from "../cni/undo.ts";
import { sha512Hex } from "../kernel/digest.ts";
import { isKernelError } from "../kernel/errors.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";
import { type Qdisc, Traffic } from "../kernel/traffic.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import { alias } from "./ownership.ts";

/**
 * The ifb of a container in a network, as the reference names it: its second interface there finds the
 * name taken. Source: plugins/meta/bandwidth/main.go, getIfbDeviceName.
 */
export function sharedIfbName({ network, containerId }: Omit<Attachment, "ifName">): string {
  return `bwp${sha512Hex(network + containerId, 12)}`;
}

/** The name for an interface that finds the shared one taken. */
export function ownIfbName({ network, containerId, ifName }: Attachment): string {
  return `bwp${sha512Hex(`${network}/${containerId}/${ifName}`, 12)}`;
}

/** Makes the attachment's ifb, down and without an alias. What a killed ADD has left is replaced. */
export function addIfb(host: Netns, attachment: Attachment, mtu: number, undo: Undo): Link {
  const add = (name: string): Link => {
    const link = host.links.add({ name, mtu, info: { kind: "ifb" } });
    undo.push("delete the ifb link", () => host.links.remove(link.index));
    return link;
  };
  const name = sharedIfbName(attachment);
  try {
    return add(name);
  } catch (error) {
    if (!isKernelError(error, "EEXIST")) throw error;
  }
  const old = host.links.find(name);
  if (old?.alias === alias(attachment)) {
    host.links.remove(old.index);
    return add(name);
  }
  const own = ownIfbName(attachment);
  host.links.remove(own);
  return add(own);
}

/**
 * Removes the ifb with the shared name if it is the attachment's. One of the Go plugin has no alias, nor
 * has one of an ADD that was killed: it may be in use by another interface of the container.
 * @param isLast whether nothing can tell: then it goes
 */
export function removeSharedIfb(
  host: Netns,
  attachment: Attachment,
  result: Result | undefined,
  isLast: boolean,
): void {
  const shared = host.links.find(sharedIfbName(attachment));
  if (shared?.info?.kind !== "ifb") return;
  const isOurs = shared.alias
    ? shared.alias === alias(attachment)
    : isLast ||
      result?.interfaces.some(({ name }) => name === shared.name) ||
      !targets(host, host.use(Traffic).dump()).has(shared.index);
  if (isOurs) host.links.remove(shared.index);
}

/** All links that something is redirected to. */
function targets(host: Netns, qdiscs: readonly Qdisc[]): Set<number> {
  const inputs = qdiscs.filter(({ kind }) => kind === "ingress" || kind === "clsact");
  return new Set(inputs.flatMap(({ index }) => host.use(Traffic).redirects(index)));
}

/**
 * The Go plugin's ifbs do not tell whose they are. One that has its bucket, which it gets last, and that
 * nothing is redirected to has lost its container, of whatever network.
 */
export function collectNameless(
  host: Netns,
  network: string,
  valid: readonly ValidAttachment[],
): void {
  const kept = new Set(valid.map(({ containerId }) => sharedIfbName({ network, containerId })));
  const suspects = host.links
    .dump({ kind: "ifb" })
    .filter(({ name, alias }) => !alias && /^bwp[0-9a-f]{12}$/.test(name) && !kept.has(name));
  if (suspects.length === 0) return;
  const qdiscs = host.use(Traffic).dump();
  const used = targets(host, qdiscs);
  const isFull = ({ index }: Link) => qdiscs.some((q) => q.index === index && q.bucket);
  for (const link of suspects) {
    if (isFull(link) && !used.has(link.index)) host.links.remove(link.index);
  }
}
