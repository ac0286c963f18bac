/** The Go plugins as the other side of a comparison; Debian has version 1.1.1. */

import { existsSync } from "node:fs";
import t from "tap";
import { cniBin, go } from "../harness/hosts.ts";
import { type Sandbox, type SandboxOptions, sandbox } from "../harness/sandbox.ts";

/** Where each side's plugins stand. */
export const bins = { go: process.env.CNI_GO ?? "/usr/lib/cni", ours: cniBin };

export const sides = ["go", "ours"] as const;
export type Side = (typeof sides)[number];

/** What both sides speak. */
export const commonVersions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"];

/** A case that has both sides at hand. */
export function compared(
  name: string,
  body: (box: Sandbox) => void,
  options: SandboxOptions = {},
): void {
  if (go) void t.test(name, { skip: "CNI_BIN is Go's: nothing to compare with" }, async () => {});
  else if (!existsSync(`${bins.go}/bridge`)) {
    void t.test(name, { skip: `no Go plugins in ${bins.go}` }, async () => {});
  } else sandbox(name, options, body);
}
