/** What the kernel refused, in words. */
import { describeErrno } from "./errno-table.ts";

/** A netlink request that failed, or a system call made for one. */
export class KernelError extends Error {
  override name = "KernelError";
  /** The reason by name, e.g. `EEXIST`. */
  readonly code: string;
  /** The kernel's own words (extended ack), where it gave any. */
  readonly kernelText: string | undefined;
  /** The attribute of the request that the kernel points at, e.g. `IFLA_MTU`. */
  readonly attribute: string | undefined;

  constructor(message: string, code: string, kernelText?: string, attribute?: string) {
    super(message);
    this.code = code;
    this.kernelText = kernelText;
    this.attribute = attribute;
  }
}

/** Whether the kernel refused for one of these reasons, or at all: `isKernelError(e, "EEXIST")`. */
export function isKernelError(error: unknown, ...codes: string[]): error is KernelError {
  return error instanceof KernelError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * `Cannot add link "x": File exists (the kernel's words: the attribute)`.
 * @param what verb and object, e.g. `add link "x"`
 */
export function kernelError(
  what: string,
  errno: number,
  kernelText?: string,
  attribute?: string,
): KernelError {
  const { code, words } = describeErrno(errno);
  const detail = [kernelText?.trim(), attribute].filter(Boolean).join(": ");
  const message = `Cannot ${what}: ${words}${detail ? ` (${detail})` : ""}`;
  return new KernelError(message, code, kernelText, attribute);
}

/** A path that cannot be opened as a network namespace. */
export class NetnsError extends Error {
  override name = "NetnsError";
  /** `missing` alone may be tolerated: the container is gone. */
  readonly reason: "missing" | "not-a-namespace" | "other";

  constructor(message: string, reason: NetnsError["reason"]) {
    super(message);
    this.reason = reason;
  }
}
