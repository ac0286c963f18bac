/** dummy: an interface that leads nowhere. */
import assert from "node:assert/strict";
import { hostLocal } from "../harness/configs.ts";
import { CniFailure, onlyOurs, type Sandbox, versions } from "../harness/sandbox.ts";

const needs = ["CONFIG_DUMMY" as const];
const config = { type: "dummy", ipam: hostLocal("10.1.2.0/24", "2001:db8:42::/64") };
const picture = ({ host, container }: Sandbox) => [host.state(), container.state()];

/** Debian's 1.1.1 has no dummy. */
const dummy = (name: string, body: (box: Sandbox) => void) =>
  onlyOurs(name, "1.1.1 has no dummy", { needs }, body);

dummy("dummy attaches, in every version", (box) => {
  const { host, container, cni, reserved } = box;
  host.sh(
    "ip link add eth0 type dummy; mkdir -p /run/etc; echo nameserver 192.0.2.53 >/run/etc/dns",
  );
  const before = picture(box);
  for (const cniVersion of versions.all) {
    const ipam = { ...config.ipam, resolvConf: "/run/etc/dns" };
    const attached = cni.attach({ ...config, ipam, cniVersion, dns: { domain: "not.used" } });
    const { result } = attached;
    const eth0 = container.link("eth0");
    assert.equal(eth0.linkinfo.info_kind, "dummy");
    assert(eth0.flags.includes("UP"));
    const [four = "", six = ""] = container.addresses("eth0");
    assert.match(four, /^10\.1\.2\.\d+\/24$/);
    assert.match(six, /^2001:db8:42::[0-9a-f]+\/64$/);
    assert.equal(container.sysctl("net/ipv4/conf/eth0/arp_notify"), "0");
    assert.deepEqual(result.dns, { nameservers: ["192.0.2.53"] }, "the IPAM plugin's");
    if (result.ip4) {
      assert.equal(result.ip4.ip, four);
      assert.equal(result.ip6.ip, six);
    } else {
      const entry = { name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" };
      assert.deepEqual(result.interfaces, [entry]);
      assert.deepEqual(
        result.ips.map(({ address, interface: of }: { address: string; interface: number }) => [
          address,
          of,
        ]),
        [
          [four, 0],
          [six, 0],
        ],
      );
    }
    if (versions.with("CHECK").includes(cniVersion)) attached.check();
    attached.del();
    attached.del();
    assert.deepEqual(reserved(), []);
  }
  assert.deepEqual(picture(box), before);
});

dummy("dummy needs an IPAM plugin, before it looks at anything", ({ container, cni }) => {
  const refused = (act: () => void) =>
    assert.throws(
      act,
      (error) =>
        error instanceof CniFailure &&
        error.msg === "dummy interface requires an IPAM configuration",
    );
  for (const bare of [{ type: "dummy" }, { type: "dummy", ipam: {} }]) {
    refused(() => cni.add(bare));
    refused(() => cni.add(bare, { container: "/run/netns/nonesuch" }));
    refused(() => cni.check(bare, { container: "/run/netns/nonesuch" }));
    refused(() => cni.status(bare));
    cni.del(bare);
  }
  assert.deepEqual(container.links(), ["lo"]);
});

dummy("dummy DEL takes what is still there", (box) => {
  const { container, cni, reserved } = box;
  const before = picture(box);
  cni.del(config); // never added
  cni.attach(config);
  cni.del(config, { container: "" });
  assert.deepEqual(reserved(), []);
  cni.del(config);
  cni.attach(config);
  cni.del(config, { container: "/run/netns/nonesuch" });
  assert.deepEqual(reserved(), []);
  cni.del(config);
  const attached = cni.attach(config);
  container.sh("ip link del eth0");
  attached.del();
  assert.deepEqual(picture(box), before);
});

dummy("a failed dummy ADD leaves nothing", (box) => {
  const { container, cni } = box;
  const routes = [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }];
  const refusals: [object, RegExp][] = [
    [{ ipam: { type: "nonesuch" } }, /failed to find plugin "nonesuch"/],
    [{ ipam: { type: "static" }, cniVersion: "1.0.0" }, /IPAM plugin returned missing IP config/],
    [{ ipam: { ...config.ipam, routes } }, /Cannot add route/],
  ];
  const before = picture(box);
  for (const [change, why] of refusals) {
    assert.throws(() => cni.add({ ...config, ...change }), why);
    assert.deepEqual(picture(box), before);
  }
  container.sh("ip link add eth0 type dummy");
  const taken = picture(box);
  assert.throws(
    () => cni.add(config),
    /failed to create dummy: Cannot add dummy link "eth0": File exists/,
  );
  assert.deepEqual(picture(box), taken);
});

dummy("dummy CHECK fails where it should", ({ container, cni }) => {
  const ipam = { ...hostLocal("10.1.2.0/24"), routes: [{ dst: "192.0.2.0/24" }] };
  const attached = cni.attach({ ...config, ipam });
  attached.check();
  assert.throws(() => cni.check({ ...config, ipam }), /Required prevResult missing/);
  container.sh("ip route del 192.0.2.0/24");
  assert.throws(
    () => attached.check(),
    /Expected Route 192\.0\.2\.0\/24 not found in routing table/,
  );
  container.sh("ip link set eth0 down");
  assert.throws(() => attached.check(), /Interface eth0 is down/);
  container.sh("ip link set eth0 up; ip addr flush dev eth0");
  assert.throws(() => attached.check(), /Failed to match addr 10\.1\.2\.2\/24 on interface eth0/);
  container.sh("ip link set eth0 address 02:00:00:00:00:09");
  assert.throws(() => attached.check(), /another MAC than prevResult/);
  container.sh("ip link del eth0; ip link add eth0 type veth peer name x");
  assert.throws(() => attached.check(), /not of kind dummy; found veth/);
});

dummy("dummy GC and STATUS reach the IPAM plugin", ({ cni, addNamespace, reserved }) => {
  cni.add(config);
  cni.add(config, { container: addNamespace("c2"), containerId: "c2" });
  cni.gc(config, [{ containerID: "c2", ifname: "eth0" }]);
  assert.deepEqual(reserved(), ["10.1.2.3", "2001:db8:42::3"]);
  cni.status(config);
  assert.throws(
    () => cni.status({ ...config, ipam: { type: "nonesuch" } }),
    /failed to find plugin/,
  );
});
