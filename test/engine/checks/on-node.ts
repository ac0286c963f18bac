/** Runs the checks on Node: `node --expose-gc on-node.mjs ADDON`. */
import { createRequire } from "node:module";

Object.assign(globalThis, {
  __cniboxAddon: createRequire(import.meta.url)(process.argv[2] ?? ""),
});
const { checkLater, checkNow } = await import("./all.ts");
checkNow();
// Node finalizes a turn or two after the collection.
for (let i = 0; i < 5; i++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
checkLater();
