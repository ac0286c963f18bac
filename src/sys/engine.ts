/** The engine host: the addon is linked into the executable, which hands it over as a global. */
import type { Addon } from "./addon.ts";

declare const __cniboxAddon: Addon;
export default __cniboxAddon;
