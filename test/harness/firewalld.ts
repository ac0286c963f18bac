/** firewalld of its own for a sandbox, with a message bus of its own. */
import { existsSync, writeFileSync } from "node:fs";
import type { Namespace } from "./namespace.ts";

/** Why there can be none; empty if there can. */
export const noFirewalld = ["/usr/sbin/firewalld", "/usr/bin/dbus-daemon"]
  .filter((file) => !existsSync(file))
  .map((file) => `${file} is missing`)
  .join();

const socket = "/run/dbus/system_bus_socket";
/** Whoever is root may do all; nothing is started on demand. */
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
</busconfig>`;

/** Starts a bus where the system's is; it ends with the sandbox. */
export function startBus(host: Namespace): void {
  host.sh("mkdir -p /run/dbus");
  writeFileSync(host.file("/run/bus.conf"), busConfig);
  host.start(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile"]);
  host.sh(`for i in $(seq 100); do [ -S ${socket} ] && exit; sleep 0.05; done; exit 1`);
}

/** Starts a bus and firewalld, and waits for it. It reads the zones of its package. */
export function startFirewalld(host: Namespace): void {
  startBus(host);
  host.sh("mkdir -p /run/etc-firewalld; mount --bind /run/etc-firewalld /etc/firewalld");
  host.start(["firewalld", "--nofork", "--nopid", "--log-file=/dev/null"]);
  host.sh(
    "for i in $(seq 150); do firewall-cmd --state >/dev/null 2>&1 && exit; sleep 0.1; done; exit 1",
  );
}

/** The sources of a zone, as firewalld lists them. */
export function sourcesOf(host: Namespace, zone: string): string[] {
  return host.sh(`firewall-cmd --zone=${zone} --list-sources`).split(/\s+/).filter(Boolean).sort();
}
