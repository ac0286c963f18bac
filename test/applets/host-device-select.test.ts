/**
 * host-device: which device a config means, and what of those that the kernel does not drive.
 *
 * The sandbox has a /sys of its own: its buses are made up here, of directories and links.
 */
import assert from "node:assert/strict";
import { CniFailure, go, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";

const host1 = "0000:00:1f.6";
const host2 = "0000:03:00.1";
const type = "host-device";

/** Three devices; `files` makes what sysfs says of them. */
function machine({ host }: Sandbox, files = "true") {
  host.sh(`for n in 0 1 2; do
      ip link add name dev$n address 02:00:00:00:00:0$n type veth peer name cable$n; done
    mount -t tmpfs tmpfs /sys/bus; mount -t tmpfs tmpfs /sys/devices
    pci=/sys/bus/pci/devices; mkdir -p $pci /sys/bus/auxiliary/devices
    driver() { mkdir -p $pci/$1 /sys/bus/pci/drivers/$2; ln -s ../../drivers/$2 $pci/$1/driver; }
    ${files}`);
}

/** The device that a config takes away from the host, told by its number. */
function taken({ host, container, cni }: Sandbox, keys: object): string[] {
  const before = host.links();
  const attached = cni.attach({ type, ...keys });
  const gone = before.filter((name) => !host.links().includes(name));
  assert.equal(container.link("eth0").ifalias, gone[0]);
  attached.del();
  assert.deepEqual(host.links(), before);
  return gone;
}

const nic = `driver ${host1} e1000e; mkdir -p $pci/${host1}/net/dev1`;
const virtio = `driver ${host2} virtio-pci; mkdir -p $pci/${host2}/virtio3/net/dev2`;

sandbox("a device by name, by MAC, by its place in sysfs, by PCI address", (box) => {
  machine(box, `${nic}; ${virtio}; mkdir -p /sys/devices/pci0/virtio1/net/dev2`);
  const device = "dev0";
  const hwaddr = "02:00:00:00:00:01";
  const kernelpath = "/sys/devices/pci0/virtio1";
  assert.deepEqual(taken(box, { device }), ["dev0"]);
  assert.deepEqual(taken(box, { hwaddr }), ["dev1"]);
  if (!go) assert.deepEqual(taken(box, { hwaddr: "0200.0000.0001" }), ["dev1"]);
  assert.deepEqual(taken(box, { kernelpath }), ["dev2"]);
  assert.deepEqual(taken(box, { pciBusID: host1 }), ["dev1"]);
  assert.deepEqual(taken(box, { pciBusID: host2 }), ["dev2"]);
  assert.deepEqual(taken(box, { device, hwaddr, kernelpath, pciBusID: host1 }), ["dev0"]);
  assert.deepEqual(taken(box, { hwaddr, kernelpath, pciBusID: host2 }), ["dev1"]);
  assert.deepEqual(taken(box, { kernelpath, pciBusID: host1 }), ["dev2"]);
  assert.deepEqual(taken(box, { device: "", hwaddr: "", pciBusID: host1 }), ["dev1"]);
});

sandbox("deviceID of the runtime wins over pciBusID, but not over the other keys", (box) => {
  machine(box, `${nic}; ${virtio}`);
  const runtimeConfig = { deviceID: host2 };
  assert.deepEqual(taken(box, { runtimeConfig }), ["dev2"]);
  assert.deepEqual(taken(box, { runtimeConfig, pciBusID: host1 }), ["dev2"]);
  assert.deepEqual(taken(box, { RuntimeConfig: { DeviceID: host2 }, pciBusID: host1 }), ["dev2"]);
  assert.deepEqual(taken(box, { runtimeConfig, device: "dev0" }), ["dev0"]);
  assert.deepEqual(taken(box, { runtimeConfig, hwaddr: "02:00:00:00:00:01" }), ["dev1"]);
});

onlyOurs("deviceID may be an auxiliary device", "not in 1.1.1", (box) => {
  machine(box, `${nic}; mkdir -p /sys/bus/auxiliary/devices/mlx5_core.sf.2/net/dev2`);
  const runtimeConfig = { deviceID: "mlx5_core.sf.2" };
  assert.deepEqual(taken(box, { runtimeConfig }), ["dev2"]);
  assert.deepEqual(taken(box, { runtimeConfig, pciBusID: host1 }), ["dev2"], "it replaces that");
  assert.deepEqual(taken(box, { runtimeConfig, device: "dev0" }), ["dev0"]);
});

// What cannot be found, with what is said of it.
const mistakes: Record<string, [object, RegExp]> = {
  "no key": [{}, /^specify either "device", "hwaddr", "kernelpath" or "pciBusID"$/],
  "empty keys": [
    { device: "", hwaddr: "", kernelpath: "", pciBusID: "" },
    /^specify either "device", "hwaddr", "kernelpath" or "pciBusID"$/,
  ],
  "no such link": [{ device: "dev9" }, /Cannot find the host device: there is no link "dev9"/],
  "no such MAC": [
    { hwaddr: "02:00:00:00:00:99" },
    /Cannot find the host device: no link has MAC 02:00:00:00:00:99/,
  ],
  "no MAC": [
    { hwaddr: "nonsense" },
    /failed to parse MAC address "nonsense"; address nonsense: inv/,
  ],
  "a place outside": [
    { kernelpath: "/sys/class/net/dev0" },
    /kernel device path "\/sys\/class\/net\/dev0" must be absolute and begin with \/sys\/devices\//,
  ],
  "a place that leads outside": [
    { kernelpath: "/sys/devices/../class/net/dev0" },
    /must be absolute and begin with \/sys\/devices\//,
  ],
  "a place with nothing": [
    { kernelpath: "/sys/devices/pci0" },
    /Cannot find the host device: "\/sys\/devices\/pci0\/net" names no link/,
  ],
  "a PCI device without a driver": [
    { pciBusID: "0000:09:00.0" },
    /error with host device; \/sys\/bus\/pci\/devices\/0000:09:00\.0\/driver cannot be read/,
  ],
  "a PCI device without a link": [
    { pciBusID: host2 },
    /Cannot find the host device: the pci device 0000:03:00\.1 has no link on the host/,
  ],
  "a PCI device whose link is elsewhere": [
    { pciBusID: host1 },
    /the pci device 0000:00:1f\.6 has no link on the host/,
  ],
  "an unknown deviceID": [
    { runtimeConfig: { deviceID: "0000:09:00.0" } },
    /^runtime config DeviceID 0000:09:00\.0 not found or unsupported$/,
  ],
  "a deviceID that leads elsewhere": [
    { runtimeConfig: { deviceID: `../devices/${host1}` } },
    /not found or unsupported/,
  ],
};
onlyOurs("a device that cannot be found is told, and nothing changes", "wording", (box) => {
  const { host, cni } = box;
  machine(
    box,
    `driver ${host2} virtio-pci; driver ${host1} e1000e; mkdir $pci/${host1}/net/dev7 -p`,
  );
  const before = host.state();
  for (const [name, [keys, message]] of Object.entries(mistakes)) {
    assert.throws(
      () => cni.add({ type, ...keys }),
      (error) => error instanceof CniFailure && message.test(error.message),
      name,
    );
    assert.deepEqual(host.state(), before, name);
  }
});

const ipam = {
  type: "static",
  addresses: [{ address: "10.1.2.7/24" }],
  routes: [{ dst: "192.0.2.0/24", gw: "10.1.2.1" }],
};
for (const driver of ["vfio-pci", "uio_pci_generic", "igb_uio"]) {
  onlyOurs(`a device of ${driver} gets addresses, nothing is moved`, "1.1.1 names none", (box) => {
    const { host, container, cni } = box;
    machine(box, `driver ${host1} ${driver}`);
    const before = [host.state(), container.state()];
    for (const keys of [{ pciBusID: host1 }, { runtimeConfig: { deviceID: host1 } }]) {
      const config = { type, ...keys, ipam, dns: { search: ["a.example"] }, cniVersion: "1.0.0" };
      const attached = cni.attach(config);
      assert.deepEqual(attached.result, {
        cniVersion: "1.0.0",
        dns: { search: ["a.example"] },
        interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
        ips: [{ address: "10.1.2.7/24", interface: 0 }],
        routes: ipam.routes,
      });
      attached.check();
      assert.deepEqual([host.state(), container.state()], before);
      attached.del();
      attached.del();
    }
    const bare = cni.attach({ type, pciBusID: host1 });
    assert.deepEqual(bare.result.interfaces, [{ name: "eth0", sandbox: "/run/netns/c1" }]);
    bare.check();
    bare.del();
    assert.deepEqual([host.state(), container.state()], before);
  });
}

sandbox("a device that a program drives gives its lease back", (box) => {
  machine(box, `driver ${host1} vfio-pci`);
  const config = { type, pciBusID: host1, ipam: { type: "host-local", subnet: "10.1.2.0/24" } };
  box.cni.add(config);
  assert.deepEqual(box.reserved(), ["10.1.2.2"]);
  // Its driver may be another one by then, or it may be gone.
  if (!go) box.host.sh(`rm -r /sys/bus/pci/devices/${host1}`);
  box.cni.del(config, go ? {} : { container: "" });
  assert.deepEqual(box.reserved(), []);
});

onlyOurs("DPDKMode counts where no PCI address is given", "1.1.1 names none", (box) => {
  const { host, cni } = box;
  machine(box, nic);
  const result = cni.add({ type, device: "dev0", DPDKMode: true });
  assert.deepEqual(result.interfaces, [{ name: "eth0", sandbox: "/run/netns/c1" }]);
  assert(host.links().includes("dev0"));
  assert.deepEqual(taken(box, { pciBusID: host1, DPDKMode: true }), ["dev1"]);
});
