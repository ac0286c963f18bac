/** dhcp with a neighbour that answers everything, and nothing right. */
import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { onlyOurs } from "../harness/sandbox.ts";
import { addServer, bridge, daemon, dnsmasq, kea4, startServer, stored } from "./dhcp-support.ts";

const why = "these cases start our daemon";
const options = { timeout: 90_000 };
const script = realpathSync("test/applets/dhcp-garbage.py");

/** What each of its replies has wrong. */
const reasons = [
  "truncated frame",
  "bad IP checksum",
  "bad UDP checksum",
  "bad UDP length",
  "IP fragment",
  "truncated message",
  "no magic cookie",
  "malformed message",
  "malformed option",
  "not a reply",
  "other hardware address",
  "wrong xid",
  "no message type",
  "unexpected message",
  "no server identifier",
  "no address",
];

onlyOurs("garbage alone: ADD tells what was wrong with it", why, options, async (sandbox) => {
  const { host, container, cni, addNamespace } = sandbox;
  // Without a bridge between them, which would drop the worst.
  const evil = addNamespace("evil");
  host.sh("ip link add eth0 netns evil type veth peer name eth0 netns c1");
  for (const netns of [evil, container]) netns.sh("ip link set eth0 up");
  await startServer(evil, ["python3", script, "eth0"], /listening/);
  const served = await daemon(sandbox, "-timeout", "1s", "-resendtimeout", "3s");
  let told = "";
  assert.throws(
    () => cni.add({ type: "dhcp", ipam: { type: "dhcp" } }),
    ({ msg, details }) => {
      told = details;
      return msg === "error calling DHCP.Allocate: no more tries";
    },
  );
  await served.says("no more tries");
  for (const reason of reasons) {
    assert.match(told, new RegExp(`[1-9] repl(y|ies) dropped: ${reason}\\b`));
    const logged = served.log().split(`dropped a reply: ${reason}\n`).length - 1;
    assert.equal(logged, 1, `the log tells once of "${reason}":\n${served.log()}`);
  }
  assert.deepEqual(stored(sandbox), []);
});

onlyOurs("garbage beside a server: leases are got and renewed", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  const server = await kea4(addServer(sandbox), { lifetime: 12, renew: 1, rebind: 3 });
  await startServer(
    addServer(sandbox, "evil", "br0", "10.9.0.66"),
    ["python3", script, "eth0"],
    /listening/,
  );
  const served = await daemon(sandbox);
  // The first answers are to be the wrong ones.
  host.sh(`kill -STOP ${server.pid}; (sleep 1; kill -CONT ${server.pid}) >/dev/null 2>&1 &`);
  const prevResult = cni.add(bridge());
  await server.says(/LEASE_ALLOC/, 4);
  await served.says("dropped a reply");
  assert.deepEqual(container.addresses("eth0"), [prevResult.ips[0].address]);
  cni.check(bridge(), { prevResult });
  assert.equal(await served.stop(), 0);
});

onlyOurs("a container that floods its own client's port", why, options, async (sandbox) => {
  const { cni, container } = sandbox;
  await dnsmasq(addServer(sandbox));
  await daemon(sandbox);
  cni.add(bridge());
  // While nothing is awaited nobody listens, and what comes in is nobody's work.
  const flood = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
print("listening", flush=True)
while True: s.sendto(bytes(300), ("10.9.0.255", 68))`;
  await startServer(container, ["timeout", "10", "python3", "-c", flood], /listening/);
  const result = cni.add(bridge(), { ifName: "eth1" });
  cni.check(bridge(), { ifName: "eth1", prevResult: result });
  cni.del(bridge(), { ifName: "eth1" });
});
