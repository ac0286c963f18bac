/** host-device DEL and GC: the device comes back, whatever became of it, and the lease before it. */
import assert from "node:assert/strict";
import { differs, go, onlyOurs, type Sandbox, sandbox, versions } from "../harness/sandbox.ts";

const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "192.0.2.0/24", rangeStart: "192.0.2.10" }]],
};
const config = { type: "host-device", device: "dev0", ipam };
const picture = ({ host, container }: Sandbox) => [host.state(), container.state()];

/** A device, as it is before it is lent. */
function device({ host }: Sandbox) {
  host.sh("ip link add dev0 type veth peer name cable0; ip link set cable0 up");
}

/** What the kernel does to hardware when a namespace dies; stand-ins would die with it. */
function fall({ host }: Sandbox, name: string) {
  host.sh(`ip -n c1 link set ${name} netns $$; ip netns del c1`);
}

sandbox("DEL twice, and of what was never lent", (box) => {
  device(box);
  const before = picture(box);
  const attached = box.cni.attach(config);
  attached.del();
  if (go) box.host.sh("ip link set dev0 alias ''"); // 1.1.1 leaves it
  assert.deepEqual(picture(box), before);
  differs<() => void>("it is an error there", {
    go: () => assert.throws(() => attached.del(), /failed to find "eth0"|Link not found/),
    ours: () => {
      attached.del();
      box.cni.del(config, { containerId: "c2" });
    },
  })();
  assert.deepEqual(picture(box), before);
});

// Whatever the container did to it: `ip` commands in its namespace.
const tricks: Record<string, string> = {
  renamed: "ip link set eth0 down; ip link set eth0 name lan5",
  "renamed, and up": "ip link set eth0 down; ip link set eth0 name lan5; ip link set lan5 up",
  "renamed, and another in its place":
    "ip link set eth0 down; ip link set eth0 name lan5; ip link add eth0 type bridge",
  "without its alias": "ip link set eth0 alias ''",
  "renamed, without its alias":
    "ip link set eth0 down; ip link set eth0 name lan5; ip link set lan5 alias ''",
  "renamed, without its alias, beside a bridge of its MAC": `ip link set eth0 down
    ip link set eth0 name lan5; ip link set lan5 alias ''
    ip link add a0 index 2 address $(ip -br link show lan5 | awk '{print $3}') type bridge`,
  "renamed, with another MAC":
    "ip link set eth0 down; ip link set eth0 name lan5 address 02:00:00:00:00:09; ip link set lan5 address 02:00:00:00:00:09",
  "part of a bridge": "ip link add br0 type bridge; ip link set eth0 master br0",
};
for (const [what, commands] of Object.entries(tricks)) {
  onlyOurs(`DEL finds a device that is ${what}`, "it knows one name only", (box) => {
    const { host, container, cni, reserved } = box;
    device(box);
    const attached = cni.attach(config);
    const { address } = container.link("eth0");
    container.sh(commands);
    attached.del();
    const dev0 = host.link("dev0");
    assert.deepEqual(
      [dev0.address, dev0.ifalias, dev0.flags.includes("UP"), reserved()],
      [what.includes("another MAC") ? "02:00:00:00:00:09" : address, undefined, false, []],
    );
    assert(!container.links().includes("lan5"));
  });
}

onlyOurs("DEL without a namespace gives lease and device back", "it leaks both", (box) => {
  device(box);
  const before = picture(box);
  box.cni.add(config);
  box.cni.del(config, { container: "" });
  assert.deepEqual(picture(box), before, "the note says where the device is");
});

onlyOurs("DEL of a namespace that is gone gives the lease back", "it is an error", (box) => {
  const { host, cni, reserved } = box;
  device(box);
  const attached = cni.attach(config);
  box.removeNamespace("c1");
  attached.del();
  attached.del();
  assert.deepEqual([reserved(), host.state().files], [[], {}]);
});

// Under which name hardware falls back on the host.
const falls: Record<string, [string, string]> = {
  "its name in the container": ["true", "eth0"],
  "a name that it got in the container": [
    "ip link set eth0 down; ip link set eth0 name lan5",
    "lan5",
  ],
  "a name of the kernel's, up": [
    "ip link set eth0 down; ip link set eth0 name dev7; ip link set dev7 up",
    "dev7",
  ],
  "its name on the host": ["ip link set eth0 down; ip link set eth0 name dev0", "dev0"],
  "another name, without its alias": [
    "ip link set eth0 down; ip link set eth0 alias ''; ip link set eth0 name lan5",
    "lan5",
  ],
};
for (const [what, [commands, name]] of Object.entries(falls)) {
  onlyOurs(`DEL restores a device that fell back on the host by ${what}`, "an error", (box) => {
    const { host, container, cni, reserved } = box;
    device(box);
    host.sh("ip link set dev0 alias uplink");
    const before = host.state();
    const attached = cni.attach(config);
    container.sh(commands);
    fall(box, name);
    if (/, up/.test(what)) host.sh(`ip link set ${name} up`);
    attached.del();
    const { ifname, ifalias, flags } = host.link("dev0");
    assert.deepEqual([ifname, ifalias, flags.includes("UP")], ["dev0", "uplink", false]);
    assert.deepEqual([host.links(), reserved()], [["cable0", "dev0", "lo"], []]);
    assert.deepEqual(host.state(), before);
    attached.del();
    assert.deepEqual(host.state(), before);
  });
}

onlyOurs("DEL leaves a new device of that name alone, when the lent one is no more", "-", (box) => {
  const { host, container, cni } = box;
  device(box);
  const attached = cni.attach(config);
  container.sh("ip link del eth0");
  host.sh("ip link add dev0 type bridge; ip link set dev0 up alias mine");
  const before = host.state().links;
  attached.del();
  assert.deepEqual(host.state().links, before);
});

sandbox("DEL says so while the original name is taken, and succeeds afterwards", (box) => {
  const { host, container, cni, reserved } = box;
  device(box);
  const attached = cni.attach(config);
  const { address } = container.link("eth0");
  host.sh("ip link add dev0 type bridge");
  assert.throws(
    () => attached.del(),
    differs("wording", {
      go: /failed to move|file exists/i,
      ours: /Cannot give "eth0" back as "dev0": the host has a link of that name/,
    }),
  );
  const eth0 = container.link("eth0");
  assert.deepEqual([eth0.address, eth0.flags.includes("UP")], [address, true]);
  assert.deepEqual(reserved(), [], "the lease does not wait");
  host.sh("ip link del dev0");
  attached.del();
  assert.deepEqual([host.links(), container.links()], [["cable0", "dev0", "lo"], ["lo"]]);
});

onlyOurs("DEL after a note was lost or damaged goes by the alias", "it has no notes", (box) => {
  const { host, container, cni } = box;
  device(box);
  const before = picture(box);
  for (const damage of ["rm", "truncate -s 0", "truncate -s 20"]) {
    const attached = cni.attach(config);
    host.sh(`${damage} /var/lib/cni/host-device/*`);
    attached.del();
    host.sh("rm -f /var/lib/cni/host-device/*");
    assert.deepEqual(picture(box), before, damage);
  }
  cni.add(config);
  host.sh("rm /var/lib/cni/host-device/*");
  fall(box, "eth0");
  cni.del(config);
  assert.deepEqual(host.links(), ["cable0", "dev0", "lo"]);
  assert.deepEqual(container.netns, "/run/netns/c1");
});

onlyOurs("DEL without a note leaves an interface alone that is no device's", "-", (box) => {
  const { container, cni } = box;
  container.sh("ip link add eth0 type bridge");
  for (const alias of ["rack 5", "dev9"]) {
    container.sh(`ip link set eth0 alias '${alias}'`);
    const before = picture(box);
    cni.del(config);
    if (alias === "rack 5") cni.del({ type: "host-device", hwaddr: "02:00:00:00:00:09" });
    assert.deepEqual(picture(box), before, alias);
  }
});

onlyOurs("DEL leaves a device alone that somebody has brought home already", "-", (box) => {
  const { host, cni, reserved } = box;
  device(box);
  const attached = cni.attach(config);
  host.sh(`ip -n c1 link set eth0 netns $$; ip link set eth0 alias ''; ip link set eth0 down
    ip link set eth0 name dev0; ip link set dev0 up`);
  const { links } = host.state();
  attached.del();
  assert.deepEqual(host.state().links, links, "it is up");
  assert.deepEqual([reserved(), host.state().files], [[], {}]);
});

onlyOurs("DEL needs no selector that still fits", "it decodes as ADD does", (box) => {
  device(box);
  const before = picture(box);
  box.cni.add(config);
  box.cni.del({ type: "host-device", ipam, runtimeConfig: { deviceID: "0000:00:1f.6" } });
  assert.deepEqual(picture(box), before);
});

for (const cniVersion of versions.with("GC")) {
  onlyOurs(`GC gives back what no attachment has [${cniVersion}]`, "a no-op", (box) => {
    const { host, cni, addNamespace, reserved } = box;
    const gc = { ...config, cniVersion };
    host.sh(
      "ip link add dev1 type veth peer name cable1; ip link add dev2 type veth peer name cable2",
    );
    device(box);
    const kept = addNamespace("kept");
    cni.add({ ...gc, device: "dev1" }, { container: kept, containerId: "kept" });
    const other = { ...gc, name: "net2", device: "dev2", ipam: {} };
    cni.add(other, { container: kept, containerId: "kept", ifName: "eth1" });
    const before = picture(box);
    cni.add(gc);
    cni.gc(gc, [{ containerID: "kept", ifname: "eth0" }]);
    assert.deepEqual(picture(box), before, "its namespace is there");
    cni.add(gc);
    fall(box, "eth0");
    cni.gc(gc, [{ containerID: "kept", ifname: "eth0" }]);
    assert.deepEqual(host.state(), before[0], "its namespace is gone");
    assert.deepEqual(reserved(), ["192.0.2.10"]);
    assert.deepEqual(kept.links(), ["eth0", "eth1", "lo"]);
  });
}
