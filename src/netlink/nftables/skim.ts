/** Looking at rules without decoding them: a chain may have thousands. */
import type { Reader } from "../wire.ts";

/** After struct nfgenmsg. */
const headerLength = 4;
const NFTA_RULE_EXPRESSIONS = 4;
const NLA_TYPE_MASK = 0x3fff;

/**
 * Whether the second expression of a rule ends in one of `values`, as a comparison does: `ip saddr
 * 10.1.0.2 ...` is one of a loaded field. A rule that compares something else to it may be taken too.
 * @param payload a rule's message; it is not moved
 * @param values all of one length
 */
export function mayCompareTo(payload: Reader, values: readonly Uint8Array[]): boolean {
  const { at: start, end } = payload;
  for (let at = start + headerLength; at + 4 <= end; at = next(payload, at)) {
    if (typeAt(payload, at) !== NFTA_RULE_EXPRESSIONS) continue;
    const second = next(payload, at + 4);
    const last = second + 4 <= end ? second + lengthAt(payload, second) : end + 1;
    return last <= end && values.some((value) => isAt(payload, last - value.length - start, value));
  }
  return false;
}

function isAt(payload: Reader, distance: number, value: Uint8Array): boolean {
  for (let i = value.length - 1; i >= 0; i--) {
    if (payload.peek(distance + i) !== value[i]) return false;
  }
  return true;
}

function lengthAt(payload: Reader, at: number): number {
  return payload.pair(at) & 0xffff;
}

function typeAt(payload: Reader, at: number): number {
  return (payload.pair(at) >>> 16) & NLA_TYPE_MASK;
}

/** Attributes are aligned to 4 bytes; one without a length would be no attribute. */
function next(payload: Reader, at: number): number {
  return at + Math.max((lengthAt(payload, at) + 3) & ~3, 4);
}
