/** loopback: lo is up after ADD and down after DEL. */
import assert from "node:assert/strict";
import { differs, onlyOurs, type Sandbox, sandbox, versions } from "../harness/sandbox.ts";

const config = { type: "loopback" };
const onLo = { ifName: "lo" };
const isUp = ({ container }: Pick<Sandbox, "container">) =>
  container.link("lo").flags.includes("UP");

/** What ADD prints in each version's shape. */
function expected(cniVersion: string) {
  const interfaces = [{ name: "lo", mac: "00:00:00:00:00:00", sandbox: "/run/netns/c1" }];
  if (/^0\.[12]/.test(cniVersion)) {
    return { cniVersion, ip4: { ip: "127.0.0.1/8" }, ip6: { ip: "::1/128" }, dns: {} };
  }
  const old = cniVersion.startsWith("0");
  const ips = ["127.0.0.1/8", "::1/128"].map((address, i) => ({
    ...(old ? { version: i === 0 ? "4" : "6" } : {}),
    interface: 0,
    address,
  }));
  return { cniVersion, interfaces, ips, ...(old ? { dns: {} } : {}) };
}

for (const cniVersion of versions.all) {
  sandbox(`loopback ADD and DEL [${cniVersion}]`, (box) => {
    const { container, cni } = box;
    const before = container.state();
    assert(!isUp(box));
    const attached = cni.attach({ ...config, cniVersion }, onLo);
    assert(isUp(box));
    assert(container.reaches("127.0.0.1"));
    assert(container.reaches("::1"));
    assert.equal(attached.result.cniVersion, cniVersion);
    if (versions.with("CHECK").includes(cniVersion)) attached.check();
    attached.del();
    assert(!isUp(box));
    attached.del();
    assert.deepEqual(container.state().links, before.links);
  });

  onlyOurs(
    `loopback prints a result of its version's shape [${cniVersion}]`,
    "it prints the newest shape under any version",
    ({ cni }) => assert.deepEqual(cni.add({ ...config, cniVersion }, onLo), expected(cniVersion)),
  );
}

sandbox("loopback ignores the interface name", (box) => {
  box.cni.add(config, { ifName: "eth0" });
  assert(isUp(box));
  assert.deepEqual(box.container.links(), ["lo"]);
});

sandbox("loopback passes a previous result through", ({ cni }) => {
  const prevResult = {
    cniVersion: versions.latest,
    interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" }],
    ips: [{ interface: 0, address: "10.1.2.2/24", gateway: "10.1.2.1" }],
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }],
  };
  const result = cni.add(config, { ...onLo, prevResult });
  assert.deepEqual(result, {
    ...prevResult,
    ...differs("Go 1.1.1 prints an empty dns", { go: { dns: {} }, ours: {} }),
  });
});

sandbox("loopback refuses an address on lo that is none of a loopback", ({ container, cni }) => {
  container.sh("ip addr add 10.1.2.3/32 dev lo");
  assert.throws(
    () => cni.add(config, onLo),
    /loopback interface found with non-loopback address "10\.1\.2\.3/,
  );
});

sandbox("loopback CHECK tells that lo is down", ({ container, cni }) => {
  const attached = cni.attach(config, onLo);
  attached.check();
  cni.check(config, onLo); // needs no prevResult
  container.sh("ip link set lo down");
  assert.throws(() => attached.check(), /loopback interface is down/);
});

sandbox("loopback DEL succeeds without a namespace, given or not", ({ cni }) => {
  cni.del(config, { ...onLo, container: "" });
  cni.del(config, { ...onLo, container: "/run/netns/nonesuch" });
});

sandbox("loopback ADD of a namespace that is gone is an error", ({ cni }) => {
  assert.throws(
    () => cni.add(config, { ...onLo, container: "/run/netns/nonesuch" }),
    /failed to Statfs "\/run\/netns\/nonesuch": no such file or directory/,
  );
});

for (const cniVersion of versions.with("STATUS")) {
  sandbox(`loopback STATUS and GC succeed [${cniVersion}]`, (box) => {
    const { cni } = box;
    cni.add({ ...config, cniVersion }, onLo);
    cni.status({ ...config, cniVersion });
    cni.gc({ ...config, cniVersion }, []);
    assert(isUp(box), "GC does not touch namespaces");
  });
}

sandbox("loopback leaves the host side alone", ({ host, cni }) => {
  const before = host.state();
  const attached = cni.attach(config, onLo);
  assert.deepEqual(host.state(), before);
  attached.del();
  assert.deepEqual(host.state(), before);
});
