import { CniError } from "./errors.ts";

/**
 * The way back from a failed ADD.
 *
 * The undo of a deed is pushed on the line after the deed; only skel runs it. What cannot be undone
 * is reported, and the rest is undone all the same.
 */
export class Undo {
  readonly #steps: { what: string; undo: () => void }[] = [];

  /** @param what says what the step does, e.g. `delete the ipvlan link` */
  push(what: string, undo: () => void): void {
    this.#steps.push({ what, undo });
  }

  /** Runs all steps, last first, and returns a line for each that failed. */
  run(): string[] {
    const failures: string[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        step.undo();
      } catch (error) {
        failures.push(`Cannot ${step.what}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return failures;
  }
}

/**
 * Does each step even if one before it fails, then throws what went wrong: the error itself when it
 * was one; when there were more, one CniError with all messages, and the code if they share it. For
 * DEL and GC, which may never be called again.
 */
export function tryAll(...steps: (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  const [first, ...others] = errors.map(CniError.from);
  if (!first) return;
  const isShared = others.every(({ code }) => code === first.code);
  const messages = [first, ...others].map(({ message }) => message);
  throw new CniError(isShared ? first.code : "Internal", messages.join("; "));
}
