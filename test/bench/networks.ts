/** The networks that are measured; each is a chain of one plugin or more. */
import type { Network } from "./workload.ts";

const hostLocal = { type: "host-local", subnet: "10.9.0.0/16" };

export const networks: Network[] = [
  { label: "loopback", plugins: [{ type: "loopback" }] },
  {
    label: "bridge + host-local",
    plugins: [{ type: "bridge", bridge: "bench0", isDefaultGateway: true, ipam: hostLocal }],
  },
  {
    label: "bridge with ipMasq + host-local",
    plugins: [
      {
        type: "bridge",
        bridge: "bench1",
        isDefaultGateway: true,
        ipMasq: true,
        ipam: { ...hostLocal, subnet: "10.10.0.0/16" },
      },
    ],
  },
  {
    label: "macvlan + host-local",
    plugins: [
      { type: "macvlan", master: "under0", ipam: { ...hostLocal, subnet: "10.11.0.0/16" } },
    ],
  },
  {
    label: "ptp + host-local",
    plugins: [{ type: "ptp", ipam: { ...hostLocal, subnet: "10.12.0.0/16" } }],
  },
  {
    label: "ptp with ipMasq + host-local",
    plugins: [{ type: "ptp", ipMasq: true, ipam: { ...hostLocal, subnet: "10.13.0.0/16" } }],
  },
  {
    label: "host-device + host-local",
    plugins: [
      { type: "host-device", device: "lent0", ipam: { ...hostLocal, subnet: "10.14.0.0/16" } },
    ],
  },
];

/**
 * What a container of Kubernetes may get: a bridge, and all that is chained to it. Of the plugins only
 * those that both sides have.
 */
export function chain(has: (type: string) => boolean): Network {
  const plugins = [
    {
      type: "bridge",
      bridge: "bench2",
      isDefaultGateway: true,
      ipMasq: true,
      ipam: { ...hostLocal, subnet: "10.15.0.0/16" },
    },
    {
      type: "portmap",
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
    },
    {
      type: "bandwidth",
      ...{ ingressRate: 1e9, ingressBurst: 1e8, egressRate: 1e9, egressBurst: 1e8 },
    },
    { type: "firewall" },
    { type: "tuning", mtu: 1400, sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" } },
  ].filter(({ type }) => has(type));
  return { label: plugins.map(({ type }) => type).join(" + "), plugins };
}
