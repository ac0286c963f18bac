/** The versions of the CNI spec; apart from `versions.ts`, so that VERSION loads nothing else. */

/** The version that this implements. */
export const current = "1.1.0";

/** Every version, oldest first. All plugins support all of them. */
export const all = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
