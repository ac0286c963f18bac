/**
 * Who begins a connection in the container's own subnet would get the answer from the container by
 * the short way, and not know it: so it is masqueraded. Among its siblings is the container itself.
 *
 * A set for each length of a subnet holds pairs of a subnet and a container in it; so many look-ups,
 * each of which takes no longer when there are more containers, are made of one connection.
 */
import { concat } from "../addr/bytes.ts";
import { type Cidr, mask, network } from "../addr/cidr.ts";
import type { Ip } from "../addr/ip.ts";
import * as nat from "../netlink/nftables/build-nat.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { IpFamily } from "./conditions.ts";
import type { FeatureMap, MapKey } from "./feature.ts";

/** The lengths that networks of containers have. A length between them counts as the next longer. */
const lengths = {
  ip: [8, 12, 16, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32],
  ip6: [32, 48, 56, 64, 80, 96, 112, 120, 124, 126, 127, 128],
} as const;

/** The subnet that counts: the whole of it, or where its length is unusual the part around `ip`. */
export function subnetOf({ ip, prefixLength }: Cidr): Cidr {
  const known = lengths[ip.length === 4 ? "ip" : "ip6"];
  const fitting = known.find((length) => length >= prefixLength) ?? ip.length * 8;
  return network({ ip, prefixLength: fitting });
}

/** @param subnet from `subnetOf` */
export function keyOf(subnet: Cidr, container: Ip): MapKey {
  return { map: setName(subnet.prefixLength), key: concat(subnet.ip, container) };
}

export function sets(family: IpFamily): FeatureMap[] {
  const part = family === "ip" ? "ipv4Address" : "ipv6Address";
  return lengths[family].map((length) => ({ name: setName(length), key: [part, part], data: [] }));
}

/** One test for each length: whether the packet is from a sibling of the container that it goes to. */
export function tests(family: IpFamily): ExpressionInput[][] {
  return lengths[family].map((prefixLength) => {
    const ip = new Uint8Array(family === "ip" ? 4 : 16);
    return nat.isPairAmong(family, mask({ ip, prefixLength }), setName(prefixLength));
  });
}

function setName(length: number): string {
  return `siblings${length}`;
}
