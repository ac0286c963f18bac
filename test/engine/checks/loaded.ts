/** A module that is loaded while the program runs. It shares `check.ts` with the main module. */
import { addon } from "./check.ts";

let count = 0;
count++;
export const label = typeof addon.print === "function" ? "loaded" : "without the shared module";
export function loads(): number {
  return count;
}
