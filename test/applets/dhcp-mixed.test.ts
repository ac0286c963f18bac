/** One side of dhcp is the reference's, as in the middle of an upgrade; and flags of the daemon. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { pluginPath } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";
import { addServer, bridge, daemon, dnsmasq, startServer, stored, until } from "./dhcp-support.ts";

const why = "one of the sides is ours";
const options = { timeout: 90_000 };
const bin = "/usr/lib/cni";
const config = { ...bridge(), cniVersion: "1.0.0" };

onlyOurs("Go's plugins, our daemon", why, options, async (sandbox) => {
  const { cni, container } = sandbox;
  await dnsmasq(addServer(sandbox));
  const served = await daemon(sandbox);
  const prevResult = cni.add(config, { bin });
  assert.deepEqual(container.addresses("eth0"), ["10.9.0.5/24"]);
  assert.ok(container.reaches("10.9.0.1"));
  assert.deepEqual(stored(sandbox), ["c1,net1,eth0.json"]);
  cni.check(config, { bin, prevResult });
  cni.check(config, { prevResult }); // and ours understands what Go's has made
  cni.del(config, { bin });
  cni.del(config, { bin });
  // Go's bridge removes the link first.
  await served.says(/the link is gone: (released through the host|the lease is dropped)/);
  assert.deepEqual(stored(sandbox), []);
});

onlyOurs("our plugins, Go's daemon", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  await dnsmasq(addServer(sandbox));
  host.sh("mkdir -p /run/cni");
  const daemon = host.start([`${bin}/dhcp`, "daemon"]);
  await until(() => existsSync(host.file("/run/cni/dhcp.sock")), "Go's daemon serves");
  cni.status(bridge());
  const prevResult = cni.add(bridge());
  assert.deepEqual(container.addresses("eth0"), ["10.9.0.5/24"]);
  assert.ok(container.reaches("10.9.0.1"));
  const checked = cni.invoke("CHECK", bridge(), { prevResult });
  assert.equal(checked.status, 0, checked.stdout);
  assert.match(checked.stderr, /the daemon is not cnibox's: .*can't find method DHCP.Check/);
  const env = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "" };
  const collected = cni.invoke("GC", { ...bridge(), "cni.dev/valid-attachments": [] }, { env });
  assert.equal(collected.status, 0, collected.stdout);
  cni.del(bridge());
  cni.del(bridge());
  daemon.kill();
});

onlyOurs("-hostprefix: a daemon that sees the host elsewhere", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  await dnsmasq(addServer(sandbox));
  // As in a container: of the host's /run it has nothing but what is mounted below the prefix.
  host.sh("mkdir -p /var/lib/host/run && mount --rbind /run /var/lib/host/run");
  const hidden = `umount -l /run/netns; mount -t tmpfs tmpfs /run; exec ${pluginPath("dhcp")} "$@"`;
  await startServer(
    host,
    [
      // What is in another mount namespace does not end with the sandbox, but with its parent.
      ...["timeout", "80", "unshare", "--mount", "setpriv", "--pdeathsig", "KILL"],
      ...["sh", "-c", hidden, "dhcp", "daemon"],
      "-hostprefix",
      "/var/lib/host",
    ],
    /serving/,
  );
  cni.status(bridge());
  const prevResult = cni.add(bridge());
  assert.deepEqual(container.addresses("eth0"), ["10.9.0.5/24"]);
  assert.deepEqual(stored(sandbox), ["c1,net1,eth0.json"]);
  cni.check(bridge(), { prevResult });
  cni.del(bridge());
  assert.deepEqual(stored(sandbox), []);
});

onlyOurs("-broadcast: servers are asked to broadcast", why, options, async (sandbox) => {
  const { cni } = sandbox;
  const namespace = addServer(sandbox);
  await dnsmasq(namespace);
  const wire = await startServer(
    namespace,
    ["tcpdump", "-l", "-n", "-v", "-i", "eth0", "udp port 67"],
    /listening on/,
  );
  await daemon(sandbox, "-broadcast");
  cni.add(bridge());
  await wire.says(/Request from .*Flags \[Broadcast\]/, 2);
  await wire.says(/10\.9\.0\.1\.67 > 255\.255\.255\.255\.68/, 2);
});
