/** dhcp from outside: plugin and daemon against dnsmasq. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pluginPath, versions } from "../harness/hosts.ts";
import { onlyOurs } from "../harness/sandbox.ts";
import {
  addServer,
  bridge,
  daemon,
  dnsmasq,
  leases,
  socket,
  stored,
  until,
} from "./dhcp-support.ts";

const why = "these cases start our daemon";
const options = { timeout: 90_000 };

for (const cniVersion of versions.all) {
  onlyOurs(`ADD, CHECK, DEL [${cniVersion}]`, why, options, async (sandbox) => {
    const { container, cni } = sandbox;
    const server = await dnsmasq(addServer(sandbox));
    const served = await daemon(sandbox);
    const config = { ...bridge(), cniVersion };
    const result = cni.add(config);
    const [ip, gateway] = result.ip4
      ? [result.ip4.ip, result.ip4.gateway]
      : [result.ips[0].address, result.ips[0].gateway];
    assert.deepEqual([ip, gateway], ["10.9.0.5/24", "10.9.0.1"]);
    assert.deepEqual(container.addresses("eth0"), ["10.9.0.5/24"]);
    assert.ok(container.routes().includes("default via 10.9.0.1 dev eth0"));
    assert.ok(container.reaches("10.9.0.1"));
    assert.deepEqual(stored(sandbox), ["c1,net1,eth0.json"]);
    if (versions.with("CHECK").includes(cniVersion)) cni.check(config, { prevResult: result });
    cni.del(config);
    cni.del(config);
    assert.deepEqual(stored(sandbox), []);
    assert.deepEqual(container.links(), ["lo"]);
    await until(() => server.log().includes("DHCPRELEASE"), "the server gets the release");
    assert.equal(await served.stop(), 0);
  });
}

onlyOurs(
  "options: what is sent, asked for, and made of the lease",
  why,
  options,
  async (sandbox) => {
    const { cni } = sandbox;
    const server = await dnsmasq(
      addServer(sandbox),
      "--dhcp-option=option:router,10.9.0.254",
      "--dhcp-option=option:dns-server,10.9.0.53,10.9.0.54",
      "--dhcp-option=option:domain-search,a.example,b.example",
      "--domain=example.org",
      "--dhcp-option=option:classless-static-route,192.0.2.0/24,10.9.0.7,198.51.100.0/24,0.0.0.0",
      "--dhcp-option=33,203.0.113.0,10.9.0.8",
    );
    await daemon(sandbox);
    const ipam = { provide: [{ option: "host-name", fromArg: "NAME" }], priority: 7 };
    const args = { args: "IgnoreUnknown=1;NAME=pod7" };
    const classful = cni.add(bridge(ipam), args);
    assert.deepEqual(classful.routes, [{ dst: "0.0.0.0/0", gw: "10.9.0.254", priority: 7 }]);
    assert.match(server.log(), /client provides name: pod7/);
    assert.equal(classful.dns?.nameservers, undefined);
    cni.del(bridge(ipam), args);

    const all = { request: [{ option: "121" }, { option: "33" }], useDns: true };
    const result = cni.add(bridge(all), { containerId: "c2" });
    assert.deepEqual(result.routes, [
      { dst: "192.0.2.0/24", gw: "10.9.0.7" },
      { dst: "198.51.100.0/24", gw: "0.0.0.0", scope: 253 },
    ]);
    assert.deepEqual(result.dns, {
      nameservers: ["10.9.0.53", "10.9.0.54"],
      domain: "example.org",
      search: ["a.example", "b.example"],
    });
  },
);

onlyOurs("without a server ADD says what was tried", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  addServer(sandbox);
  await daemon(sandbox, "-timeout", "500ms", "--resendtimeout=2s", "-resendmax=1s");
  assert.throws(() => cni.add(bridge()), {
    code: 999,
    msg: "error calling DHCP.Allocate: no more tries",
    details: /^IPv4: sent DISCOVER [234] times, no reply on eth0$/,
  });
  assert.deepEqual(container.links(), ["lo"]);
  assert.deepEqual(stored(sandbox), []);
  assert.equal(host.sh(`ls ${leases}`), "lock\n");
});

onlyOurs("an empty pool, and room again after DEL", why, options, async (sandbox) => {
  const { cni } = sandbox;
  await dnsmasq(addServer(sandbox), "--dhcp-range=10.9.0.5,10.9.0.5,1h");
  await daemon(sandbox, "-timeout", "1s", "-resendmax", "2s", "-resendtimeout", "3s");
  cni.add(bridge());
  assert.throws(() => cni.add(bridge(), { ifName: "eth1" }), {
    msg: "error calling DHCP.Allocate: no more tries",
  });
  cni.del(bridge());
  cni.del(bridge(), { ifName: "eth1" });
  const { ips } = cni.add(bridge(), { ifName: "eth2" });
  assert.equal(ips[0].address, "10.9.0.5/24");
});

onlyOurs("without a daemon", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  await dnsmasq(addServer(sandbox));
  assert.throws(() => cni.add(bridge()), {
    code: 999,
    msg: `error dialing DHCP daemon: dial unix ${socket}: connect: no such file or directory`,
    details: /^start one with: \S+\/dhcp daemon$/,
  });
  assert.throws(() => cni.status(bridge()), { code: 50, msg: `no daemon answers at ${socket}` });
  cni.del(bridge());

  const served = await daemon(sandbox);
  cni.status(bridge());
  cni.add(bridge());
  assert.equal(await served.stop(), 0);
  assert.equal(host.sh("ls /run/cni"), "dhcp\n", "the socket is gone, the leases stay");
  cni.del(bridge());
  assert.deepEqual(container.links(), ["lo"]);
  assert.deepEqual(stored(sandbox), ["c1,net1,eth0.released"]);
  const next = await daemon(sandbox);
  await next.says("DEL came meanwhile");
  assert.deepEqual(stored(sandbox), []);
  assert.match(next.log(), /released through the host|the lease is dropped/);
});

onlyOurs('daemon "auto" starts one', why, options, async (sandbox) => {
  const { cni, host } = sandbox;
  await dnsmasq(addServer(sandbox));
  const auto = bridge({ daemon: "auto" });
  cni.status(auto);
  assert.equal(cni.add(auto).ips[0].address, "10.9.0.5/24");
  assert.equal(cni.add(auto, { containerId: "c2", ifName: "eth1" }).ips[0].address, "10.9.0.6/24");
  assert.match(host.sh(`cat ${leases}/daemon.log`), /serving/);
  cni.del(auto);
  cni.del(auto, { containerId: "c2", ifName: "eth1" });
  assert.deepEqual(stored(sandbox), []);
  host.sh(`kill $(cat ${leases}/lock)`);
});

onlyOurs("a second daemon, a stale socket, a pidfile", why, options, async (sandbox) => {
  const { cni, host } = sandbox;
  const first = await daemon(sandbox, "-pidfile", "/run/dhcp.pid");
  const second = await daemon(sandbox);
  assert.match(second.log(), new RegExp(`Cannot serve ${socket}: a daemon does already, process`));
  assert.equal(await second.stop(), 1);
  cni.status(bridge());
  const pid = host.sh("cat /run/dhcp.pid");
  assert.match(pid, /^\d+$/);
  await first.stop("SIGKILL");
  assert.equal(host.sh(`ls ${socket}`), `${socket}\n`);
  assert.throws(() => cni.status(bridge()), { code: 50 });
  const third = await daemon(sandbox);
  cni.status(bridge());
  assert.equal(await third.stop(), 0);
  const relative = host.run([pluginPath("dhcp"), "daemon", "-pidfile", "x"]);
  assert.match(relative.stderr, /-pidfile must be absolute: x/);
  assert.equal(relative.status, 2);
});

onlyOurs("killed and started again, the daemon goes on", why, options, async (sandbox) => {
  const { cni, container } = sandbox;
  const server = await dnsmasq(addServer(sandbox));
  const first = await daemon(sandbox);
  const prevResult = cni.add(bridge());
  await first.stop("SIGKILL");
  const before = server.log().match(/DHCPREQUEST\(eth0\) 10.9.0.5/g)?.length ?? 0;
  const second = await daemon(sandbox);
  assert.match(second.log(), /1 leases go on/);
  cni.check(bridge(), { prevResult });
  assert.deepEqual(cni.add(bridge(), { ifName: "eth1" }).ips[0].address, "10.9.0.6/24");
  await until(
    () => (server.log().match(/DHCPREQUEST\(eth0\) 10.9.0.5/g)?.length ?? 0) > before,
    "the lease is verified",
  );
  assert.deepEqual(container.addresses("eth0"), ["10.9.0.5/24"]);
  cni.del(bridge());
  await until(() => server.log().includes("DHCPRELEASE(eth0) 10.9.0.5"), "it is released");
});

onlyOurs(
  "a lease that the server refuses after a restart is replaced",
  why,
  options,
  async (sandbox) => {
    const { cni, container, host } = sandbox;
    const server = addServer(sandbox);
    const old = await dnsmasq(server);
    const first = await daemon(sandbox);
    const prevResult = cni.add(bridge());
    await first.stop();
    await old.stop();
    host.sh("rm /run/dnsmasq.leases");
    server.sh("ip addr flush dev eth0; ip addr add 10.8.0.1/24 dev eth0");
    await dnsmasq(server, "--dhcp-range=10.8.0.5,10.8.0.9,1h");
    const second = await daemon(sandbox);
    await until(
      () => container.addresses("eth0").join() === "10.8.0.5/24",
      `the address is another; ${second.log()}`,
    );
    assert.ok(container.routes().includes("default via 10.8.0.1 dev eth0"));
    assert.ok(container.reaches("10.8.0.1"));
    assert.throws(
      () => cni.check(bridge(), { prevResult }),
      /the lease does not have 10.9.0.5\/24/,
    );
  },
);

onlyOurs("refused when it is renewed, a lease is replaced", why, options, async (sandbox) => {
  const { cni, container, host } = sandbox;
  const namespace = addServer(sandbox);
  const early = ["--dhcp-option=option:T1,3", "--dhcp-option=option:T2,60"];
  const before = await dnsmasq(namespace, ...early);
  const served = await daemon(sandbox);
  const { ips } = cni.add(bridge());
  await before.says(/DHCPACK\(eth0\) 10.9.0.5/, 2);
  assert.deepEqual(container.addresses("eth0"), [ips[0].address]);
  assert.doesNotMatch(before.log(), /DHCPNAK/);
  await before.stop();
  host.sh("rm /run/dnsmasq.leases");
  namespace.sh("ip addr add 10.8.0.1/24 dev eth0");
  const after = await dnsmasq(namespace, ...early, "--dhcp-range=10.8.0.5,10.8.0.9,1h");
  await after.says(/DHCPNAK\(eth0\) 10.9.0.5/);
  await served.says("the server refuses");
  await until(
    () => container.addresses("eth0").join() === "10.8.0.5/24",
    () => `the address is another: ${served.log()}`,
  );
  assert.ok(container.routes().includes("default via 10.8.0.1 dev eth0"));
  assert.ok(container.reaches("10.8.0.1"));
});

onlyOurs("GC, with and without a daemon", why, options, async (sandbox) => {
  const { cni } = sandbox;
  await dnsmasq(addServer(sandbox));
  const served = await daemon(sandbox);
  for (const ifName of ["eth0", "eth1", "eth2"]) cni.add(bridge(), { ifName });
  cni.add({ ...bridge(), name: "net2" }, { ifName: "eth3" });
  const valid = ["eth0", "eth1"].map((ifname) => ({ containerID: "c1", ifname }));
  const type = "dhcp";
  cni.gc({ ...bridge(), type }, valid);
  assert.deepEqual(stored(sandbox), [
    "c1,net1,eth0.json",
    "c1,net1,eth1.json",
    "c1,net2,eth3.json",
  ]);
  await served.stop();
  cni.gc({ ...bridge(), type }, valid.slice(0, 1));
  assert.deepEqual(stored(sandbox), [
    "c1,net1,eth0.json",
    "c1,net1,eth1.released",
    "c1,net2,eth3.json",
  ]);
});

onlyOurs("a namespace that is gone", why, options, async (sandbox) => {
  const { cni, host, addNamespace, removeNamespace } = sandbox;
  const server = await dnsmasq(addServer(sandbox));
  const served = await daemon(sandbox);
  const c2 = { container: addNamespace("c2"), containerId: "c2" };
  cni.add(bridge(), c2);
  removeNamespace("c2");
  cni.del(bridge(), c2);
  await served.says(/c2.*the link is gone: the lease is dropped, it expires by itself: /);

  const c3 = { container: addNamespace("c3"), containerId: "c3" };
  cni.add(bridge(), c3);
  removeNamespace("c3");
  host.sh("ip addr add 10.9.0.200/24 dev br0"); // now the host has a way to the server
  cni.del(bridge(), c3);
  await served.says(/c3.*the link is gone: released through the host, to 10\.9\.0\.1/);
  await server.says(/DHCPRELEASE\(eth0\) 10\.9\.0\./);

  cni.add(bridge(), { container: addNamespace("c4"), containerId: "c4" });
  await served.stop("SIGKILL");
  removeNamespace("c4");
  const next = await daemon(sandbox);
  assert.match(next.log(), /c4\/net1\/eth0: \/run\/netns\/c4 or its link is gone/);
  assert.match(next.log(), /0 leases go on/);
});

onlyOurs("-release-on-exit", why, options, async (sandbox) => {
  const { cni } = sandbox;
  const server = await dnsmasq(addServer(sandbox));
  const served = await daemon(sandbox, "-release-on-exit");
  cni.add(bridge());
  assert.equal(await served.stop(), 0);
  await until(() => server.log().includes("DHCPRELEASE(eth0) 10.9.0.5"), "it is released");
  assert.deepEqual(stored(sandbox), []);
});

onlyOurs("DHCPv6, beside DHCPv4 and alone", why, options, async (sandbox) => {
  const { cni, container } = sandbox;
  const server = await dnsmasq(
    addServer(sandbox),
    "--dhcp-range=10.9.0.5,10.9.0.200,1h",
    "--dhcp-range=fd00:9::5,fd00:9::50,64,1h",
    "--dhcp-option=option6:dns-server,[fd00:9::53]",
  );
  const first = await daemon(sandbox);
  const both = bridge({ ipv6: true, useDns: true });
  const prevResult = cni.add(both);
  const [v4, v6] = prevResult.ips.map(({ address }: { address: string }) => address);
  assert.equal(v4, "10.9.0.5/24");
  assert.match(v6, /^fd00:9::[0-9a-f]+\/128$/);
  assert.ok(prevResult.dns.nameservers.includes("fd00:9::53"));
  assert.deepEqual(container.addresses("eth0").sort(), [v4, v6].sort());
  await first.stop("SIGKILL");
  const second = await daemon(sandbox);
  assert.match(second.log(), /1 leases go on/);
  cni.check(both, { prevResult });
  cni.del(both);
  await until(() => /DHCPRELEASE\(eth0\).* 00:04:/.test(server.log()), "both are released");
  const alone = cni.add(bridge({ ipv4: false, ipv6: true }), { ifName: "eth1" });
  assert.equal(alone.ips.length, 1);
  assert.match(alone.ips[0].address, /^fd00:9::/);
});

onlyOurs(
  "as systemd starts it: its socket, the capabilities of the unit",
  why,
  options,
  async (sandbox) => {
    const { cni, host, container } = sandbox;
    await dnsmasq(
      addServer(sandbox),
      "--dhcp-range=10.9.0.5,10.9.0.200,1h",
      "--dhcp-range=fd00:9::5,fd00:9::50,64,1h",
    );
    const activate = `
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
os.makedirs("/run/cni")
server.bind(sys.argv[1])
server.listen()
os.dup2(server.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])`;
    const unit = readFileSync("systemd/cni-dhcp.service", "utf8");
    const [, command = ""] = /^ExecStart=\/opt\/cni\/bin\/dhcp (.*)$/m.exec(unit) ?? [];
    const [, names = ""] = /^CapabilityBoundingSet=(.*)$/m.exec(unit) ?? [];
    const set = names.split(" ").map((name) => name.toLowerCase().replace("cap_", "+"));
    const child = host.start([
      ...["setpriv", "--no-new-privs", `--bounding-set=-all,${set}`],
      ...["python3", "-c", activate, socket, pluginPath("dhcp"), command],
    ]);
    let log = "";
    child.stderr?.on("data", (data) => {
      log += data;
    });
    await until(
      () => log.includes("serving"),
      () => `it serves: ${log}`,
    );
    cni.status(bridge());
    const { ips } = cni.add(bridge({ ipv6: true }));
    assert.equal(ips.length, 2);
    assert.deepEqual(
      container.addresses("eth0").sort(),
      ips.map(({ address }: { address: string }) => address).sort(),
    );
    cni.del(bridge({ ipv6: true }));
    child.kill();
    await until(() => child.exitCode === 0, "it has ended");
    assert.equal(host.sh(`ls ${socket}`), `${socket}\n`, "the file is not ours to remove");
  },
);

onlyOurs("garbage on the socket stops nobody", why, options, async (sandbox) => {
  const { cni, host } = sandbox;
  await dnsmasq(addServer(sandbox));
  await daemon(sandbox);
  const send = `
import os, socket, sys
for data in (b"GET / HTTP/1.0\\n\\n", os.urandom(5000), b"CONNECT /_goRPC_ HTTP/1.0\\n\\n" + os.urandom(999)):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(2)
    client.connect(sys.argv[1])
    client.sendall(data)
    try: client.recv(999)
    except OSError: pass`;
  host.sh(`python3 -c '${send}' ${socket}`);
  assert.equal(cni.add(bridge()).ips[0].address, "10.9.0.5/24");
});
