/** Runs the checks on the engine; or, with an argument, ends badly in one of many ways. */
import { checkLater, checkNow } from "./all.ts";
import { addon } from "./check.ts";
import { ends } from "./ends.ts";

export function main(): number {
  const [, end] = addon.arguments();
  if (end !== undefined) {
    (ends[end] ?? addon.print)(end);
    return 0;
  }
  checkNow();
  addon.collect();
  // The jobs of the promises come first, then this one.
  Promise.resolve()
    .then(() => undefined)
    .then(checkLater);
  return 0;
}
