import { isSystemError, sys } from "../sys/sys.ts";

/**
 * close(2) where the work is done. Whatever it says, the descriptor is gone (as Linux has it), and
 * what was made is not taken back for it.
 */
export function closeQuietly(fd: number): void {
  quietly(() => sys.close(fd));
}

/** For a system call whose failure changes nothing for the caller. */
export function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
