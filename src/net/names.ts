import { randomHex } from "../kernel/random.ts";

/** A name for an interface that has none of its own: `veth` and 8 hex digits, as in the reference. */
export function randomVethName(): string {
  return `veth${randomHex(8)}`;
}
