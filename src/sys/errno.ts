/** What the addon throws: an Error that names the system call and the kernel's reason. */
export interface SystemError extends Error {
  /** The reason by name, e.g. `ENOENT`. */
  code: string;
  /** The reason by number (positive), for this architecture. */
  errno: number;
  /** The system call, e.g. `open`. */
  syscall: string;
  /** The file it was about, where there is one. */
  path?: string;
}

/** Whether the addon threw it. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && typeof (error as Partial<SystemError>).syscall === "string";
}

/** Whether `error` is a failed system call with one of these reasons, e.g. `isErrno(e, "ENOENT")`. */
export function isErrno(error: unknown, ...codes: string[]): error is SystemError {
  return isSystemError(error) && codes.includes(error.code);
}
