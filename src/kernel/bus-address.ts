/** Where the system's message bus is. */
import { sys } from "../sys/sys.ts";
import { exists } from "./files.ts";

const socket = "/var/run/dbus/system_bus_socket";

/** Addresses in the words of the D-Bus specification, with `;` between them. */
export function systemBusAddress(): string {
  return sys.environ().DBUS_SYSTEM_BUS_ADDRESS || `unix:path=${socket}`;
}

/** Whether there may be a system bus. */
export function hasSystemBus(): boolean {
  return Boolean(sys.environ().DBUS_SYSTEM_BUS_ADDRESS) || exists(socket);
}
