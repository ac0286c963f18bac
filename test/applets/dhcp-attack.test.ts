/** dhcp where things come at the wrong time, or damaged: calls, files, the daemon's end. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { onlyOurs } from "../harness/sandbox.ts";
import { addServer, bridge, daemon, dnsmasq, leases, socket, stored } from "./dhcp-support.ts";

const why = "these cases start our daemon";
const options = { timeout: 90_000 };

onlyOurs(
  "lease files that are damaged are dropped, the others go on",
  why,
  options,
  async (sandbox) => {
    const { cni, host } = sandbox;
    await dnsmasq(addServer(sandbox));
    const first = await daemon(sandbox);
    const prevResult = cni.add(bridge());
    await first.stop("SIGKILL");
    const good = host.sh(`cat ${leases}/c1,net1,eth0.json`);
    const damaged: Record<string, string> = {
      empty: "",
      cut: good.slice(0, good.length / 2),
      list: "[]",
      text: '"lease"',
      zeros: "\\0\\0\\0",
      types: good.replace(/"inode": \d+/, '"inode": "x"'),
      address: good.replace(/"address": "[^"]*"/, '"address": "300.1.1.1"'),
      options: good.replace(/"options": "[^"]*"/, '"options": "0104ff"'),
      boot: good.replace(/"boot": "[^"]*"/, '"boot": "another"'),
      nameless: good.replace(/"containerId": "[^"]*"/, '"containerId": ""'),
      deep: "[".repeat(100_000),
    };
    for (const [name, text] of Object.entries(damaged)) {
      assert.notEqual(text, good, `the file has changed: ${name}`);
      const done = host.run(["sh", "-c", `cat >${leases}/${name}.json`], { input: text });
      assert.equal(done.status, 0);
    }
    host.sh(`mkdir ${leases}/directory.json; ln -s /etc/passwd ${leases}/link.json
    cp ${leases}/c1,net1,eth0.json ${leases}/copy.json`);
    const second = await daemon(sandbox);
    assert.match(second.log(), /1 leases go on/);
    for (const name of [...Object.keys(damaged), "link", "copy"]) {
      assert.match(second.log(), new RegExp(`${name}.json is dropped: .+`));
    }
    cni.check(bridge(), { prevResult });
    cni.del(bridge());
    assert.deepEqual(
      stored(sandbox).filter((file) => !/directory|fifo|huge/.test(file)),
      [],
    );
    assert.equal(host.sh("grep -c root /etc/passwd | head -1").trim() === "0", false);
  },
);

onlyOurs("ADD, DEL and a daemon that is killed, in any order", why, options, async (sandbox) => {
  const { cni, container } = sandbox;
  await dnsmasq(addServer(sandbox));
  for (let i = 0; i < 8; i++) {
    const served = await daemon(sandbox);
    const added = cni.addAsync(bridge(), { timeout: 20_000 }).catch((error) => error);
    const timer = setTimeout(() => process.kill(served.pid, "SIGKILL"), 5 + i * 6);
    const result = await added;
    clearTimeout(timer);
    await served.stop("SIGKILL");
    // What ADD says is so: a lease that is kept, or nothing left.
    if (result instanceof Error) {
      assert.match(result.message, /unexpected EOF|error dialing DHCP daemon/);
      assert.deepEqual(container.links(), ["lo"]);
    } else {
      assert.deepEqual(stored(sandbox), ["c1,net1,eth0.json"]);
      const next = await daemon(sandbox);
      cni.check(bridge(), { prevResult: result });
      await next.stop();
    }
    cni.del(bridge());
    const last = await daemon(sandbox);
    assert.deepEqual(stored(sandbox), [], `round ${i}: ${last.log()}`);
    await last.stop();
  }
});

onlyOurs("two ADDs and three DELs of one attachment at once", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  const server = await dnsmasq(addServer(sandbox));
  const served = await daemon(sandbox);
  host.sh("ip link add eth0 netns c1 type veth peer name port0; ip link set port0 up master br0");
  container.sh("ip link set eth0 up");
  const plain = { type: "dhcp", ipam: { type: "dhcp" } };
  const results = await Promise.all([cni.addAsync(plain), cni.addAsync(plain)]);
  assert.deepEqual(results[0].ips, results[1].ips);
  assert.equal(server.log().match(/DHCPDISCOVER/g)?.length, 1, "one lease is asked for");
  await Promise.all([cni.delAsync(plain), cni.delAsync(plain), cni.delAsync(plain)]);
  assert.deepEqual(stored(sandbox), []);
  // DEL while ADD waits for a server: ADD fails, and nothing is left.
  await server.stop();
  const waiting = cni.addAsync(plain).catch((error) => error);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await cni.delAsync(plain);
  assert.match((await waiting).message, /error calling DHCP.Allocate: released/);
  assert.deepEqual(stored(sandbox), []);
  assert.equal(await served.stop(), 0);
});

onlyOurs(
  "a plugin that is killed while it waits leaves no lease",
  why,
  options,
  async (sandbox) => {
    const { cni, container, host } = sandbox;
    const server = addServer(sandbox);
    const served = await daemon(sandbox);
    host.sh("ip link add eth0 netns c1 type veth peer name port0; ip link set port0 up master br0");
    container.sh("ip link set eth0 up");
    const plain = { type: "dhcp", ipam: { type: "dhcp" } };
    await cni.addAsync(plain, { prefix: ["timeout", "-s", "KILL", "0.5"] }).catch(() => {});
    await served.says("the plugin went away, so nobody waits");
    const { log } = await dnsmasq(server);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.doesNotMatch(log(), /DHCPDISCOVER/);
    assert.deepEqual(stored(sandbox), []);
  },
);

onlyOurs(
  "bad calls over the socket are answered, and stop nobody",
  why,
  options,
  async (sandbox) => {
    const { cni, host } = sandbox;
    await dnsmasq(addServer(sandbox));
    const served = await daemon(sandbox);
    for (const ipam of [
      undefined,
      7,
      { type: "dhcp", provide: 3 },
      { type: "dhcp", provide: [{ option: "host-name", value: "x".repeat(300) }] },
      { type: "dhcp", request: [{ option: "nonsense" }] },
      { type: "dhcp", request: [{ option: "256" }] },
    ]) {
      assert.throws(() => cni.add({ type: "dhcp", ipam }), /./);
    }
    for (const netns of ["/nowhere", "/etc/passwd", "/", "relative", `/${"x".repeat(5000)}`]) {
      assert.throws(
        () => cni.add({ type: "dhcp", ipam: { type: "dhcp" } }, { container: netns }),
        /./,
      );
    }
    assert.throws(
      () => cni.add({ type: "dhcp", ipam: { type: "dhcp" } }, { ifName: "eth9" }),
      /eth9/,
    );
    // Connections that say nothing, say half, say too much, and go.
    const pester = `
import os, socket, sys, time
hello = b"CONNECT /_goRPC_ HTTP/1.0\\n\\n"
idle = []
for i in range(300):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.settimeout(1)
    idle.append(client)
    try:
        client.sendall([b"", hello, hello + b"\\xf8\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff", b"x" * 100000,
                        hello + b"\\x7f" + b"\\x00" * 50, hello + os.urandom(200)][i % 6])
    except OSError: pass
print("done")`;
    assert.equal(host.run(["python3", "-c", pester, socket]).stdout, "done\n");
    assert.equal(cni.add(bridge()).ips[0].address, "10.9.0.5/24");
    assert.ok(memoryOf(served.pid) < 12 * 1024, `${memoryOf(served.pid)} KiB`);
    assert.ok(readdirSync(`/proc/${served.pid}/fd`).length < 20);
    assert.equal(await served.stop(), 0);
  },
);

function memoryOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
