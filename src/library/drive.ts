/** Carries out an operation of libcni without waiting in this thread. */
import type { PluginCall, Steps } from "../libcni/runtime.ts";

/** Calls a plugin, and kills it when the signal is aborted. */
export type Run = (call: PluginCall, signal: AbortSignal | undefined) => Promise<string>;

export interface DriveOptions {
  signal?: AbortSignal | undefined;
  /**
   * What an operation does about a plugin that was killed, it does to its end when it is aborted.
   * Otherwise it just ends.
   */
  cleansUp?: boolean;
}

/**
 * Runs an operation to its end.
 * @throws the signal's reason once it was aborted, except when all was done by then
 */
export async function drive<T>(steps: Steps<T>, run: Run, options: DriveOptions = {}): Promise<T> {
  const { signal, cleansUp = false } = options;
  signal?.throwIfAborted();
  let step = steps.next();
  while (!step.done) {
    let stdout: string;
    try {
      stdout = await run(step.value, signal);
    } catch (error) {
      if (signal?.aborted) return abort(steps, error, run, signal, cleansUp);
      step = steps.throw(error);
      continue;
    }
    step = steps.next(stdout);
  }
  return step.value;
}

async function abort(
  steps: Steps<unknown>,
  error: unknown,
  run: Run,
  signal: AbortSignal,
  cleansUp: boolean,
): Promise<never> {
  if (!cleansUp) {
    steps.return(undefined);
    throw signal.reason;
  }
  try {
    let step = steps.throw(error);
    while (!step.done) {
      const outcome = await run(step.value, undefined).then(
        (stdout) => ({ stdout }),
        (failure: unknown) => ({ failure }),
      );
      step = "stdout" in outcome ? steps.next(outcome.stdout) : steps.throw(outcome.failure);
    }
  } catch {
    // The operation tells of the plugin that was killed: the caller knows.
  }
  throw signal.reason;
}
