/**
 * A device of the host that is lent to a container, and comes back.
 *
 * Its alias is its name on the host, as the reference has it: that goes with it, so whoever finds it
 * knows what it is called. Besides, a note in a file says what was lent to whom: a container may
 * rename the device and take its alias away, and when the container's namespace dies, the kernel
 * puts a physical device back on the host, down and under whatever name it had.
 *
 * Reference: plugins/main/host-device/host-device.go (moveLinkIn, moveLinkOut). Differs on purpose:
 * the device moves and gets its new name in one step, where the reference moves it into a third
 * namespace to rename it there; in both cases nobody sees it under a name that is not its own.
 */
import { equal } from "../addr/cidr.ts";
import { CniError } from "../cni/errors.ts";
import type { Undo } from "../cni/undo.ts";
import { record } from "../json/decode.ts";
import { parse } from "../json/parse.ts";
import { serialize } from "../json/serialize.ts";
import { isErrno, list, makeDirectories, readText, remove, writeAtomic } from "../kernel/files.ts";
import type { Link } from "../kernel/links.ts";
import { Netns } from "../kernel/netns.ts";
import { type Attachment, hashOf, instanceHash, type ValidAttachment } from "./attachment.ts";

const directory = "/var/lib/cni/host-device";
/** Of addresses that the kernel gives each interface. */
const linkScope = 253;

/** What is noted of a device that is lent. */
interface Loan {
  network: string;
  containerId: string;
  ifName: string;
  /** Its name on the host. */
  name: string;
  /** Its alias there. */
  alias: string;
  mac: string;
  /** Empty for hardware. */
  kind: string;
  /** The path of the namespace that it is lent to. */
  netns: string;
}

export interface LoanRequest {
  attachment: Attachment;
  host: Netns;
  container: Netns;
  /** CNI_NETNS. */
  netnsPath: string;
  undo: Undo;
}

/** Moves the device into the container, where it is down under its new name; pushes the undo. */
export function lend(device: Link, request: LoanRequest): Link {
  const { attachment, host, container, netnsPath, undo } = request;
  const { containerId, ifName, network } = attachment;
  if (container.links.find(ifName)) {
    throw new CniError("Internal", `Cannot lend "${device.name}": the container has "${ifName}"`);
  }
  const loan: Loan = {
    ...{ network, containerId, ifName, netns: netnsPath },
    // The reference leaves its name in it (1.1.1): that says nothing.
    ...{ name: device.name, alias: device.alias === device.name ? "" : (device.alias ?? "") },
    mac: device.mac,
    kind: device.info?.kind ?? "",
  };
  const restore = rememberConfiguration(host, device);
  let isUnderWay = false;
  undo.push(`give "${device.name}" back`, () => {
    if (isUnderWay) takeBack(loan, host, container);
    if (isUnderWay) restore();
    forget(attachment);
  });
  note(attachment, loan);
  isUnderWay = true;
  host.links.change(device.index, { netns: container, name: ifName, alias: device.name });
  return container.links.get(ifName);
}

/** What moving takes from a device; returned is what gives it again. */
function rememberConfiguration(host: Netns, device: Link): () => void {
  const addresses = host.addresses.list(device.index).filter(({ scope }) => scope !== linkScope);
  const routes = host.routes
    .list({ oif: device.index })
    .filter(({ protocol, nextHops }) => protocol !== "kernel" && !nextHops);
  return () => {
    const { index } = host.links.get(device.name);
    if (device.master) host.links.change(index, { master: device.master });
    if (device.up) host.links.change(index, { up: true });
    const present = host.addresses.list(index);
    const lost = addresses.filter(
      ({ address }) => !present.some((each) => equal(each.address, address)),
    );
    host.addresses.addAll(index, lost);
    host.routes.addAll(
      routes.map((route) => ({ ...route, oif: index })),
      "replace",
    );
  };
}

/**
 * Ends the attachment's loan: the device is on the host again, down, under its name there. Nothing
 * is done where there is none, and where the device is no more.
 *
 * @param container absent: that of the note, if it is still there
 * @param device the config's, for a device that the reference has lent
 * @throws {CniError} while the host has another link of that name: the device stays where it is
 */
export function endLoan(
  host: Netns,
  attachment: Attachment,
  container: Netns | undefined,
  device?: string,
): void {
  const loan = read(attachment);
  if (loan) {
    takeBackFrom(loan, host, container);
    forget(attachment);
  } else {
    endForeignLoan(host, attachment.ifName, container, device);
  }
}

/** Ends the loans of a network whose attachments are not valid any more. */
export function collectLoans(
  host: Netns,
  network: string,
  valid: readonly ValidAttachment[],
): (() => void)[] {
  const kept = new Set(valid.map((each) => instanceHash({ network, ...each })));
  const stale = list(directory).filter(
    (name) => name.startsWith(`${hashOf(network)}-`) && !kept.has(name),
  );
  return stale.map((name) => () => {
    const loan = decode(readText(`${directory}/${name}`));
    if (loan) takeBackFrom(loan, host, undefined);
    remove(`${directory}/${name}`);
  });
}

function takeBackFrom(loan: Loan, host: Netns, container: Netns | undefined): void {
  const opened = container ? undefined : openIfThere(loan.netns);
  try {
    takeBack(loan, host, container ?? opened);
  } finally {
    opened?.close();
  }
}

function openIfThere(path: string): Netns | undefined {
  try {
    return Netns.open(path);
  } catch {
    return undefined; // gone: then the device is on the host, or no more
  }
}

function takeBack(loan: Loan, host: Netns, container: Netns | undefined): void {
  const inside = container && !container.isSame(host) ? findLent(loan, container) : undefined;
  const fallen = inside ? undefined : findFallen(loan, host);
  if (inside) moveBack(host, container as Netns, inside, loan.name, loan.alias);
  if (fallen) moveBack(host, host, fallen, loan.name, loan.alias);
}

/** The device in the container, whatever it is called there by now. */
function findLent(loan: Loan, container: Netns): Link | undefined {
  const named = container.links.find(loan.ifName);
  if (named?.alias === loan.name) return named;
  const links = container.links.dump();
  return links.find((link) => link.alias === loan.name) ?? links.find((link) => isLike(loan, link));
}

/** The device on the host, where it fell when its namespace died. One that is at home is not meant. */
function findFallen(loan: Loan, host: Netns): Link | undefined {
  const links = host.links.dump();
  const marked = links.find((link) => link.alias === loan.name);
  if (marked || links.some(({ name }) => name === loan.name)) return marked;
  return links.find((link) => isLike(loan, link) && !link.master);
}

/** The alias may be taken away; MAC and kind tell, as what sits on a device is of another kind. */
function isLike(loan: Loan, { mac, info }: Link): boolean {
  return mac !== "" && mac === loan.mac && (info?.kind ?? "") === loan.kind;
}

/** What an interface can be called; an alias may be anything. */
const isName = /^[^\s/:]{1,15}$/;

/** What the reference has lent: there is no note, but the alias says what it is called. */
function endForeignLoan(
  host: Netns,
  ifName: string,
  container: Netns | undefined,
  device: string | undefined,
): void {
  const inside = container?.links.find(ifName);
  const name = inside?.alias ?? "";
  if (inside && isName.test(name) && (!device || device === name)) {
    moveBack(host, container as Netns, inside, name, "");
  } else if (device && !host.links.find(device)) {
    const fallen = host.links.dump().find(({ alias }) => alias === device);
    if (fallen) moveBack(host, host, fallen, device, "");
  }
}

function moveBack(host: Netns, from: Netns, link: Link, name: string, alias: string): void {
  const isFallen = from === host;
  const holder = host.links.find(name);
  if (holder && !(isFallen && holder.index === link.index)) {
    throw new CniError(
      "Internal",
      `Cannot give "${link.name}" back as "${name}": the host has a link of that name`,
    );
  }
  if (isFallen) {
    // On the host it may be up, and a link that is up keeps its name.
    host.links.change(link.index, { up: false });
    host.links.change(link.index, { name, alias });
  } else {
    from.links.change(link.index, { netns: host, name, alias });
  }
}

// ── the note ──────────────────────────────────────────────────────────────────────────────────

function pathOf(attachment: Attachment): string {
  return `${directory}/${instanceHash(attachment)}`;
}

function note(attachment: Attachment, loan: Loan): void {
  const path = pathOf(attachment);
  const text = serialize({ ...loan });
  // It is about devices that are on the host again after a power cut: nothing needs to survive one.
  const options = { mode: 0o600, sync: false };
  try {
    writeAtomic(path, text, options);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    makeDirectories(directory, 0o755);
    writeAtomic(path, text, options);
  }
}

function read(attachment: Attachment): Loan | undefined {
  return decode(readText(pathOf(attachment)));
}

/** A damaged note says nothing; the alias of the device still does. */
function decode(text: string | null): Loan | undefined {
  if (text === null) return undefined;
  try {
    const note = record(parse(text), "loan");
    const string = (key: string) => note.string(key);
    const loan = {
      network: string("network"),
      containerId: string("containerId"),
      ifName: string("ifName"),
      name: string("name"),
      alias: string("alias"),
      mac: string("mac"),
      kind: string("kind"),
      netns: string("netns"),
    };
    return loan.name === "" ? undefined : loan;
  } catch {
    return undefined;
  }
}

function forget(attachment: Attachment): void {
  remove(pathOf(attachment));
}
