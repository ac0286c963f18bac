/**
 * Ethernet, IPv4 and UDP around a message: a client without an address cannot leave this to the
 * kernel.
 *
 * RFC 894 (Ethernet), RFC 791 (IPv4), RFC 768 (UDP), RFC 1071 (checksum).
 */
import { concat, readU16be, u16be } from "../addr/bytes.ts";
import type { Ip } from "../addr/ip.ts";
import { DhcpError } from "./errors.ts";

export const ports = { server: 67, client: 68 } as const;

/** Where a datagram comes from and goes to. */
export interface Datagram {
  source: Ip;
  destination: Ip;
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

const etherTypeIpv4 = 0x0800;
const etherHeader = 14;
const ipHeader = 20;
const udpHeader = 8;
const protocolUdp = 17;
const timeToLive = 64;

/** An Ethernet frame around an IPv4 packet; for AF_PACKET sockets of SOCK_RAW. */
export function writeEthernet(destination: Uint8Array, source: Uint8Array, packet: Uint8Array) {
  return concat(destination, source, u16be(etherTypeIpv4), packet);
}

/**
 * The IPv4 packet in an Ethernet frame, and who sent it; undefined if it holds something else.
 * @throws {DhcpError} truncated frame
 */
export function readEthernet(frame: Uint8Array) {
  if (frame.length < etherHeader) {
    throw new DhcpError("truncated frame", `Cannot read frame: it has ${frame.length} bytes`);
  }
  if (readU16be(frame, 12) !== etherTypeIpv4) return undefined;
  return { source: frame.slice(6, 12), packet: frame.subarray(etherHeader) };
}

/** An IPv4 packet with one UDP datagram, checksums included: as the reference, TTL 64 and id 0. */
export function writePacket(datagram: Datagram): Uint8Array {
  const { source, destination, payload } = datagram;
  const packet = new Uint8Array(ipHeader + udpHeader + payload.length);
  packet.set([0x45, 0, ...u16be(packet.length)]);
  packet.set([timeToLive, protocolUdp], 8);
  packet.set(source, 12);
  packet.set(destination, 16);
  packet.set(u16be(checksum(packet.subarray(0, ipHeader), 0)), 10);
  const udp = packet.subarray(ipHeader);
  udp.set(u16be(datagram.sourcePort));
  udp.set(u16be(datagram.destinationPort), 2);
  udp.set(u16be(udp.length), 4);
  udp.set(payload, udpHeader);
  // A sum of 0 is written as its other form, for 0 says that there is none.
  udp.set(u16be(checksum(udp, pseudoSum(packet, udp.length)) || 0xffff), 6);
  return packet;
}

/**
 * The UDP datagram in an IPv4 packet, as AF_PACKET sockets of SOCK_DGRAM give it; undefined if it
 * holds another protocol. What follows the packet (Ethernet's padding) is ignored, options of IP are
 * skipped. The payload is a view.
 *
 * A packet from the same machine may not have its UDP checksum yet: the field then holds the sum of
 * the pseudo header, for the network card to go on from. That is what `offloaded` tells, the
 * TP_STATUS_CSUMNOTREADY of PACKET_AUXDATA; where it is not known, such a field is taken for it.
 *
 * @throws {DhcpError} truncated frame, bad IP header, bad IP checksum, IP fragment, bad UDP length,
 *   bad UDP checksum
 */
export function readPacket(packet: Uint8Array, offloaded?: boolean): Datagram | undefined {
  const header = readHeader(packet);
  if (header[9] !== protocolUdp) return undefined;
  // Flag "more fragments", and the offset. No sane server makes fragments of DHCP.
  if (readU16be(header, 6) & 0x3fff) throw problem("IP fragment", "it is a fragment");
  const udp = readUdp(packet.subarray(header.length, readU16be(header, 2)));
  const sum = readU16be(udp, 6);
  const start = pseudoSum(header, udp.length);
  const isOffloaded = offloaded ?? sum === fold(start);
  if (sum !== 0 && !isOffloaded && checksum(udp, start) !== 0) {
    throw problem("bad UDP checksum", "the UDP checksum is wrong");
  }
  return {
    source: header.slice(12, 16),
    destination: header.slice(16, 20),
    sourcePort: readU16be(udp, 0),
    destinationPort: readU16be(udp, 2),
    payload: udp.subarray(udpHeader),
  };
}

/** The header of an IPv4 packet with its options. */
function readHeader(packet: Uint8Array): Uint8Array {
  const first = packet[0] ?? 0;
  const length = (first & 0xf) * 4;
  if (packet.length < ipHeader || packet.length < length) {
    throw problem("truncated frame", `it has ${packet.length} bytes`);
  }
  if (first >> 4 !== 4 || length < ipHeader) {
    throw problem("bad IP header", `its first byte is ${first}`);
  }
  const header = packet.subarray(0, length);
  const total = readU16be(header, 2);
  if (total < length) throw problem("bad IP header", `its length is ${total}`);
  if (total > packet.length) {
    throw problem("truncated frame", `it has ${packet.length} of ${total} bytes`);
  }
  if (checksum(header, 0) !== 0) throw problem("bad IP checksum", "the IP checksum is wrong");
  return header;
}

/** The datagram with its header, cut to the length that it has by its own account. */
function readUdp(payload: Uint8Array): Uint8Array {
  const length = payload.length < udpHeader ? 0 : readU16be(payload, 4);
  if (length < udpHeader || length > payload.length) {
    throw problem("bad UDP length", `UDP has ${length} of ${payload.length} bytes`);
  }
  return payload.subarray(0, length);
}

/** The sum over source, destination, protocol and length: what UDP's checksum begins with. */
function pseudoSum(header: Uint8Array, udpLength: number): number {
  return sum(header.subarray(12, 20), protocolUdp + udpLength);
}

/** The Internet checksum; 0 over bytes that hold a right one. */
function checksum(bytes: Uint8Array, start: number): number {
  return ~fold(sum(bytes, start)) & 0xffff;
}

function sum(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] as number) << 8) + (bytes[i + 1] ?? 0);
  }
  return sum;
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

function problem(reason: DhcpError["reason"], why: string): DhcpError {
  return new DhcpError(reason, `Cannot read packet: ${why}`);
}
