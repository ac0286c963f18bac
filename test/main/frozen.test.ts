/** What is frozen stays in the file: a call has copies of few of its pages. */
import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const config = JSON.stringify({
  cniVersion: "1.0.0",
  name: "net1",
  type: "bridge",
  isGateway: true,
  ipam: { type: "watcher" },
});

onlyOurs("an ADD copies few pages of what is frozen", "it is in Go", ({ host, container }) => {
  const file = realpathSync(pluginPath("bridge"));
  host.sh(`mkdir -p /run/path
    ln -s ${file} /run/path/bridge
    printf '#!/bin/sh\\ncat /proc/$PPID/smaps >/run/seen; exit 1\\n' >/run/path/watcher
    chmod +x /run/path/watcher`);
  host.run(["/run/path/bridge"], {
    input: config,
    env: {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c1",
      CNI_NETNS: container.netns,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/run/path",
    },
  });
  const seen = host.sh("cat /run/seen");
  const mapped = seen.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const image = mapped.find((map) => / rw-p .*\/cnibox$/m.test(map)) ?? "";
  const kib = (what: string) => Number(new RegExp(`^${what}: +(\\d+) kB$`, "m").exec(image)?.[1]);
  assert.ok(kib("Size") > 600, seen);
  assert.ok(kib("Private_Dirty") * 5 < kib("Size"), image);
});
