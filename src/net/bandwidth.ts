/**
 * Limits on what a container sends and receives. What it receives, the host's end of its veth pair
 * sends, from a token bucket. What it sends goes through a link of kind ifb, which has a bucket too:
 * only sending can be slowed down.
 */
import { CniError } from "../cni/errors.ts";
import type { Result } from "../cni/result.ts";
import { tryAll, Undo } from "../cni/undo.ts";
import type { Link } from "../kernel/links.ts";
import { Netns } from "../kernel/netns.ts";
import { Traffic } from "../kernel/traffic.ts";
import type { Attachment, ValidAttachment } from "./attachment.ts";
import {
  addIfb,
  collectNameless,
  ownIfbName,
  removeSharedIfb,
  sharedIfbName,
} from "./bandwidth-ifb.ts";
import {
  bucketOf,
  differenceOf,
  type Limit,
  type Limits,
  smallestBurst,
} from "./bandwidth-limits.ts";
import { alias, collectLinks } from "./ownership.ts";
import * as verify from "./verify.ts";

/**
 * The host's end of the container's interface, which must be of a veth pair.
 * @throws {CniError} in the words of the reference
 */
export function hostEnd(host: Netns, container: Netns, ifName: string): Link {
  const inside = container.links.find(ifName);
  if (inside?.info?.kind !== "veth" || !inside.parent) {
    const found = inside ? (inside.info?.kind ?? "a device without a kind") : "none";
    throw noEnd(`container interface ${ifName} has no veth peer`, `found ${found}`);
  }
  const outer = host.links.find(inside.parent);
  // Another namespace may have an interface of that index.
  if (outer?.info?.kind === "veth" && outer.parent === inside.index) return outer;
  throw noEnd(`veth peer with index ${inside.parent} is not in host ns`);
}

/** The host's end must be among the interfaces of the result, where that names any. */
export function expectListed(outer: Link, { interfaces }: Result): void {
  if (interfaces.length === 0) throw noEnd("no interfaces provided");
  if (interfaces.some(({ name, sandbox }) => !sandbox && name === outer.name)) return;
  throw noEnd(
    "no veth peer of container interface found in host ns",
    `prevResult does not have ${outer.name}`,
  );
}

function noEnd(message: string, details?: string): CniError {
  return new CniError("Internal", message, details);
}

export interface Shaping {
  host: Netns;
  undo: Undo;
  warn(message: string): void;
  attachment: Attachment;
  limits: Limits;
}

/**
 * Puts the limits on the host's end of a pair.
 * @returns the ifb, if there is a limit that needs one
 */
export function shape(shaping: Shaping, outer: Link): Link | undefined {
  const { host, undo, attachment, limits } = shaping;
  const { ingress, egress } = limits;
  const traffic = host.use(Traffic);
  for (const key of ["ingress", "egress"] as const) warnOfPackets(shaping, key, outer);
  if (ingress) {
    traffic.addBucket(outer.index, bucketOf(ingress, outer.mtu));
    undo.push("remove the limit", () => traffic.removeBucket(outer.index));
  }
  if (!egress) return undefined;
  const ifb = addIfb(host, attachment, outer.mtu, undo);
  // Bucket first: the qdisc of a link that is up can only be changed with a pause.
  traffic.addBucket(ifb.index, bucketOf(egress, outer.mtu));
  host.links.change(ifb.index, { up: true, alias: alias(attachment) });
  traffic.addIngress(outer.index);
  undo.push("remove the redirection", () => traffic.removeIngress(outer.index));
  traffic.redirect(outer.index, ifb.index);
  return ifb;
}

/** A packet that is larger than the bucket can never go. */
function warnOfPackets(
  { limits, warn }: Shaping,
  direction: "ingress" | "egress",
  { mtu }: Link,
): void {
  const limit = limits[direction];
  const smallest = smallestBurst(mtu);
  if (!limit || limit.burst * 8 >= smallest) return;
  const what = `${direction}Burst is smaller than a packet: those of the full MTU are dropped`;
  warn(`${what}; it should be ${smallest} or more`);
}

/**
 * Throws in what the limits are not as `shape` put them. What the Go plugin made will do: a node may
 * have changed from it to us.
 */
export function check(
  host: Netns,
  attachment: Attachment,
  { ingress, egress }: Limits,
  outer: Link,
  result: Result,
): void {
  if (ingress) expectBucket(host, outer, ingress);
  if (!egress) return;
  const names = [sharedIfbName(attachment), ownIfbName(attachment)];
  const entry = result.interfaces.find(({ name, sandbox }) => !sandbox && names.includes(name));
  if (!entry) throw verify.failed("Cannot find the ifb link in prevResult");
  const ifb = verify.expectLink(host, entry, "ifb");
  if (!ifb.up) throw verify.failed(`Link ${ifb.name} is down`);
  expectBucket(host, ifb, egress);
  if (!host.use(Traffic).redirects(outer.index).includes(ifb.index)) {
    throw verify.failed(`What comes in on ${outer.name} is not redirected to ${ifb.name}`);
  }
}

function expectBucket(host: Netns, { index, name }: Link, limit: Limit): void {
  const root = host.use(Traffic).root(index);
  const difference = root?.bucket
    ? differenceOf(root.bucket, limit)
    : `its root qdisc is ${root?.kind ?? "absent"}, not tbf`;
  if (difference) throw verify.failed(`Link ${name} is not limited as configured`, difference);
}

/**
 * Removes what `shape`, or the Go plugin, made for the attachment. What is not there is no error.
 *
 * The host's end, which the next DEL of the chain removes, is freed of its limits if it can be found:
 * without the ifb it would drop all that the container sends.
 */
export function unshape(
  host: Netns,
  attachment: Attachment,
  container: Netns | undefined,
  result: Result | undefined,
): void {
  const isLast = !container && !result;
  tryAll(
    () => container && freeHostEnd(host, container, attachment.ifName),
    () => host.links.remove(ownIfbName(attachment)),
    () => removeSharedIfb(host, attachment, result, isLast),
  );
}

function freeHostEnd(host: Netns, container: Netns, ifName: string): void {
  let outer: Link;
  try {
    outer = hostEnd(host, container, ifName);
  } catch (error) {
    if (error instanceof CniError) return;
    throw error;
  }
  const traffic = host.use(Traffic);
  tryAll(
    () => traffic.removeIngress(outer.index),
    () => traffic.removeBucket(outer.index),
  );
}

/** Removes the ifbs of attachments of `network` that are not among `valid`, and what Go left. */
export function gc(host: Netns, network: string, valid: readonly ValidAttachment[]): void {
  tryAll(
    () => collectLinks(host, network, valid, "ifb"),
    () => collectNameless(host, network, valid),
  );
}

/** Tries it all in a namespace made for that. @throws KernelError: what the kernel lacks */
export function probe(): void {
  const scratch = Netns.create();
  try {
    const limit: Limit = { rate: 1e6, burst: 1e6, latency: 25 };
    const attachment = { network: "probe", containerId: "probe", ifName: "lo" };
    const limits = { ingress: limit, egress: limit };
    const lo = { ...scratch.links.get("lo"), mtu: 1500 };
    shape({ host: scratch, undo: new Undo(), warn() {}, attachment, limits }, lo);
  } finally {
    scratch.close();
  }
}
