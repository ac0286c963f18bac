/** What a program that we start finds open: the standard descriptors, whatever we were started with. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import { watched } from "./watcher.ts";

/** What starts the plugin: plainly, and as on Linux before 5.11. */
const kernels = {
  "close_range marks descriptors": "",
  "close_range is unknown": "strace -f -qq -o /dev/null -e inject=close_range:error=ENOSYS",
};

for (const [name, prefix] of Object.entries(kernels)) {
  onlyOurs(`an IPAM plugin inherits nothing: ${name}`, "it is in Go", (sandbox) => {
    const command = "for fd in /proc/$$/fd/*; do readlink $fd; done";
    const started = `exec 7</etc/passwd 8</etc/group; ${prefix}`;
    const seen = watched(sandbox, command, started).trim().split("\n");
    const foreign = seen.filter((target) => !/^pipe:|^\/run\/seen$|\/watcher$/.test(target));
    assert.deepEqual(foreign, []);
    assert(seen.some((target) => target.startsWith("pipe:")));
  });
}
