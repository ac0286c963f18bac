/**
 * Expressions by what they say, compiled as `nft` compiles them, so that it lists them in its own
 * words.
 */
import { utf8 } from "../../addr/bytes.ts";
import { type Cidr, mask, network } from "../../addr/cidr.ts";
import type { Expression, ExpressionInput } from "./expression.ts";

/** The register that values go through: NFT_REG_1. NFT_REG_VERDICT is 0. */
const value = 1;
const verdictRegister = 0;

/** Where a field lies: which header, byte offset, length in bytes. */
interface Field {
  base: "link" | "network" | "transport";
  offset: number;
  length: number;
}

export const fields = {
  "ether saddr": { base: "link", offset: 6, length: 6 },
  "ip saddr": { base: "network", offset: 12, length: 4 },
  "ip daddr": { base: "network", offset: 16, length: 4 },
  "ip6 saddr": { base: "network", offset: 8, length: 16 },
  "ip6 daddr": { base: "network", offset: 24, length: 16 },
  "th sport": { base: "transport", offset: 0, length: 2 },
  "th dport": { base: "transport", offset: 2, length: 2 },
} as const satisfies Record<string, Field>;
/** A field of a packet, as `ip saddr`. */
export type FieldName = keyof typeof fields;

/** Loads a field, e.g. as the key of a map. */
export function load(name: FieldName, to = value): ExpressionInput {
  return { kind: "payload", data: { to, ...fields[name] } };
}

/** Loads what the kernel knows of a packet, beside its bytes. */
export function loadMeta(
  key: "iifname" | "oifname" | "l4proto" | "mark",
  to = value,
): ExpressionInput {
  return { kind: "meta", data: { key, to } };
}

function compare(op: "eq" | "neq", bytes: Uint8Array): ExpressionInput {
  return { kind: "cmp", data: { from: value, op, data: { value: bytes } } };
}

/** `ip saddr 10.1.0.2` */
export function is(name: FieldName, bytes: Uint8Array): ExpressionInput[] {
  return [load(name), compare("eq", bytes)];
}

/** `ether saddr != 02:00:00:00:00:01` */
export function isNot(name: FieldName, bytes: Uint8Array): ExpressionInput[] {
  return [load(name), compare("neq", bytes)];
}

/** `ip daddr 10.1.0.0/16` */
export function isIn(name: FieldName, subnet: Cidr): ExpressionInput[] {
  return compareSubnet("eq", name, subnet);
}

/** `ip daddr != 10.1.0.0/16` */
export function isOutside(name: FieldName, subnet: Cidr): ExpressionInput[] {
  return compareSubnet("neq", name, subnet);
}

function compareSubnet(op: "eq" | "neq", name: FieldName, subnet: Cidr): ExpressionInput[] {
  const { ip, prefixLength } = network(subnet);
  const { base, offset } = fields[name];
  const length = prefixLength / 8;
  // Whole bytes are loaded alone, and need no mask.
  if (Number.isInteger(length) && length > 0) {
    const field = { to: value, base, offset, length };
    return [{ kind: "payload", data: field }, compare(op, ip.subarray(0, length))];
  }
  const masked: ExpressionInput = {
    kind: "bitwise",
    data: {
      from: value,
      to: value,
      length: ip.length,
      mask: { value: mask(subnet) },
      xor: { value: new Uint8Array(ip.length) },
    },
  };
  return [load(name), masked, compare(op, ip)];
}

/**
 * `iifname . ether saddr @set`, or with a mask `ip saddr . ip daddr & 255.255.0.0 @set`.
 * @param first loads the first part of the key, of 4 or 16 bytes
 */
export function isPairIn(
  set: string,
  { first, length }: { first: ExpressionInput; length: 4 | 16 },
  second: FieldName,
  mask?: Uint8Array,
): ExpressionInput[] {
  // The second 4 bytes of the first register, or the second register.
  const to = length === 4 ? 9 : 2;
  const rest = { from: to, to, length: fields[second].length };
  const zeros = { value: new Uint8Array(rest.length) };
  return [
    first,
    load(second, to),
    ...(mask
      ? [{ kind: "bitwise" as const, data: { ...rest, mask: { value: mask }, xor: zeros } }]
      : []),
    { kind: "lookup", data: { set, from: value } },
  ];
}

/** `iifname "veth0"` */
export function isInterface(key: "iifname" | "oifname", name: string): ExpressionInput[] {
  return [loadMeta(key), compare("eq", interfaceKey(name))];
}

/** An interface's name as a key: 16 bytes, filled up with zeros. */
export function interfaceKey(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(utf8(name));
  return bytes;
}

/** `vmap @map`, after what loads the key. */
export function goBy(map: string): ExpressionInput {
  return { kind: "lookup", data: { set: map, from: value, to: verdictRegister } };
}

/** Ends the rule with a verdict. */
export function verdict(code: "accept" | "drop" | "return"): ExpressionInput {
  return { kind: "immediate", data: { to: verdictRegister, data: { verdict: { code } } } };
}

/** Goes on in another chain. */
export function jump(chain: string, code: "jump" | "goto" = "jump"): ExpressionInput {
  return { kind: "immediate", data: { to: verdictRegister, data: { verdict: { code, chain } } } };
}

/** Gives the packet the source address of the interface that it leaves by. */
export const masquerade: ExpressionInput = { kind: "masq", data: {} };

// ── reading rules back ────────────────────────────────────────────────────────────────────────

/** What a field or meta key must equal for the rule to apply: the first comparison of all of it. */
export function expected(
  expressions: readonly Expression[] | undefined,
  subject: ExpressionInput,
): Uint8Array | undefined {
  for (const [i, expression] of (expressions ?? []).entries()) {
    const next = expressions?.[i + 1];
    if (!sameLoad(expression, subject) || next?.kind !== "cmp") continue;
    const { op, data } = next.data as { op?: string; data?: { value?: Uint8Array } };
    if (op === "eq") return data?.value;
  }
  return undefined;
}

function sameLoad(a: Expression, b: ExpressionInput): boolean {
  if (a.kind !== b.kind || !a.data || !b.data) return false;
  const [mine, theirs] = [a.data, b.data] as Record<string, unknown>[];
  return ["base", "offset", "length", "key"].every((name) => mine?.[name] === theirs?.[name]);
}

/** The chain that a rule jumps or goes to. */
export function target(expressions: readonly Expression[] | undefined): string | undefined {
  for (const expression of expressions ?? []) {
    if (expression.kind !== "immediate") continue;
    const { data } = expression.data as { data?: { verdict?: { chain?: string } } };
    if (data?.verdict?.chain !== undefined) return data.verdict.chain;
  }
  return undefined;
}
