/** A network that many attachments are on already, as far as what a further ADD could look at. */
import { parseCidr } from "../../src/addr/cidr.ts";
import { Netns } from "../../src/kernel/netns.ts";
import * as masquerade from "../../src/net/masquerade.ts";
import { time } from "./timing.ts";
import { type Network, networkName } from "./workload.ts";

/**
 * Gives the network `count` leases, by real calls of host-local, and their masquerade rules. The
 * containers themselves are left out: a bridge has room for 1,023 ports only.
 */
export function fillNetwork(bin: string, scratch: string, network: Network, count: number): void {
  const [plugin = {}] = network.plugins;
  const name = networkName(network);
  const host = Netns.own();
  for (let i = 0; i < count; i++) {
    const containerId = `crowd${i}`;
    const { stdout } = time(scratch, {
      path: `${bin}/host-local`,
      input: JSON.stringify({ cniVersion: "1.0.0", ...plugin, name }),
      env: {
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: containerId,
        CNI_NETNS: "/run/netns/bench",
        CNI_IFNAME: "eth0",
        CNI_PATH: bin,
      },
    });
    const addresses = JSON.parse(stdout).ips.map((ip: { address: string }) =>
      parseCidr(ip.address),
    );
    masquerade.setup(host, { network: name, containerId, ifName: "eth0" }, addresses);
  }
}
