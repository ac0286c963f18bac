/** Directories that end with the test. `t.testdir` has one per test only. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh directory with these files in it. */
export function directory(
  t: { teardown(handler: () => void): void },
  files: Record<string, string> = {},
): string {
  const path = mkdtempSync(join(tmpdir(), "cnibox-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}
