/** A bridge plugin in the middle of ADD, looked at by its IPAM plugin. */
import { realpathSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import type { Sandbox } from "../harness/sandbox.ts";

const config = JSON.stringify({
  cniVersion: "1.0.0",
  name: "net1",
  type: "bridge",
  ipam: { type: "watcher" },
});

/**
 * Runs ADD with an IPAM plugin that is this shell command, and fails.
 * @param prefix shell commands in front of the bridge plugin
 * @returns what the command printed
 */
export function watched({ host, container }: Sandbox, command: string, prefix = ""): string {
  host.sh(`mkdir -p /run/path
    ln -s ${realpathSync(pluginPath("bridge"))} /run/path/bridge
    printf '%s\\n' '#!/bin/sh' '(${command}) >/run/seen' 'exit 1' >/run/path/watcher
    chmod +x /run/path/watcher`);
  host.run(["sh", "-c", `${prefix} /run/path/bridge`], {
    input: config,
    env: {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c1",
      CNI_NETNS: container.netns,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/run/path",
    },
  });
  return host.sh("cat /run/seen");
}
