/** The config keys that every plugin has, and fragments that several applets declare. */

/** DNS settings, as they stand in configs and results (SPEC, "well-known types"). */
export const dns = {
  type: "object",
  description: "DNS settings of the container",
  properties: {
    nameservers: { type: "array", items: { type: "string" }, description: "Server addresses" },
    domain: { type: "string", description: "Local domain for short names" },
    search: { type: "array", items: { type: "string" }, description: "Domains searched in turn" },
    options: { type: "array", items: { type: "string" }, description: "Resolver options" },
  },
  additionalProperties: false,
} as const;

/** A route as IPAM configs declare it; `table` and `scope` differ from absent when they are 0. */
export const route = {
  type: "object",
  properties: {
    dst: { type: "string", description: "Destination in CIDR notation" },
    gw: { type: "string", emptyIsAbsent: true, description: "Next hop" },
    mtu: { type: "integer", minimum: 0, emptyIsAbsent: true, description: "Path MTU" },
    advmss: { type: "integer", minimum: 0, emptyIsAbsent: true, description: "Advertised MSS" },
    priority: { type: "integer", minimum: 0, emptyIsAbsent: true, description: "Route metric" },
    table: { type: "integer", minimum: 0, description: "Routing table number" },
    scope: { type: "integer", minimum: 0, description: "0 global, 253 link, 254 host" },
  },
  required: ["dst"],
  additionalProperties: false,
} as const;

const attachments = {
  type: "array",
  items: {
    type: "object",
    properties: {
      containerID: { type: "string", description: "CNI_CONTAINERID" },
      ifname: { type: "string", description: "CNI_IFNAME" },
    },
    required: ["containerID", "ifname"],
    additionalProperties: false,
  },
} as const;

/** What the runtime and the reference put into every config. */
export const common = {
  cniVersion: { type: "string", description: "Version of the CNI spec" },
  name: { type: "string", description: "Name of the network" },
  type: { type: "string", description: "Name of the plugin" },
  disableCheck: { type: "boolean", description: "The runtime makes no CHECK calls" },
  disableGC: { type: "boolean", description: "The runtime makes no GC calls" },
  capabilities: {
    type: "object",
    additionalProperties: { type: "boolean" },
    description: "Which runtimeConfig keys the runtime may send",
  },
  ipam: {
    type: "object",
    properties: {
      type: { type: "string", emptyIsAbsent: true, description: "Name of the IPAM plugin" },
    },
    additionalProperties: true,
    description: "Address management; all of it is the IPAM plugin's to read",
  },
  dns,
  args: { type: "object", description: "Optional metadata from the runtime, e.g. args.cni" },
  runtimeConfig: { type: "object", description: "Capability values, set by the runtime" },
  prevResult: {
    type: "object",
    description: "Result of the plugin before this one, set by the runtime",
  },
  "cni.dev/valid-attachments": {
    ...attachments,
    description: "Attachments that GC must keep, set by the runtime",
  },
  "cni.dev/attachments": { ...attachments, description: "Older name of the key above" },
} as const;
