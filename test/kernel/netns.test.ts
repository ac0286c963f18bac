import { existsSync, statSync } from "node:fs";
import t from "tap";
import { isKernelError } from "../../src/kernel/errors.ts";
import { Netns, NetnsError } from "../../src/kernel/netns.ts";
import { failure, inNamespaces, refused } from "./namespaces.ts";

const why = (path: string) => {
  try {
    const netns = Netns.open(path);
    try {
      netns.links.get("lo");
    } finally {
      netns.close();
    }
    return "opened";
  } catch (error) {
    if (!(error instanceof NetnsError)) throw error;
    return [error.reason, error.message];
  }
};

t.test("paths that are no namespace, in the words of the reference", async (t) => {
  const dir = t.testdir({ file: "" });
  t.strictSame(why(`${dir}/none`), [
    "missing",
    `failed to Statfs "${dir}/none": no such file or directory`,
  ]);
  t.match(why(`${dir}/file`), [
    "not-a-namespace",
    new RegExp(`^unknown FS magic on "${dir}/file": [0-9a-f]+$`),
  ]);
  t.strictSame(why(`${dir}/file/x`), [
    "other",
    `failed to Statfs "${dir}/file/x": not a directory`,
  ]);
  t.strictSame(why("/proc/self/ns/mnt"), [
    "not-a-namespace",
    'not a network namespace: "/proc/self/ns/mnt"',
  ]);
  t.strictSame(why("/proc/self/status"), [
    "not-a-namespace",
    'not a network namespace: "/proc/self/status"',
  ]);
  t.equal(why("/proc/self/ns/net"), "opened");
});

t.test("a namespace is pinned to a path", async (t) => {
  const path = `${t.testdir()}/pinned`;
  const made = Netns.create(path);
  t.teardown(() => existsSync(path) && Netns.unpin(path));
  t.equal(made.path, path);
  made.links.add({ name: "b0", info: { kind: "bridge" } });
  made.close();

  const again = Netns.open(path);
  t.equal(again.links.get("b0").name, "b0", "it outlives its handle");
  t.ok(again.isSame(Netns.open(path)));
  t.notOk(again.isSame(Netns.own()));
  t.throws(() => Netns.create(path), { code: "EEXIST" });
  again.close();
  Netns.unpin(path);
  t.notOk(existsSync(path));
});

t.test("the own namespace", async (t) => {
  const own = Netns.own();
  t.equal(own.fd, undefined);
  t.ok(own.isSame(Netns.open("/proc/self/ns/net")));
  const fresh = Netns.create();
  t.notOk(own.isSame(fresh));
  t.ok(fresh.isSame(fresh));
  t.equal(typeof own.descriptor(), "number");
  t.equal(own.descriptor(), own.descriptor());
  t.equal(own.links.get("lo").index, 1);
  t.equal(own.socket, own.socket, "one socket for all");
  fresh.close();
  own.close();
});

t.test("this thread is in its own namespace whatever was done", async (t) => {
  const inode = () => statSync("/proc/thread-self/ns/net").ino;
  const before = inode();
  const fresh = Netns.create();
  fresh.links.get("lo");
  fresh.sysctl.read("net", "ipv4", "ip_forward");
  t.throws(() => fresh.links.get("nix"));
  fresh.close();
  t.equal(inode(), before);
});

inNamespaces("sysctl of this namespace alone", ({ t, host, container }) => {
  const { sysctl } = host.netns;
  host.netns.links.add({
    name: "eth0.5",
    info: { kind: "veth", data: { peer: { name: "eth1" } } },
  });
  const notify = ["net", "ipv4", "conf", "eth0.5", "arp_notify"];
  t.equal(sysctl.read(...notify), "0");
  sysctl.write("1", ...notify);
  t.equal(sysctl.read(...notify), "1");
  t.equal(host.sh("cat /proc/sys/net/ipv4/conf/eth0.5/arp_notify"), "1\n");
  t.equal(container.netns.sysctl.readIfPresent(...notify), undefined);
  t.equal(container.netns.sysctl.writeIfPresent("1", ...notify), false);
  t.equal(sysctl.writeIfPresent("0", ...notify), true);
  t.equal(sysctl.readIfPresent(...notify), "0");
  t.equal(sysctl.read("net", "ipv4", "ip_local_port_range"), "32768\t60999");

  t.strictSame(
    failure(() => sysctl.read("net", "nix")),
    refused("ENOENT", 'Cannot read sysctl "net/nix": No such file or directory'),
  );
  t.strictSame(
    failure(() => sysctl.write("nonsense", ...notify)),
    refused("EINVAL", 'Cannot write sysctl "net/ipv4/conf/eth0.5/arp_notify": Invalid argument'),
  );
  for (const part of ["..", ".", "", "a/b"]) {
    t.strictSame(
      failure(() => sysctl.read("net", part)),
      refused("EINVAL", `Cannot read sysctl "net/${part}": Invalid argument`),
    );
  }
  t.ok(isKernelError(new NetnsErrorLike(), "ENOENT") === false);
  t.end();
});

/** Has a code, but is none of ours. */
class NetnsErrorLike extends Error {
  code = "ENOENT";
}
