import { addon } from "./check.ts";

addon.throwError("Error", "while it loads");
export const label = "never";
