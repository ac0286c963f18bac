/** Tests of a packet, each of which can be turned round, compiled as `nft` compiles them. */
import { u16be, utf8 } from "../../addr/bytes.ts";
import type { Cidr } from "../../addr/cidr.ts";
import { type FieldName, interfaceKey, isIn, isOutside, load, loadMeta } from "./build.ts";
import type { ExpressionInput } from "./expression.ts";

/** `eq`: the packet is so; `neq`: it is not. */
export type Op = "eq" | "neq";
/** The expressions that go on only if the packet is so, or is not so. */
export type Test = (op: Op) => ExpressionInput[];

function compare(op: Op | "gte" | "lte", value: Uint8Array): ExpressionInput {
  return { kind: "cmp", data: { from: 1, op, data: { value } } };
}

/** `ip saddr 10.1.0.0/16` */
export function subnet(field: FieldName, value: Cidr): Test {
  return (op) => (op === "eq" ? isIn(field, value) : isOutside(field, value));
}

/** `ip saddr 10.1.0.1-10.1.0.9`: both ends belong to it. */
export function between(field: FieldName, first: Uint8Array, last: Uint8Array): Test {
  return (op) =>
    op === "eq"
      ? [load(field), compare("gte", first), compare("lte", last)]
      : [
          load(field),
          { kind: "range", data: { from: 1, op, first: { value: first }, last: { value: last } } },
        ];
}

/** `th dport 80`, `th dport 80-90` */
export function ports(field: "th sport" | "th dport", first: number, last = first): Test {
  if (first !== last) return between(field, u16be(first), u16be(last));
  return (op) => [load(field), compare(op, u16be(first))];
}

/** `meta l4proto tcp`, by the number: IPPROTO_*. */
export function transport(protocol: number): Test {
  return (op) => [loadMeta("l4proto"), compare(op, Uint8Array.of(protocol))];
}

/** `iifname "eth0"` */
export function interfaceNamed(key: "iifname" | "oifname", name: string): Test {
  return (op) => [loadMeta(key), compare(op, interfaceKey(name))];
}

/** `iifname "eth*"` */
export function interfaceStarting(key: "iifname" | "oifname", start: string): Test {
  return (op) => [loadMeta(key), compare(op, utf8(start))];
}
