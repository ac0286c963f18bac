/** What a program that we start finds open: the standard descriptors, whatever we were started with. */
import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const config = JSON.stringify({
  cniVersion: "1.0.0",
  name: "net1",
  type: "bridge",
  ipam: { type: "watcher" },
});

/** What starts the plugin: plainly, and as on Linux before 5.11. */
const kernels = {
  "close_range marks descriptors": "",
  "close_range is unknown": "strace -f -qq -o /dev/null -e inject=close_range:error=ENOSYS",
};

for (const [name, prefix] of Object.entries(kernels)) {
  onlyOurs(`an IPAM plugin inherits nothing: ${name}`, "it is in Go", ({ host, container }) => {
    host.sh(`mkdir -p /run/path
      ln -s ${realpathSync(pluginPath("bridge"))} /run/path/bridge
      printf '#!/bin/sh\\nfor fd in /proc/$$/fd/*; do readlink $fd; done >/run/seen; exit 1\\n' \\
        >/run/path/watcher
      chmod +x /run/path/watcher`);
    host.run(["sh", "-c", `exec 7</etc/passwd 8</etc/group; ${prefix} /run/path/bridge`], {
      input: config,
      env: {
        CNI_COMMAND: "ADD",
        CNI_CONTAINERID: "c1",
        CNI_NETNS: container.netns,
        CNI_IFNAME: "eth0",
        CNI_PATH: "/run/path",
      },
    });
    const seen = host.sh("cat /run/seen").trim().split("\n");
    const foreign = seen.filter((target) => !/^pipe:|^\/run\/seen$|\/watcher$/.test(target));
    assert.deepEqual(foreign, []);
    assert(seen.some((target) => target.startsWith("pipe:")));
  });
}
