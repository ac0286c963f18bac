/** Addresses with a prefix length, `10.1.2.3/24`: an address in its subnet, or a subnet. */
import { equal as equalBytes } from "./bytes.ts";
import { formatIp, type Ip, isMapped, parseIp, parseIpv6, requireIp } from "./ip.ts";

/** An address and the length of its prefix. The host bits may be set. */
export interface Cidr {
  ip: Ip;
  prefixLength: number;
}

/** What a record holds whose CIDR is absent: no address. Written as Go does, `<nil>`. */
export const noCidr: Readonly<Cidr> = { ip: new Uint8Array(0), prefixLength: 0 };

/**
 * Reads `address/length` and keeps the host bits. A mapped address becomes IPv4, its length counted
 * from there. Throws Go's `invalid CIDR address: TEXT`.
 */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf("/");
  const address = text.slice(0, slash);
  const length = text.slice(slash + 1);
  // The 16 bytes of a mapped address matter: its length goes up to 128.
  const ip = address.includes(":") ? parseIpv6(address) : parseIp(address);
  if (slash < 0 || !ip || !/^[0-9]{1,16}$/.test(length) || Number(length) > ip.length * 8) {
    throw new Error(`invalid CIDR address: ${text}`);
  }
  if (!isMapped(ip)) return { ip, prefixLength: Number(length) };
  return { ip: ip.slice(12), prefixLength: Math.max(0, Number(length) - 96) };
}

/**
 * Reads an address with or without a length, as the `IP` of CNI_ARGS and the `ips` capability have
 * it. Throws `invalid IP address TEXT`, as the reference does.
 */
export function parseIpOrCidr(text: string): { ip: Ip; prefixLength?: number } {
  try {
    return text.includes("/") ? parseCidr(text) : { ip: requireIp(text) };
  } catch {
    throw new Error(`invalid IP address ${text}`);
  }
}

/** The text that `parseCidr` reads. */
export function formatCidr(cidr: Cidr): string {
  return cidr.ip.length === 0 ? "<nil>" : `${formatIp(cidr.ip)}/${cidr.prefixLength}`;
}

/** True if address and length are the same. */
export function equal(a: Cidr, b: Cidr): boolean {
  return a.prefixLength === b.prefixLength && equalBytes(a.ip, b.ip);
}

/** A single address as a subnet: /32 or /128. */
export function host(ip: Ip): Cidr {
  return { ip, prefixLength: ip.length * 8 };
}

/** The mask as bytes, e.g. 255.255.255.0. */
export function mask({ ip, prefixLength }: Cidr): Uint8Array {
  return clearHostBits(new Uint8Array(ip.length).fill(0xff), prefixLength);
}

/** The subnet that the address is in: the host bits cleared. */
export function network({ ip, prefixLength }: Cidr): Cidr {
  return { ip: clearHostBits(ip.slice(), prefixLength), prefixLength };
}

function clearHostBits(bytes: Uint8Array, prefixLength: number): Uint8Array {
  const index = prefixLength >> 3; // of the byte that the mask may end in
  if (index < bytes.length) (bytes[index] as number) &= maskByte(prefixLength, index);
  return bytes.fill(0, index + 1);
}

/** Bits of the mask that fall into the byte at `index`. */
function maskByte(prefixLength: number, index: number): number {
  const bits = prefixLength - index * 8;
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}

/** The last address of the subnet, all host bits set; of an IPv4 subnet, its broadcast address. */
export function broadcast(cidr: Cidr): Ip {
  return cidr.ip.map((byte, i) => byte | (~maskByte(cidr.prefixLength, i) & 0xff));
}

/** The last address that a host may have: in an IPv4 subnet the one before the broadcast address. */
export function lastAddress(cidr: Cidr): Ip {
  const last = broadcast(cidr);
  if (last.length === 4 && cidr.prefixLength < 31) last[3] = (last[3] as number) & 0xfe;
  return last;
}

/** True if the address is in the subnet of `cidr`. Never across families. */
export function contains(cidr: Cidr, ip: Ip): boolean {
  if (cidr.ip.length !== ip.length) return false;
  const whole = cidr.prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (cidr.ip[i] !== ip[i]) return false;
  const bits = maskByte(cidr.prefixLength, whole);
  return bits === 0 || (((cidr.ip[whole] as number) ^ (ip[whole] as number)) & bits) === 0;
}

/** True if the two subnets share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.prefixLength < b.prefixLength ? contains(a, b.ip) : contains(b, a.ip);
}
