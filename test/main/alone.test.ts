/** The executable in a root directory that holds nothing else: no Node, no shell, no nft, no libc. */
import assert from "node:assert/strict";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";

const root = "/run/alone";
const network = {
  cniVersion: "1.1.0",
  name: "alone",
  type: "bridge",
  bridge: "br0",
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { type: "host-local", subnet: "10.1.2.0/24" },
};

onlyOurs("the executable alone does the main job", "Go needs iptables", (sandbox) => {
  const { host, container } = sandbox;
  const file = realpathSync(pluginPath("bridge"));
  assert.ok(statSync(file).size <= 2_500_000, "the executable is larger than 2.5 MB");
  assert.ok(!readFileSync(file).includes(process.cwd()), "it tells where it was built");
  // /proc and the namespaces are the kernel's; the leases' folder is made by the plugin.
  host.sh(`mkdir -p ${root}/proc ${root}/run/netns ${root}/cni
    cp ${file} ${root}/cni/bridge
    mount --rbind /proc ${root}/proc; mount --rbind /run/netns ${root}/run/netns`);
  const call = (command: string) =>
    host.run(["chroot", root, "/cni/bridge"], {
      input: JSON.stringify(network),
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: "c1",
        CNI_NETNS: container.netns,
        CNI_IFNAME: "eth0",
        CNI_PATH: "/cni",
      },
    });

  const added = call("ADD");
  assert.equal(added.status, 0, added.stdout + added.stderr);
  assert.deepEqual(container.addresses("eth0"), ["10.1.2.2/24"]);
  assert.ok(container.reaches("10.1.2.1"));
  assert.match(JSON.stringify(host.nft()), /masquerade/);

  const deleted = call("DEL");
  assert.equal(deleted.status, 0, deleted.stdout + deleted.stderr);
  assert.deepEqual(host.links(), ["br0", "lo"]);
  assert.deepEqual(host.nft(), []);
  assert.equal(host.sh(`cd ${root}/var/lib/cni/networks/alone; ls 10.* 2>/dev/null || true`), "");
});
