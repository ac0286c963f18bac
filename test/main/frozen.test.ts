/** What is frozen stays in the file: a call has copies of few of its pages. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import { watched } from "./watcher.ts";

onlyOurs("an ADD copies few pages of what is frozen", "it is in Go", (sandbox) => {
  const seen = watched(sandbox, "cat /proc/$PPID/smaps", "exec");
  const mapped = seen.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const image = mapped.find((map) => / rw-p .*\/cnibox$/m.test(map)) ?? "";
  const kib = (what: string) => Number(new RegExp(`^${what}: +(\\d+) kB$`, "m").exec(image)?.[1]);
  assert.ok(kib("Size") > 600, seen);
  assert.ok(kib("Private_Dirty") * 5 < kib("Size"), image);
});
