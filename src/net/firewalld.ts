/**
 * Containers' addresses as sources of a zone of firewalld, over D-Bus. They are there until firewalld
 * reloads. Reference: plugins/meta/firewall/firewalld.go.
 */
import { formatIp, type Ip } from "../addr/ip.ts";
import { Bus, BusError } from "../kernel/dbus.ts";
import type { Message } from "../kernel/dbus-message.ts";

const name = "org.fedoraproject.FirewallD1";
const zoneInterface = {
  destination: name,
  path: "/org/fedoraproject/FirewallD1",
  interface: "org.fedoraproject.FirewallD1.zone",
} as const;

/** For as long as the call lasts. */
let connection: Bus | undefined;

function open(): Bus {
  connection ??= Bus.connect();
  return connection;
}

/** Whether firewalld is on the system bus; not, if there is no bus that we may use. */
export function isRunning(): boolean {
  try {
    return open().hasName(name);
  } catch {
    return false;
  }
}

/**
 * Adds sources to a zone. Safe to repeat.
 * @throws BusError with what firewalld said, e.g. that another zone has it; Error without a bus
 */
export function add(zone: string, ips: readonly Ip[]): void {
  for (const ip of ips) ask("addSource", zone, ip, /ZONE_ALREADY_SET|ALREADY_ENABLED/);
}

/** Removes sources from a zone; that one is not there is fine, and that firewalld is not. */
export function remove(zone: string, ips: readonly Ip[]): void {
  if (ips.length === 0 || !isRunning()) return;
  for (const ip of ips) ask("removeSource", zone, ip, /UNKNOWN_SOURCE|NOT_ENABLED|INVALID_ZONE/);
}

/** What is missing of what `add` made; undefined if nothing is. */
export function findDamage(zone: string, ips: readonly Ip[]): string | undefined {
  const missing = ips.find((ip) => !ask("querySource", zone, ip)?.body.boolean());
  return missing && `zone ${zone} of firewalld has no source ${sourceOf(missing)}`;
}

function ask(member: string, zone: string, ip: Ip, fine?: RegExp): Message | undefined {
  try {
    return open().call({ ...zoneInterface, member, args: [zone, sourceOf(ip)] });
  } catch (error) {
    if (error instanceof BusError && fine?.test(error.message)) return undefined;
    const why = error instanceof Error ? error.message : error;
    throw new Error(`Cannot call firewalld's ${member} for ${sourceOf(ip)}: ${why}`);
  }
}

/** A host is a subnet of its own: `10.1.0.2/32` */
function sourceOf(ip: Ip): string {
  return `${formatIp(ip)}/${ip.length * 8}`;
}
