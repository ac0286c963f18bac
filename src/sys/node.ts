/** The Node host: the addon is the `.node` file that node-gyp made. */
import { createRequire } from "node:module";
import type { Addon } from "./addon.ts";

const require = createRequire(import.meta.url);
export default require(`${process.env["CNIBOX_ADDON"] ?? "../../build/Release/cnibox.node"}`) as Addon;
