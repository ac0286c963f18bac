/** Whether a rule of nf_tables is what was asked for. */
import { equal } from "../addr/bytes.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import type { Rule } from "../netlink/nftables/rule.ts";

/** The kernel tells more of a rule than it was told. */
export function isRule(expected: readonly ExpressionInput[], { expressions = [] }: Rule): boolean {
  return expected.length === expressions.length && includes(expressions, expected);
}

function includes(found: unknown, expected: unknown): boolean {
  if (found === expected || expected === undefined) return true;
  if (typeof expected !== "object" || typeof found !== "object" || !found || !expected)
    return false;
  if (expected instanceof Uint8Array) return found instanceof Uint8Array && equal(found, expected);
  if (Array.isArray(expected)) {
    return expected.every((each, i) => {
      const isFlag = typeof each === "string";
      return isFlag ? (found as unknown[]).includes(each) : includes((found as unknown[])[i], each);
    });
  }
  return Object.entries(expected).every(([key, value]) =>
    includes((found as Record<string, unknown>)[key], value),
  );
}
