/** The library as it is built, with the types of its source. */
import { resolve } from "node:path";

type Library = typeof import("../../src/library/index.ts");

export const {
  Cni,
  cniErrorOf,
  convertResult,
  loadNetwork,
  loadNetworks,
  parseNetwork,
  validateConfig,
  versions,
} = (await import(resolve("build/library/esm/index.js"))) as Library;
