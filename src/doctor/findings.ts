/** What `cnibox doctor` has to say. */

/** Something an operator should know. */
export interface Finding {
  /** An error keeps containers from getting, or having, their network; a warning need not. */
  severity: "error" | "warning";
  /** What it is about: a file, a network, an attachment. */
  about: string;
  message: string;
}

export function error(about: string, message: string): Finding {
  return { severity: "error", about, message };
}

export function warning(about: string, message: string): Finding {
  return { severity: "warning", about, message };
}
