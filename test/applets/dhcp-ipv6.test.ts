/** dhcp for IPv6, against servers that we did not write. */
import assert from "node:assert/strict";
import { onlyOurs } from "../harness/sandbox.ts";
import {
  addServer,
  bridge,
  daemon,
  isc6,
  kea6,
  type StartServer,
  stored,
  until,
  watchWire,
} from "./dhcp-support.ts";

const why = "it has no DHCPv6";
const options = { timeout: 90_000 };
const alone = bridge({ ipv4: false, ipv6: true });

const servers: [name: string, start: StartServer, grants: RegExp, releases: RegExp][] = [
  ["Kea", kea6, /DHCP6_LEASE_(ALLOC|RENEW)/, /DHCP6_RELEASE_NA /],
  ["ISC dhcpd", isc6, /Sending Reply to/, /Release message from/],
];

for (const [name, start, grants, releases] of servers) {
  const short = { lifetime: 12, renew: 1, rebind: 3 };

  onlyOurs(`IPv6, ${name}: got, renewed, released`, why, options, async (sandbox) => {
    const { container, cni } = sandbox;
    const namespace = addServer(sandbox);
    const server = await start(namespace, short);
    await daemon(sandbox);
    const wire = await watchWire(namespace);
    const prevResult = cni.add(alone);
    const [{ address }] = prevResult.ips;
    assert.match(address, /^fd00:9::[0-9a-f]+\/128$/);
    await wire.says(/dhcp6 renew/, 2);
    await server.says(grants, 3);
    assert.deepEqual(container.addresses("eth0"), [address]);
    cni.check(alone, { prevResult });
    cni.del(alone);
    await server.says(releases);
    assert.deepEqual(stored(sandbox), []);
  });

  onlyOurs(
    `IPv6, ${name}: another server goes on with the lease`,
    why,
    options,
    async (sandbox) => {
      const { container, cni } = sandbox;
      const first = await start(addServer(sandbox), short);
      const served = await daemon(sandbox);
      const prevResult = cni.add(alone);
      await first.stop("SIGKILL");
      const other = addServer(sandbox, "other", "br0", "10.9.0.2");
      const wire = await watchWire(other);
      // It has the leases of the first, but is not the first.
      other.sh("rm -f /var/lib/kea/*; sed -i /server-duid/d /run/server.leases");
      const second = await start(other, short);
      await wire.says(/dhcp6 rebind/);
      await second.says(grants, 1);
      await wire.says(/dhcp6 reply/);
      assert.deepEqual(container.addresses("eth0"), [prevResult.ips[0].address]);
      cni.check(alone, { prevResult });
      assert.doesNotMatch(served.log(), /expired/);
    },
  );

  onlyOurs(
    `IPv6, ${name}: an expired lease is taken away, and got again`,
    why,
    options,
    async (sandbox) => {
      const { container, cni } = sandbox;
      const namespace = addServer(sandbox);
      const brief = { lifetime: 4, renew: 1, rebind: 2 };
      const first = await start(namespace, brief);
      const served = await daemon(sandbox);
      const prevResult = cni.add(alone);
      await first.stop("SIGKILL");
      await served.says(/IPv6: .*expired/);
      await until(() => container.addresses("eth0").length === 0, "the address is gone");
      assert.throws(() => cni.check(alone, { prevResult }), /no lease at the moment/);
      await start(namespace, brief);
      await until(() => container.addresses("eth0").length > 0, "there is an address again", 30);
    },
  );
}

onlyOurs("IPv6, the namespace is gone: the lease is dropped", why, options, async (sandbox) => {
  const { cni, addNamespace, removeNamespace } = sandbox;
  await kea6(addServer(sandbox));
  const served = await daemon(sandbox);
  const c2 = { container: addNamespace("c2"), containerId: "c2" };
  cni.add(alone, c2);
  assert.deepEqual(stored(sandbox), ["c2,net1,eth0.json"]);
  removeNamespace("c2");
  cni.del(alone, c2);
  await served.says("c2/net1/eth0: IPv6: the link is gone: the lease is dropped");
  assert.deepEqual(stored(sandbox), []);
});
