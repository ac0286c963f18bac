/** Address families, as people count them and as the kernel does. */
import { families } from "../netlink/route/types.ts";

export type Family = 4 | 6;

/** AF_INET, AF_INET6, or AF_UNSPEC for both. */
export function familyNumber(family: Family | undefined): number {
  if (family === undefined) return families.unspecified;
  return family === 4 ? families.inet : families.inet6;
}

/** AF_INET or AF_INET6 of an address. */
export function familyOf(ip: Uint8Array): number {
  return ip.length === 4 ? families.inet : families.inet6;
}

/** 4 or 6, or undefined for what is neither (multicast routing, MPLS). */
export function familyNamed(number: number): Family | undefined {
  return number === families.inet ? 4 : number === families.inet6 ? 6 : undefined;
}

/** The address of no bits, 0.0.0.0 or ::, which the kernel leaves out. */
export function unspecified(family: Family): Uint8Array {
  return new Uint8Array(family === 4 ? 4 : 16);
}
