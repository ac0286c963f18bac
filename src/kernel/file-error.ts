/** Failures of system calls on files, with deed and target in front. */
import { isErrno, isSystemError, type SystemError } from "../sys/sys.ts";

/** What `work` returns, or null where the path does not exist. */
export function absent<T>(work: () => T, verb: string, path: string): T | null {
  try {
    return work();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return null;
    throw because(verb, path, error);
  }
}

/** Puts deed and target before the kernel's reason; the code stays readable for `isErrno`. */
export function because(verb: string, path: string, error: unknown): unknown {
  if (!isSystemError(error) || error.message.startsWith("Cannot ")) return error;
  const { code, errno, syscall } = error;
  const told: Partial<SystemError> = { code, errno, syscall, path };
  return Object.assign(new Error(`Cannot ${verb} ${path}: ${error.message}`), told);
}
