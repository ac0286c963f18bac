/** Expressions of network address translation, compiled as `nft` compiles them. */
import { u16be } from "../../addr/bytes.ts";
import type { Ip } from "../../addr/ip.ts";
import { type FieldName, load, loadMeta } from "./build.ts";
import { addressTypes, connectionStatus } from "./expr-load.ts";
import type { ExpressionInput } from "./expression.ts";

/** NFT_REG_1 and NFT_REG_2: 16 bytes each. NFT_REG32_00 is the first 4 bytes of NFT_REG_1. */
const first = 1;
const second = 2;
const firstWord = 8;

/** `fib daddr type local` or `fib daddr type != local`: whether the destination is this host. */
export function toHost(op: "eq" | "neq" = "eq"): ExpressionInput[] {
  const type = new Uint8Array(new Uint32Array([addressTypes.local]).buffer); // in host order
  return [
    { kind: "fib", data: { to: first, result: "addressType", flags: ["destination"] } },
    { kind: "cmp", data: { from: first, op, data: { value: type } } },
  ];
}

/** `ct status dnat`: the destination of this connection was translated; or `ct status ! dnat`. */
export function wasRedirected(op: "neq" | "eq" = "neq"): ExpressionInput[] {
  const word = (bits: number) => new Uint8Array(new Uint32Array([bits]).buffer);
  return [
    { kind: "ct", data: { to: first, key: "status" } },
    {
      kind: "bitwise",
      data: {
        from: first,
        to: first,
        length: 4,
        mask: { value: word(connectionStatus.dnat) },
        xor: { value: word(0) },
      },
    },
    { kind: "cmp", data: { from: first, op, data: { value: word(0) } } },
  ];
}

/** `ip daddr . meta l4proto . th dport`, or without the address: the key of a map, from register 1 on. */
export function loadService(address?: FieldName & `${string} daddr`): ExpressionInput[] {
  const at = address === undefined ? 0 : address === "ip daddr" ? 1 : 4;
  return [
    ...(address === undefined ? [] : [load(address, first)]),
    loadMeta("l4proto", register(at)),
    load("th dport", register(at + 1)),
  ];
}

/** A register by the number of its first 4 bytes; the kernel knows those at each 16 by other names. */
function register(word: number): number {
  return word % 4 === 0 ? first + word / 4 : firstWord + word;
}

/** `dnat to 10.1.0.2:80` */
export function redirect(ip: Ip, port: number): ExpressionInput[] {
  const family = ip.length === 4 ? "ip" : "ip6";
  return [
    { kind: "immediate", data: { to: first, data: { value: ip } } },
    { kind: "immediate", data: { to: second, data: { value: u16be(port) } } },
    {
      kind: "nat",
      data: { type: "dnat", family, address: first, port: second, flags: ["protocolSpecified"] },
    },
  ];
}

/** `dnat ip to KEY map @map`, after what loads the key: the map gives an address and a port. */
export function redirectBy(map: string, family: "ip" | "ip6"): ExpressionInput[] {
  const port = register(family === "ip" ? 1 : 4);
  return [
    { kind: "lookup", data: { set: map, from: first, to: first } },
    { kind: "nat", data: { type: "dnat", family, address: first, port } },
  ];
}

/** `ip daddr @set` or `ip daddr != @set` */
export function isAmong(field: FieldName, set: string, op: "eq" | "neq" = "eq"): ExpressionInput[] {
  const inverted = op === "neq" && { flags: ["invert" as const] };
  return [load(field, first), { kind: "lookup", data: { set, from: first, ...inverted } }];
}

/** `ip saddr & 255.255.255.0 . ip daddr @set` */
export function isPairAmong(
  family: "ip" | "ip6",
  mask: Uint8Array,
  set: string,
): ExpressionInput[] {
  const zeros = { value: new Uint8Array(mask.length) };
  const masked = { from: first, to: first, length: mask.length, mask: { value: mask }, xor: zeros };
  return [
    load(`${family} saddr`, first),
    { kind: "bitwise", data: masked },
    load(`${family} daddr`, register(family === "ip" ? 1 : 4)),
    { kind: "lookup", data: { set, from: first } },
  ];
}
