/** The executable for another processor: built here, and run by an emulator. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import t from "tap";
import { go, onNode, pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const emulator = "qemu-aarch64-static";
const missing = ["aarch64-linux-gnu-g++", emulator].filter(
  (program) => spawnSync(program, ["--version"]).status !== 0,
);
const why = "our build is about our sources";
const config = {
  cniVersion: "1.0.0",
  name: "net1",
  type: "bridge",
  isGateway: true,
  ipam: { type: "host-local", subnet: "10.1.2.0/24" },
};

const isOurs = !go && !onNode && realpathSync(pluginPath("bridge")).endsWith("/build/cnibox");
const obstacle = isOurs ? missing.map((program) => `no ${program}`).join(", ") : why;

if (obstacle) {
  void t.test("an executable for aarch64", { skip: obstacle }, async () => {});
} else {
  onlyOurs("an executable for aarch64", why, { timeout: 300_000 }, ({ host, container }) => {
    const built = spawnSync("node_modules/.bin/tsx", ["src/_tools/build-for.ts", "aarch64"], {
      encoding: "utf8",
    });
    assert.equal(built.status, 0, built.stderr);
    assert.match(built.stdout, /^Frozen: /m);
    const file = realpathSync("build/aarch64/cnibox");
    const call = (command: string) => {
      const { status, stdout, stderr } = host.run([emulator, file, "bridge"], {
        input: JSON.stringify(config),
        env: {
          CNI_COMMAND: command,
          CNI_CONTAINERID: "c1",
          CNI_NETNS: container.netns,
          CNI_IFNAME: "eth0",
          CNI_PATH: "/none",
        },
      });
      assert.equal(status, 0, stdout + stderr);
      return stdout;
    };
    assert.deepEqual(JSON.parse(call("ADD")).ips[0].address, "10.1.2.2/24");
    assert.deepEqual(container.addresses("eth0"), ["10.1.2.2/24"]);
    assert.ok(container.reaches("10.1.2.1"));
    call("DEL");
    assert.deepEqual(container.links(), ["lo"]);
  });
}
