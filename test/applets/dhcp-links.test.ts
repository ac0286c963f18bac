/** dhcp behind the interface plugins, with many containers, and with links that go away. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { onlyOurs } from "../harness/sandbox.ts";
import { addServer, bridge, daemon, dnsmasq, isc4, pause, stored, until } from "./dhcp-support.ts";

const why = "these cases start our daemon";
const options = { timeout: 90_000 };
/** Asked for again after some seconds; dnsmasq takes nothing shorter. */
const early = ["--dhcp-option=option:T1,3", "--dhcp-option=option:T2,60"];

onlyOurs("macvlan", why, { ...options, needs: ["CONFIG_MACVLAN"] }, async (sandbox) => {
  const { host, container, cni, addNamespace } = sandbox;
  const namespace = addServer(sandbox);
  host.sh(
    "ip link add up0 type veth peer name up1; ip link set up1 up master br0; ip link set up0 up",
  );
  const server = await dnsmasq(namespace, ...early);
  await daemon(sandbox);
  const config = { type: "macvlan", master: "up0", ipam: { type: "dhcp" } };
  const other = addNamespace("c2");
  const [one, two] = [
    cni.attach(config),
    cni.attach(config, { container: other, containerId: "c2" }),
  ];
  assert.deepEqual(
    [one, two].map(({ result }) => result.ips[0].address),
    ["10.9.0.5/24", "10.9.0.6/24"],
  );
  for (const netns of [container, other]) assert.ok(netns.reaches("10.9.0.1"));
  await server.says(/DHCPACK\(eth0\) 10.9.0.5/, 2);
  for (const attached of [one, two]) attached.check();
  for (const attached of [one, two]) attached.del();
  await server.says(/DHCPRELEASE/, 2);
  assert.deepEqual(stored(sandbox), []);
  assert.deepEqual(container.links(), ["lo"]);
});

onlyOurs(
  "ipvlan: its links share a MAC, and are told apart by the client id",
  why,
  { ...options, needs: ["CONFIG_IPVLAN"] },
  async (sandbox) => {
    const { host, container, cni, addNamespace } = sandbox;
    const namespace = addServer(sandbox);
    host.sh(
      "ip link add up0 type veth peer name up1; ip link set up1 up master br0; ip link set up0 up",
    );
    const server = await dnsmasq(namespace, ...early);
    await daemon(sandbox);
    const config = { type: "ipvlan", master: "up0", mode: "l2", ipam: { type: "dhcp" } };
    const other = addNamespace("c2");
    const [one, two] = [
      cni.attach(config),
      cni.attach(config, { container: other, containerId: "c2" }),
    ];
    assert.equal(container.link("eth0").address, other.link("eth0").address);
    assert.deepEqual(
      [one, two].map(({ result }) => result.ips[0].address),
      ["10.9.0.5/24", "10.9.0.6/24"],
    );
    for (const netns of [container, other]) assert.ok(netns.reaches("10.9.0.1"));
    await server.says(/DHCPACK\(eth0\) 10.9.0.5/, 2); // renewed, by unicast
    await server.says(/DHCPACK\(eth0\) 10.9.0.6/, 2);
    for (const attached of [one, two]) attached.check();
    for (const attached of [one, two]) attached.del();
    await server.says(/DHCPRELEASE/, 2);
    assert.deepEqual(stored(sandbox), []);
  },
);

onlyOurs("host-device, and ptp, which has no server", why, options, async (sandbox) => {
  const { host, container, cni } = sandbox;
  await dnsmasq(addServer(sandbox));
  host.sh("ip link add lent0 type veth peer name port0; ip link set port0 up master br0");
  await daemon(sandbox, "-timeout", "300ms", "-resendmax", "300ms", "-resendtimeout", "1s");
  const lent = cni.attach({ type: "host-device", device: "lent0", ipam: { type: "dhcp" } });
  assert.deepEqual(container.addresses("eth0"), ["10.9.0.5/24"]);
  assert.ok(container.reaches("10.9.0.1"));
  lent.check();
  lent.del();
  assert.ok(host.links().includes("lent0"));
  const before = host.state();
  assert.throws(() => cni.add({ type: "ptp", ipam: { type: "dhcp" } }), {
    details: /^IPv4: sent DISCOVER \d times, no reply on eth0$/,
  });
  assert.deepEqual(host.state(), before);
  assert.deepEqual(container.links(), ["lo"]);
});

onlyOurs("100 containers at once: one process, one thread", why, options, async (sandbox) => {
  const { cni, addNamespace } = sandbox;
  await isc4(addServer(sandbox), { range: [5, 250] });
  const { pid, log } = await daemon(sandbox);
  const all = Array.from({ length: 100 }, (_, i) => addNamespace(`n${i}`));
  const call = (i: number) => ({ container: all[i] as (typeof all)[0], containerId: `n${i}` });
  const results = await Promise.all(all.map((_, i) => cni.addAsync(bridge(), call(i))));
  assert.equal(new Set(results.map(({ ips }) => ips[0].address)).size, 100, log());
  for (const i of [0, 42, 99]) {
    assert.deepEqual(all[i]?.addresses("eth0"), [results[i].ips[0].address]);
    assert.ok(all[i]?.reaches("10.9.0.1"));
    cni.check(bridge(), { ...call(i), prevResult: results[i] });
  }
  assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Threads:\s+1$/m);
  // At rest no socket is held, nor any container's namespace.
  await until(
    () => descriptors(pid).length <= 8,
    () => descriptors(pid).join(),
  );
  await Promise.all(all.map((_, i) => cni.delAsync(bridge(), call(i))));
  assert.deepEqual(stored(sandbox), []);
});

function descriptors(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`);
}

onlyOurs("a namespace that is gone or another when T1 comes", why, options, async (sandbox) => {
  const { cni, host, addNamespace } = sandbox;
  const server = await dnsmasq(addServer(sandbox), ...early);
  const served = await daemon(sandbox);
  for (const name of ["gone", "other"]) {
    const container = addNamespace(name);
    cni.add(bridge(), { container, containerId: name });
    host.sh(`ip netns del ${name}`);
  }
  // Under the same path, with the same link, but not what the lease is for.
  const other = addNamespace("other");
  other.sh("ip link add eth0 type veth; ip addr add 10.9.0.6/24 dev eth0; ip link set eth0 up");
  await served.says("gone/net1/eth0: IPv4: the link is gone");
  await served.says("other/net1/eth0: IPv4: the link is gone");
  await until(() => stored(sandbox).length === 0, "the files are gone");
  assert.deepEqual(other.addresses("eth0"), ["10.9.0.6/24"]);
  assert.doesNotMatch(server.log(), /DHCPACK.*DHCPACK.*DHCPACK/s);
  for (const name of ["gone", "other"]) cni.del(bridge(), { container: "", containerId: name });
});

onlyOurs(
  "a link that is deleted, and one that goes down for a while",
  why,
  options,
  async (sandbox) => {
    const { cni, container } = sandbox;
    const server = await dnsmasq(addServer(sandbox), ...early);
    const served = await daemon(sandbox);
    cni.add(bridge());
    cni.add(bridge(), { ifName: "eth1" });
    container.sh("ip link del eth0; ip link set eth1 down");
    await served.says("c1/net1/eth0: IPv4: the link is gone");
    await pause(500);
    container.sh("ip link set eth1 up");
    assert.deepEqual(stored(sandbox), ["c1,net1,eth1.json"]);
    cni.del(bridge(), { ifName: "eth1" });
    await server.says(/DHCPRELEASE\(eth0\) 10.9.0.6/);
  },
);
