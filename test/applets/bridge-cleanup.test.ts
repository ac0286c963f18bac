/** bridge: nothing leaks. DEL in every situation, ADD that fails, GC, STATUS. */
import assert from "node:assert/strict";
import { gatewayBridge, switchBridge } from "../harness/configs.ts";
import {
  CniFailure,
  differs,
  onlyOurs,
  type Sandbox,
  sandbox,
  versions,
} from "../harness/sandbox.ts";

const config = {
  ...gatewayBridge("10.1.2.0/24", "2001:db8:42::/64"),
  ipMasq: true,
  macspoofchk: true,
};
const plain = gatewayBridge();

for (const cniVersion of versions.all) {
  sandbox(
    `DEL of what was never added succeeds and leaves nothing [${cniVersion}]`,
    ({ host, cni }) => {
      const before = host.state();
      cni.del({ ...config, cniVersion });
      cni.del({ ...switchBridge, cniVersion });
      assert.deepEqual(host.state(), before);
    },
  );
}

sandbox("DEL twice leaves what was before ADD", ({ host, cni, stateWithout }) => {
  const before = stateWithout(config);
  const attached = cni.attach(config);
  assert.notDeepEqual(host.state(), before);
  attached.del();
  assert.deepEqual(host.state(), before);
  attached.del();
  assert.deepEqual(host.state(), before);
});

sandbox("DEL without a namespace gives the lease back", ({ cni, reserved }) => {
  cni.add(plain);
  assert.deepEqual(reserved(), ["10.1.2.2"]);
  cni.del(plain, { container: "" });
  assert.deepEqual(reserved(), []);
});

sandbox("DEL of a namespace that is gone gives the lease back", ({ cni, reserved }) => {
  cni.add(plain);
  cni.del(plain, { container: "/run/netns/nonesuch" });
  assert.deepEqual(reserved(), []);
});

sandbox("DEL after the link is gone gives the lease back", ({ container, cni, reserved }) => {
  const attached = cni.attach(plain);
  container.sh("ip link del eth0");
  attached.del();
  assert.deepEqual(reserved(), []);
});

onlyOurs(
  "DEL of a namespace whose mount is gone, but not its file",
  "it wants a namespace or no file: unknown FS magic",
  ({ host, cni, reserved }) => {
    const attached = cni.attach(plain);
    host.sh("umount /run/netns/c1");
    attached.del();
    assert.deepEqual(reserved(), []);
  },
);

sandbox("DEL leaves other attachments alone", ({ host, cni, addNamespace, stateWithout }) => {
  const other = addNamespace("c2");
  cni.add(config, { container: other, containerId: "c2" });
  const before = stateWithout(config);
  cni.attach(config).del();
  assert.deepEqual(host.state(), before);
  assert(other.reaches("10.1.2.1"));
});

// Each makes ADD fail at another step; what the test does to the sandbox first is part of `before`.
const failures: Record<string, { prepare?: string; change?: object; why?: string }> = {
  "the container has the interface name": {
    prepare: "ip -n c1 link add eth0 type veth peer name x",
  },
  "no address is left": {
    prepare:
      "mkdir -p /var/lib/cni/networks/net1; for i in 2 3 4 5 6; do printf x >/var/lib/cni/networks/net1/10.1.2.$i; done",
    change: { ipam: { type: "host-local", subnet: "10.1.2.0/29" } },
    why: "the veth stays",
  },
  "the IPAM plugin is not there": {
    change: { ipam: { type: "nonesuch" } },
    why: "the veth stays",
  },
  "a route cannot be set": {
    change: {
      ipam: { ...(plain.ipam as object), routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] },
    },
    why: "the veth stays",
  },
  "the bridge has another address": {
    prepare: "ip addr add 10.7.7.1/24 dev br0",
    change: { ipam: { type: "host-local", subnet: "10.1.3.0/24" } },
    why: "the veth stays",
  },
  "the IPAM result cannot be told in this version": {
    change: { cniVersion: "0.2.0", ipam: { type: "static" } },
    why: "the veth stays",
  },
};

for (const [name, { prepare = "true", change = {}, why }] of Object.entries(failures)) {
  const body = ({ host, container, cni, stateWithout }: Sandbox) => {
    stateWithout(config);
    host.sh(prepare);
    const before = [host.state(), container.state()];
    assert.throws(() => cni.add({ ...config, ...change }));
    assert.deepEqual([host.state(), container.state()], before);
  };
  if (why) onlyOurs(`a failed ADD leaves nothing: ${name}`, why, body);
  else sandbox(`a failed ADD leaves nothing: ${name}`, body);
}

onlyOurs(
  "a failed first ADD takes its bridge back",
  "the bridge stays",
  ({ host, container, cni }) => {
    const before = [host.state(), container.state()];
    assert.throws(() => cni.add({ ...config, ipam: { type: "nonesuch" } }));
    assert.deepEqual([host.state(), container.state()], before);
  },
);

sandbox("a failed ADD gives the lease back", ({ container, cni, reserved }) => {
  const routes = [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }];
  const failing = { ...plain, ipam: { ...(plain.ipam as object), routes } };
  assert.throws(() => cni.add(failing), /add route/);
  assert.deepEqual(reserved(), []);
  assert.deepEqual(
    container.links(),
    differs("the veth stays", { go: ["eth0", "lo"], ours: ["lo"] }),
  );
});

onlyOurs(
  "an ADD of the plugin's own namespace is refused before anything is done",
  "1.1.1 does not look, later ones look afterwards",
  ({ host, cni }) => {
    const before = host.state();
    assert.throws(
      () => cni.add(plain, { container: "/proc/self/ns/net" }),
      (error) =>
        error instanceof CniFailure &&
        error.code === 8 &&
        error.msg === "plugin's netns and netns from CNI_NETNS should not be the same",
    );
    assert.deepEqual(host.state(), before);
  },
);

for (const cniVersion of versions.with("GC")) {
  onlyOurs(
    `GC removes what the runtime no longer knows [${cniVersion}]`,
    "it does nothing",
    ({ host, cni, addNamespace, removeNamespace, stateWithout }) => {
      const gc = { ...config, cniVersion };
      const kept = addNamespace("kept");
      cni.add(gc, { container: kept, containerId: "kept" });
      const before = stateWithout(gc);
      for (const id of ["lost1", "lost2"]) {
        const lost = addNamespace(id);
        cni.add(gc, { container: lost, containerId: id });
        removeNamespace(id);
      }
      assert.notDeepEqual(host.state(), before);
      cni.gc(gc, [{ containerID: "kept", ifname: "eth0" }]);
      assert.deepEqual(host.state(), before);
      assert(kept.reaches("10.1.2.1"));
      cni.gc(gc, [{ containerID: "kept", ifname: "eth0" }]);
      assert.deepEqual(host.state(), before);
    },
  );

  onlyOurs(
    `GC of one network leaves another alone [${cniVersion}]`,
    "it does nothing",
    ({ host, cni }) => {
      const other = { ...config, bridge: "br1", name: "net2", cniVersion };
      cni.add(other);
      const before = host.state();
      cni.gc({ ...config, cniVersion }, []);
      assert.deepEqual(host.state(), before);
    },
  );

  sandbox(`STATUS asks the IPAM plugin [${cniVersion}]`, ({ host, cni }) => {
    const before = host.state();
    cni.status({ ...config, cniVersion });
    cni.status({ ...switchBridge, cniVersion });
    assert.throws(
      () => cni.status({ ...config, cniVersion, ipam: { type: "nonesuch" } }),
      /failed to find plugin "nonesuch" in path/,
    );
    assert.deepEqual(host.state(), before);
  });
}
