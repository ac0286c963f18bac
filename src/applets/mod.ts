/** The applets: one line each, the name of the file here, of the plugin, and of argv[0]. */
export const applets = [
  "bandwidth",
  "bridge",
  "dhcp",
  "dummy",
  "host-device",
  "host-local",
  "ipvlan",
  "loopback",
  "macvlan",
  "portmap",
  "ptp",
  "sample",
  "static",
  "tap",
  "tuning",
  "vlan",
] as const;
