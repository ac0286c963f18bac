/**
 * Who begins a connection in the container's own subnet would get the answer from the container by
 * the short way, and not know it: so it is masqueraded. Among its siblings is the container itself.
 *
 * A set for each length of a subnet holds pairs of a subnet and a container in it: so many look-ups as
 * there are lengths on the node, each of which takes no longer when there are more containers, are made
 * of one connection.
 */
import { concat } from "../addr/bytes.ts";
import { type Cidr, mask, network } from "../addr/cidr.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { IpFamily } from "./conditions.ts";
import type { Place, RuleMaker } from "./set-feature.ts";

/** And then the length of a subnet. */
const sets = "siblings";

/** @param container its address and the length of its subnet */
export function placeOf(container: Cidr): Place {
  const { ip, prefixLength } = container;
  return { set: `${sets}${prefixLength}`, key: concat(network(container).ip, ip) };
}

/**
 * Whether the packet is from a sibling of the container that it goes to.
 * @param set the pairs of subnets of one length; for any other set the answer is undefined
 */
export function testOf(family: IpFamily, set: string): RuleMaker | undefined {
  if (!set.startsWith(sets)) return undefined;
  return () => {
    const ip = new Uint8Array(family === "ip" ? 4 : 16);
    const prefixLength = Number(set.slice(sets.length));
    return nat.isPairAmong(family, mask({ ip, prefixLength }), set);
  };
}
