/** Socket addresses and the packet filter, in the kernel's layout. */
import { concat, utf8 } from "../../addr/bytes.ts";
import type { Ip } from "../../addr/ip.ts";
import { be16, decode, encode, i32, struct, u8, u16, u32 } from "../../netlink/codec.ts";
import { constants } from "../../sys/sys.ts";

/** ETH_P_IP: include/uapi/linux/if_ether.h. */
const etherTypeIpv4 = 0x0800;

const linkLayer = struct("sockaddr_ll", {
  family: u16,
  protocol: be16,
  index: i32,
  hardwareType: u16,
  packetType: u8,
  length: u8,
});

/** `sockaddr_ll`: a link, and a hardware address on it. */
export function packetAddress(index: number, mac: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = {
    family: constants.AF_PACKET,
    protocol: etherTypeIpv4,
    index,
    hardwareType: 0,
    packetType: 0,
    length: mac.length,
  };
  return concat(encode(linkLayer, head), mac, new Uint8Array(Math.max(0, 8 - mac.length)));
}

/** The sender's hardware address in a `sockaddr_ll`; undefined if there is none. */
export function macOf(address: Uint8Array): Uint8Array | undefined {
  if (address.length < 12) return undefined;
  const { length } = decode(linkLayer, address.subarray(0, 12));
  return length > 0 && length <= 8 ? address.slice(12, 12 + length) : undefined;
}

const inet = struct("sockaddr_in", { family: u16, port: be16 });

/** `sockaddr_in` */
export function ipv4Address(ip: Ip, port: number): Uint8Array {
  return concat(encode(inet, { family: constants.AF_INET, port }), ip, new Uint8Array(8));
}

const scope = struct("scope", { id: u32 });

/** `sockaddr_in6`; `scopeId` is the index of the link that a link-local address is on. */
export function ipv6Address(ip: Ip, port: number, scopeId: number): Uint8Array {
  const head = encode(inet, { family: constants.AF_INET6, port });
  return concat(head, new Uint8Array(4), ip, encode(scope, { id: scopeId }));
}

/** `sockaddr_un` */
export function unixAddress(path: string): Uint8Array {
  const family = struct("family", { family: u16 });
  return concat(encode(family, { family: constants.AF_UNIX }), utf8(path), new Uint8Array(1));
}

const instruction = struct("sock_filter", { code: u16, onTrue: u8, onFalse: u8, k: u32 });

/** Source: include/uapi/linux/bpf_common.h. */
const codes = {
  loadByte: 0x30,
  loadHalf: 0x28,
  loadHalfAtX: 0x48,
  loadHeaderLength: 0xb1,
  jumpIfEqual: 0x15,
  jumpIfSet: 0x45,
  return: 0x06,
} as const;

/**
 * Lets through IPv4 packets with UDP to this port, as an AF_PACKET socket of SOCK_DGRAM sees them; a
 * container's other traffic would otherwise all be copied to us.
 */
export function udpFilter(port: number): Uint8Array {
  const rows: [keyof typeof codes, k: number, onTrue?: number, onFalse?: number][] = [
    ["loadByte", 9],
    ["jumpIfEqual", 17, 0, 6], // UDP
    ["loadHalf", 6],
    ["jumpIfSet", 0x1fff, 4, 0], // not the first fragment
    ["loadHeaderLength", 0],
    ["loadHalfAtX", 2],
    ["jumpIfEqual", port, 0, 1],
    ["return", 0x40000],
    ["return", 0],
  ];
  return concat(
    ...rows.map(([code, k, onTrue = 0, onFalse = 0]) =>
      encode(instruction, { code: codes[code], onTrue, onFalse, k }),
    ),
  );
}
