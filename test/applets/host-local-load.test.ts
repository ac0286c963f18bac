/** host-local with many leases, with many callers at once, and killed at any point. */
import assert from "node:assert/strict";
import { cniBin } from "../harness/hosts.ts";
import { type Config, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";

const type = "host-local";
const dir = "/var/lib/cni/networks/net1";
const wide = { type, ipam: { type, subnet: "10.1.0.0/16" } };
const node = cniBin.endsWith("bin-node");

/** Fills the network with leases of other containers, made as the reference makes them. */
function crowd({ host, cni }: Sandbox, count: number): void {
  host.sh(`mkdir -p ${dir}; cd ${dir}
    for i in $(seq ${count}); do
      printf 'crowd%s\\r\\neth0' $i >10.1.$((i / 250 + 1)).$((i % 250 + 1))
    done
    printf 10.1.$((${count} / 250 + 1)).$((${count} % 250 + 1)) >last_reserved_ip.0`);
  cni.del(wide, { containerId: "first-look" });
}

/** System calls of one call of the plugin, by name; what the Node host does for itself differs. */
function systemCalls({ host, cni }: Sandbox, command: string): Map<string, number> {
  const prefix = ["strace", "-f", "-c", "-U", "name,calls", "-o", "/run/count"];
  const done = cni.invoke(command, wide, { prefix });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  const lines = host.sh("cat /run/count").split("\n");
  return new Map(
    lines
      .map((line) => line.trim().split(/\s+/))
      .filter(([name, calls]) => /^[a-z]/.test(name ?? "") && /^\d+$/.test(calls ?? ""))
      .map(([name = "", calls]) => [name, Number(calls)]),
  );
}

if (!node) {
  onlyOurs("5,000 leases cost as much as one", "it opens every lease", (few) => {
    crowd(few, 1);
    const alone = ["ADD", "CHECK", "DEL"].map((command) => systemCalls(few, command));
    few.host.sh(`rm -r ${dir}`);
    crowd(few, 5000);
    const crowded = ["ADD", "CHECK", "DEL"].map((command) => systemCalls(few, command));
    assert.deepEqual(crowded, alone);
    assert(!crowded[0]?.has("getdents64"), "no directory is read");
  });
}

sandbox("callers at once get different addresses", { timeout: 300_000 }, async (box) => {
  const { host, cni, reserved } = box;
  const count = 64;
  const ids = Array.from({ length: count }, (_, i) => `p${i}`);
  const results = await Promise.all(ids.map((containerId) => cni.addAsync(wide, { containerId })));
  const addresses = results.map((result) => result.ips[0].address.split("/")[0]);
  assert.deepEqual([...addresses].sort(), reserved());
  assert.equal(new Set(addresses).size, count);
  await Promise.all(ids.map((containerId) => cni.delAsync(wide, { containerId })));
  assert.deepEqual(reserved(), []);
  assert.equal(host.sh(`ls -A ${dir}`), "last_reserved_ip.0\nlock\n");
});

onlyOurs(
  "callers of both plugins at once get different addresses",
  "it is one of them",
  async (box) => {
    const { cni, reserved } = box;
    const old: Config = { ...wide, cniVersion: "1.0.0" };
    const ids = Array.from({ length: 32 }, (_, i) => `p${i}`);
    const bin = (i: number) => (i % 2 === 0 ? { bin: "/usr/lib/cni" } : {});
    const results = await Promise.all(
      ids.map((containerId, i) => cni.addAsync(old, { containerId, ...bin(i) })),
    );
    assert.equal(new Set(results.map((result) => result.ips[0].address)).size, ids.length);
    // Each is deleted by the plugin that did not add it.
    await Promise.all(
      ids.map((containerId, i) => cni.delAsync(old, { containerId, ...bin(i + 1) })),
    );
    assert.deepEqual(reserved(), []);
    cni.del(old, { containerId: "last-look" });
    assert.deepEqual(box.host.sh(`ls -A ${dir}`), "last_reserved_ip.0\nlock\n");
  },
);

// musl opens by open, glibc by openat.
const deeds = [
  "open",
  "openat",
  "write",
  "fsync",
  "link",
  "unlink",
  "rename",
  "symlink",
  "utimensat",
];

if (!node) {
  onlyOurs(
    "killed at any point of ADD and DEL, nothing stays",
    "it does not tidy up",
    { timeout: 300_000 },
    (box) => {
      const { host, cni, reserved } = box;
      for (const command of ["ADD", "DEL"]) {
        for (const deed of deeds) {
          for (let nth = 1; nth < 20; nth++) {
            cni.add(wide, { containerId: "other" });
            if (command === "DEL") cni.add(wide);
            const inject = `inject=${deed}:signal=KILL:when=${nth}`;
            const prefix = ["strace", "-f", "-o", "/run/trace", "-e", inject];
            const killed = cni.invoke(command, wide, { prefix });
            const what = `${command} killed at ${deed} ${nth}`;
            cni.check(wide, { containerId: "other" });
            cni.del(wide);
            assert.equal(reserved().length, 1, `${what}: DEL leaves only the other's`);
            cni.del(wide, { containerId: "other" });
            assert.deepEqual(reserved(), [], what);
            cni.add(wide, { containerId: "next" });
            cni.del(wide, { containerId: "next" });
            assert.match(host.sh(`ls -A ${dir}`), /^(last_reserved_ip.0\n)?lock\n$/, what);
            if (killed.status === 0) break;
          }
        }
      }
    },
  );
}
