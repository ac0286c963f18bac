/** dhcp with short leases, against Kea and ISC dhcpd: how leases are kept, moved and lost. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import {
  addServer,
  bridge,
  daemon,
  isc4,
  kea4,
  pause,
  type StartServer,
  stored,
  until,
  watchWire,
} from "./dhcp-support.ts";

const why = "these cases start our daemon";
const options = { timeout: 90_000 };
/** Asked for again when nobody answers, as often as a test can wait for. */
const eager = ["-timeout", "500ms", "-resendmax", "1s"];

/** What a server writes when it has done what is waited for. */
interface Words {
  grants: RegExp;
  refuses: RegExp;
  releases: RegExp;
}

const servers: [name: string, start: StartServer, words: Words][] = [
  [
    "Kea",
    kea4,
    { grants: /LEASE_ALLOC/, refuses: /PACKET_SEND .* DHCPNAK/, releases: /DHCP4_RELEASE / },
  ],
  [
    "ISC dhcpd",
    isc4,
    { grants: /DHCPACK on/, refuses: /DHCPNAK on/, releases: /DHCPRELEASE of .* \(found\)/ },
  ],
];

for (const [name, start, words] of servers) {
  const short = { lifetime: 12, renew: 1, rebind: 3 };

  onlyOurs(`${name}: renewed by unicast at T1, and released`, why, options, async (sandbox) => {
    const { container, cni } = sandbox;
    const namespace = addServer(sandbox);
    const server = await start(namespace, short);
    await daemon(sandbox);
    const wire = await watchWire(namespace);
    const prevResult = cni.add(bridge());
    const [{ address }] = prevResult.ips;
    assert.match(address, /^10\.9\.0\.\d+\/24$/);
    await server.says(words.grants, 4);
    const { address: mac } = namespace.link("eth0");
    const renewal = `> ${mac},.* ${address.replace("/24", "")}.68 > 10.9.0.1.67: BOOTP/DHCP, Request`;
    await wire.says(new RegExp(renewal), 3);
    assert.deepEqual(container.addresses("eth0"), [address]);
    cni.check(bridge(), { prevResult });
    cni.del(bridge());
    await server.says(words.releases);
  });

  onlyOurs(`${name}: restarted, it goes on`, why, options, async (sandbox) => {
    const { cni } = sandbox;
    const namespace = addServer(sandbox);
    const first = await start(namespace, short);
    const served = await daemon(sandbox);
    const prevResult = cni.add(bridge());
    await first.stop("SIGKILL");
    await pause(1500); // T1 comes while there is none
    const second = await start(namespace, short);
    await second.says(words.grants, 2);
    cni.check(bridge(), { prevResult });
    assert.doesNotMatch(served.log(), /expired|refused/);
  });

  onlyOurs(`${name}: another server goes on with the lease`, why, options, async (sandbox) => {
    const { container, cni } = sandbox;
    const first = await start(addServer(sandbox), short);
    const served = await daemon(sandbox);
    const prevResult = cni.add(bridge());
    await first.stop("SIGKILL");
    const other = addServer(sandbox, "other", "br0", "10.9.0.2");
    const second = await start(other, short); // with the leases of the first
    await served.says("asking any server for 10.9.0.");
    await second.says(words.grants, 3);
    assert.equal(container.addresses("eth0").join(), prevResult.ips[0].address);
    assert.doesNotMatch(served.log(), /expired|refused/);
    // From now on it is the one that is asked.
    cni.del(bridge());
    await second.says(words.releases);
  });

  onlyOurs(
    `${name}: what it refuses after a restart is replaced`,
    why,
    options,
    async (sandbox) => {
      const { container, cni } = sandbox;
      const namespace = addServer(sandbox);
      const before = await start(namespace);
      const first = await daemon(sandbox);
      const prevResult = cni.add(bridge());
      await first.stop("SIGKILL");
      await before.stop("SIGKILL");
      namespace.sh("ip addr flush dev eth0; ip addr add 10.8.0.1/24 dev eth0");
      const server = await start(namespace, { subnet: "10.8.0", leases: "/run/other.leases" });
      const second = await daemon(sandbox);
      await until(
        () => /^10\.8\.0\.\d+\/24$/.test(container.addresses("eth0").join()),
        () => `the container has another address:\n${second.log()}${server.log()}`,
      );
      assert.match(server.log(), words.refuses);
      assert.match(second.log(), /the server refuses/);
      assert.ok(container.routes().includes("default via 10.8.0.1 dev eth0"));
      assert.ok(container.reaches("10.8.0.1"));
      assert.throws(() => cni.check(bridge(), { prevResult }), /does not have 10\.9\.0\.\d+\//);
    },
  );

  onlyOurs(
    `${name}: an expired lease is taken away, and got again`,
    why,
    options,
    async (sandbox) => {
      const { container, cni } = sandbox;
      const namespace = addServer(sandbox);
      const brief = { lifetime: 3, renew: 1, rebind: 2 };
      const first = await start(namespace, brief);
      const served = await daemon(sandbox, ...eager);
      const prevResult = cni.add(bridge());
      await first.stop("SIGKILL");
      await served.says(/lease of 10\.9\.0\.\d+ expired: sent REQUEST \d+ times, no reply/);
      await until(() => container.addresses("eth0").length === 0, "the address is gone");
      assert.deepEqual(container.routes(), []);
      assert.throws(() => cni.check(bridge(), { prevResult }), /no lease at the moment/);
      assert.deepEqual(stored(sandbox), ["c1,net1,eth0.json"]);
      await start(namespace, brief);
      await until(() => container.addresses("eth0").length > 0, "there is an address again");
      assert.ok(container.routes().includes("default via 10.9.0.1 dev eth0"));
      assert.ok(container.reaches("10.9.0.1"));
    },
  );
}

onlyOurs("a lease that expires while no daemon runs", why, options, async (sandbox) => {
  const { container, cni } = sandbox;
  const namespace = addServer(sandbox);
  const server = await isc4(namespace, { lifetime: 2, renew: 1, rebind: 2 });
  const first = await daemon(sandbox);
  const prevResult = cni.add(bridge());
  await first.stop("SIGKILL");
  await server.stop();
  await pause(2000);
  const second = await daemon(sandbox, ...eager);
  await second.says(/lease of 10\.9\.0\.5 expired/);
  assert.deepEqual(container.addresses("eth0"), []);
  assert.throws(() => cni.check(bridge(), { prevResult }), /no lease at the moment/);
  await isc4(namespace);
  await until(() => container.addresses("eth0").length > 0, "there is an address again");
});

onlyOurs(
  "two networks on one container, one of which loses its server",
  why,
  options,
  async (sandbox) => {
    const { container, cni } = sandbox;
    const brief = { lifetime: 3, renew: 1, rebind: 2 };
    const one = await kea4(addServer(sandbox), brief);
    const other = addServer(sandbox, "server2", "br1", "10.8.0.1");
    const two = await isc4(other, { ...brief, subnet: "10.8.0", leases: "/run/two.leases" });
    const served = await daemon(sandbox, ...eager);
    const [net1, net2] = [bridge(), { ...bridge(), name: "net2", bridge: "br1" }];
    const first = cni.add(net1);
    const second = cni.add(net2, { ifName: "eth1" });
    const addresses = () => ["eth0", "eth1"].map((link) => container.addresses(link).join());
    assert.deepEqual(addresses(), [first.ips[0].address, second.ips[0].address]);
    assert.ok(container.reaches("10.9.0.1"));
    assert.ok(container.reaches("10.8.0.1"));
    assert.deepEqual(stored(sandbox), ["c1,net1,eth0.json", "c1,net2,eth1.json"]);
    await one.stop();
    await served.says("c1/net1/eth0: IPv4: lease of 10.9.0");
    await two.says(/DHCPACK on/, 5);
    assert.deepEqual(addresses(), ["", second.ips[0].address]);
    cni.check(net2, { ifName: "eth1", prevResult: second });
    cni.del(net1);
    cni.del(net2, { ifName: "eth1" });
    await two.says(/DHCPRELEASE of .* \(found\)/);
    assert.deepEqual(stored(sandbox), []);
  },
);
