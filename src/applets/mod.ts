/** The applets: one line each, the name of the file here, of the plugin, and of argv[0]. */
export const applets = [
  "bandwidth",
  "bridge",
  "dhcp",
  "dummy",
  "firewall",
  "host-device",
  "host-local",
  "ipvlan",
  "loopback",
  "macvlan",
  "portmap",
  "ptp",
  "sample",
  "sbr",
  "static",
  "tap",
  "tuning",
  "vlan",
  "vrf",
] as const;

/** Templates for who writes plugins: a node is neither told of them nor gets them, unless it asks for all. */
const templates: readonly string[] = ["sample"];

/** What a node has use for. */
export const plugins = applets.filter((name) => !templates.includes(name));

/** Commands that are no plugins; like applets they go by argv[0] or the first argument. */
export const tools = ["cnitool"] as const;
