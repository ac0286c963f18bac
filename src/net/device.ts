/**
 * Which device of the host a config means.
 *
 * Reference: plugins/main/host-device/host-device.go (loadConf, getLink, handleDeviceID).
 */
import { formatMac, parseMac } from "../addr/mac.ts";
import { CniError } from "../cni/errors.ts";
import { exists, list, readLink } from "../kernel/files.ts";
import type { Link } from "../kernel/links.ts";
import type { Netns } from "../kernel/netns.ts";

/** The keys that name it; the first that is given counts. */
export interface Selectors {
  device?: string | undefined;
  hwaddr?: string | undefined;
  kernelpath?: string | undefined;
  pciBusID?: string | undefined;
  runtimeConfig?: { deviceID?: string | undefined } | undefined;
}

/** Where a device stands in sysfs: below which directory, and of which bus. */
interface Place {
  bus: "pci" | "auxiliary";
  id: string;
}

const buses = { pci: "/sys/bus/pci/devices", auxiliary: "/sys/bus/auxiliary/devices" } as const;

/** Drivers that hand a PCI device to a program: the kernel has no interface of it then. */
const userDrivers = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/** Refuses a config that names none. */
export function requireSelector(selectors: Selectors): void {
  const { device, hwaddr, kernelpath, pciBusID, runtimeConfig } = selectors;
  if (device || hwaddr || kernelpath || pciBusID || runtimeConfig?.deviceID) return;
  throw invalid('specify either "device", "hwaddr", "kernelpath" or "pciBusID"');
}

/** Where the config says that the device stands: the runtime's choice wins over the config's. */
function placeOf({ pciBusID, runtimeConfig }: Selectors): Place | undefined {
  const id = runtimeConfig?.deviceID;
  if (!id) return pciBusID ? { bus: "pci", id: pciBusID } : undefined;
  for (const bus of ["pci", "auxiliary"] as const) {
    if (!id.includes("/") && exists(`${buses[bus]}/${id}`)) return { bus, id };
  }
  throw invalid(`runtime config DeviceID ${id} not found or unsupported`);
}

/** Whether the device is one that a program drives (DPDK): there is no interface to be moved. */
export function isProgramDriven(selectors: Selectors & { DPDKMode: boolean }): boolean {
  const place = placeOf(selectors);
  if (place?.bus !== "pci") return selectors.DPDKMode;
  const path = `${buses.pci}/${place.id}/driver`;
  const driver = readLink(path);
  if (driver !== null) return userDrivers.includes(driver.replace(/^.*\//, ""));
  throw invalid("error with host device", `${path} cannot be read: the device has no driver`);
}

/** @throws {CniError} in words that say by what it was looked for, and where */
export function findDevice(host: Netns, selectors: Selectors): Link {
  const { device, hwaddr, kernelpath } = selectors;
  if (device) return host.links.find(device) ?? notFound(`there is no link "${device}"`);
  if (hwaddr) return byMac(host, hwaddr);
  if (kernelpath) return byKernelPath(host, kernelpath);
  const place = placeOf(selectors);
  if (!place) throw notFound("the config does not name one");
  return byPlace(host, place);
}

function byMac(host: Netns, text: string): Link {
  let mac: string;
  try {
    mac = formatMac(parseMac(text));
  } catch (error) {
    throw invalid(`failed to parse MAC address ${JSON.stringify(text)}`, (error as Error).message);
  }
  return host.links.dump().find((link) => link.mac === mac) ?? notFound(`no link has MAC ${mac}`);
}

function byKernelPath(host: Netns, path: string): Link {
  if (!path.startsWith("/sys/devices/") || path.split("/").includes("..")) {
    throw invalid(`kernel device path "${path}" must be absolute and begin with /sys/devices/`);
  }
  return firstIn(host, `${path}/net`) ?? notFound(`"${path}/net" names no link`);
}

function byPlace(host: Netns, { bus, id }: Place): Link {
  const device = `${buses[bus]}/${id}`;
  // A virtio device is a device of its own below that of the bus.
  const virtio = list(device).filter((name) => name.startsWith("virtio"));
  const places = [device, ...virtio.sort().map((name) => `${device}/${name}`)];
  for (const place of places) {
    const link = firstIn(host, `${place}/net`);
    if (link) return link;
  }
  throw notFound(`the ${bus} device ${id} has no link on the host`);
}

/** The first link of the host among those that a directory of sysfs names. */
function firstIn(host: Netns, directory: string): Link | undefined {
  for (const name of list(directory).sort()) {
    const link = host.links.find(name);
    if (link) return link;
  }
  return undefined;
}

function notFound(why: string): never {
  throw new CniError("Internal", `Cannot find the host device: ${why}`);
}

function invalid(message: string, details?: string): CniError {
  return new CniError("InvalidNetworkConfig", message, details);
}
