/** Runs the checks on the engine; or, with an argument, ends badly in one of many ways. */
import { checkLater, checkNow } from "./all.ts";
import { addon } from "./check.ts";
import { ends } from "./ends.ts";

const [, end] = addon.arguments();
if (end === undefined) {
  checkNow();
  addon.collect();
  // The jobs of the promises come first, then this one.
  Promise.resolve()
    .then(() => undefined)
    .then(checkLater);
} else {
  (ends[end] ?? addon.print)(end);
}
