/** tap: a device whose other end is a file. The Go plugin is not in Debian's package. */
import assert from "node:assert/strict";
import { hostLocal, v4, v6 } from "../harness/configs.ts";
import { onNode } from "../harness/hosts.ts";
import { CniFailure, type Json, onlyOurs, type Sandbox, versions } from "../harness/sandbox.ts";

const needs = { needs: ["CONFIG_TUN" as const] };
const why = "1.1.1 has no tap";
const layer2 = { type: "tap" };
const layer3 = { type: "tap", ipam: hostLocal(v4) };
const picture = ({ host, container }: Sandbox) => [host.state(), container.state()];
/** What the kernel says of the device: with numbers where `ip -d` has names. */
const tunFile = ({ container }: Sandbox, key: string) =>
  container
    .sh(`mkdir -p /run/sys; mount -t sysfs sysfs /run/sys
    cat /run/sys/class/net/eth0/${key}; umount /run/sys`)
    .trim();

for (const cniVersion of versions.all) {
  onlyOurs(`tap attaches with addresses [${cniVersion}]`, why, needs, (box) => {
    const { container, cni, reserved } = box;
    const before = picture(box);
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "2001:db8:1::/48" }];
    const config = {
      type: "tap",
      cniVersion,
      dns: { search: ["a.example"] },
      ipam: { ...hostLocal(v4, v6), routes },
    };
    const attached = cni.attach(config);
    const eth0 = container.link("eth0");
    const { info_kind, info_data } = eth0.linkinfo;
    assert.equal(info_kind, "tun");
    assert.deepEqual(
      [info_data.type, info_data.pi, info_data.persist, info_data.multi_queue],
      ["tap", false, true, false],
    );
    assert.deepEqual([tunFile(box, "owner"), tunFile(box, "group")], ["-1", "-1"]);
    assert(eth0.flags.includes("UP"));
    assert.deepEqual(container.addresses("eth0"), ["10.1.2.2/24", "2001:db8:42::2/64"]);
    assert.deepEqual(container.routes(), [
      "default via 10.1.2.1 dev eth0",
      "10.1.2.0/24 dev eth0",
      "2001:db8:1::/48 via 2001:db8:42::1 dev eth0",
      "2001:db8:42::/64 dev eth0",
    ]);
    assert.equal(container.sysctl("net/ipv4/conf/eth0/arp_notify"), "1");
    const { result } = attached;
    assert.equal(result.cniVersion, cniVersion);
    assert.deepEqual(result.dns, { search: ["a.example"] });
    if (versions.with("interfaces").includes(cniVersion)) {
      const entry = { name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" };
      assert.deepEqual(result.interfaces, [entry]);
      assert.deepEqual(
        result.ips.map((ip: Json) => [ip.interface, ip.address]),
        [
          [0, "10.1.2.2/24"],
          [0, "2001:db8:42::2/64"],
        ],
      );
    } else assert.equal(result.ip4.ip, "10.1.2.2/24");
    if (versions.with("CHECK").includes(cniVersion)) attached.check();
    else assert.throws(() => attached.check(), /config version does not allow CHECK/);
    attached.del();
    attached.del();
    assert.deepEqual([picture(box), reserved()], [before, []]);
  });
}

onlyOurs("tap IPv6 does not wait for a carrier that nobody gives", "5 s", needs, ({ cni }) => {
  const began = Date.now();
  cni.add({ type: "tap", ipam: hostLocal(v6) });
  assert(Date.now() - began < 2500, `${Date.now() - began} ms`);
});

onlyOurs("tap without addresses is up; old results cannot tell it", why, needs, (box) => {
  const attached = box.cni.attach(layer2);
  const eth0 = box.container.link("eth0");
  assert(eth0.flags.includes("UP"));
  assert.deepEqual(attached.result, {
    cniVersion: "1.1.0",
    interfaces: [{ name: "eth0", mac: eth0.address, sandbox: "/run/netns/c1" }],
  });
  attached.check();
  attached.del();
  assert.deepEqual(box.container.links(), ["lo"]);
  const before = picture(box);
  assert.throws(
    () => box.cni.add({ ...layer2, cniVersion: "0.2.0" }),
    /cannot convert: no valid IP addresses/,
  );
  assert.deepEqual(picture(box), before);
});

// Each key beside each way of making the device that the reference has: it then ignores some.
const owners: Record<string, [object, string, string]> = {
  "owner and group 0": [{ owner: 0, group: 0 }, "0", "0"],
  "owner and group": [{ owner: 1234, group: 4_000_000_000 }, "1234", "4000000000"],
  "owner alone": [{ owner: 1234 }, "1234", "-1"],
  "group alone": [{ group: 1235 }, "-1", "1235"],
};
for (const [name, [keys, owner, group]] of Object.entries(owners)) {
  onlyOurs(`tap with ${name} has mtu, mac and queues too`, "ignores mtu and mac", needs, (box) => {
    for (const multiQueue of [false, true]) {
      const config = { ...layer2, ...keys, multiQueue, mtu: 1300, mac: "02:00:00:00:00:07" };
      const attached = box.cni.attach(config);
      const eth0 = box.container.link("eth0");
      const { multi_queue, pi } = eth0.linkinfo.info_data;
      assert.deepEqual([tunFile(box, "owner"), tunFile(box, "group")], [owner, group]);
      assert.deepEqual([eth0.mtu, eth0.address], [1300, "02:00:00:00:00:07"]);
      assert.deepEqual([multi_queue, pi], [multiQueue, false]);
      assert.equal(attached.result.interfaces[0].mac, "02:00:00:00:00:07");
      attached.check();
      attached.del();
    }
  });
}

onlyOurs("tap MAC: runtimeConfig before CNI_ARGS before mac", why, needs, ({ container, cni }) => {
  const [key, args, capability] = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
  const given: [object, string, string][] = [
    [{ mac: key }, "", key],
    [{ mac: key }, `MAC=${args}`, args],
    [
      { mac: key, runtimeConfig: { mac: capability } },
      `IgnoreUnknown=1;K=V;MAC=${args}`,
      capability,
    ],
  ];
  for (const [keys, cniArgs, expected] of given) {
    const attached = cni.attach({ ...layer2, ...keys }, { args: cniArgs });
    assert.equal(container.link("eth0").address, expected);
    assert.equal(attached.result.interfaces[0].mac, expected);
    attached.del();
  }
  assert.throws(
    () => cni.add({ ...layer2, mac: "nonsense" }),
    /invalid args nonsense for MAC addr/,
  );
  assert.throws(() => cni.add(layer2, { args: "K=V" }), /ARGS: unknown args \["K=V"\]/);
  cni.del(layer2, { args: "K=V" });
  assert.deepEqual(container.links(), ["lo"]);
});

onlyOurs("tap becomes a port of a bridge in the container", why, needs, ({ container, cni }) => {
  container.sh("ip link add br0 type bridge");
  cni.add({ ...layer2, bridge: "br0" });
  assert.equal(container.link("eth0").master, "br0");
  assert.throws(
    () => cni.add({ ...layer2, bridge: "br1" }, { ifName: "eth1" }),
    /failed to lookup bridge "br1": Link not found/,
  );
  assert.throws(() => cni.add({ ...layer2, bridge: "lo" }, { ifName: "eth1" }), /Cannot change/);
  assert.deepEqual(container.links(), ["br0", "eth0", "lo"]);
});

onlyOurs("a taken name is an error, and what has it stays", "goes on with it", needs, (box) => {
  const { container, cni, reserved } = box;
  for (const make of ["ip tuntap add eth0 mode tap", "ip link add eth0 type bridge"]) {
    container.sh(make);
    const { ifindex } = container.link("eth0");
    assert.throws(
      () => cni.add(layer3),
      /failed to create tap: Cannot add tap "eth0": File exists/,
    );
    assert.equal(container.link("eth0").ifindex, ifindex);
    assert.deepEqual([container.links(), reserved()], [["eth0", "lo"], []]);
    container.sh("ip link del eth0");
  }
  assert.throws(() => cni.add(layer3, { ifName: "eth%d" }), /Cannot add tap "eth%d"/);
  assert.deepEqual(container.links(), ["lo"]);
});

/**
 * Attaches to eth0 as a user without privileges, then lets a child that has got the file answer one
 * ARP request and one ping.
 */
const answer = `
use Fcntl; use POSIX qw(setuid setgid);
sysopen(my $tap, "/dev/net/tun", O_RDWR) or die "open: $!\\n";
$) = "$ARGV[2] $ARGV[2]"; setgid($ARGV[2]); setuid($ARGV[2]);
ioctl($tap, 0x400454ca, my $r = pack("a16 S x22", "eth0", $ARGV[0])) or die "attach: $!\\n";
exit 0 if $ARGV[1] eq "leave";
if (fork) { close $tap; wait; exit $? >> 8 }
my $mac = "\\x02\\0\\0\\0\\0\\x63";
while (sysread($tap, my $f, 65536)) {
  my ($type, $op) = unpack("x12 n x6 n", $f);
  if ($type == 0x806 && $op == 1) {
    my ($sha, $spa, $tpa) = unpack("x22 a6 a4 x6 a4", $f);
    syswrite($tap, $sha . $mac . pack("nnnCCn", 0x806, 1, 0x800, 6, 4, 2) . $mac . $tpa . $sha . $spa);
  } elsif ($type == 0x800 && unpack("x23 C", $f) == 1 && unpack("x34 C", $f) == 8) {
    my ($to, $from, $head, $s, $d, $sum) = unpack("a6 a6 a14 a4 a4 x2 n", $f);
    $sum += 0x800; $sum = ($sum & 0xffff) + ($sum >> 16);
    syswrite($tap, $from . $to . $head . $d . $s . pack("CCn", 0, 0, $sum) . substr($f, 38));
    exit 0;
  }
}`;
const attach = (uid: number, flags: number, then: "stay" | "leave") => [
  "perl",
  "-e",
  answer,
  `${flags}`,
  then,
  `${uid}`,
];
const tapFlags = 0x1002; // IFF_TAP | IFF_NO_PI
const queueFlags = 0x1102;

onlyOurs(
  "who got the file of a tap answers for it; only its owner can",
  why,
  needs,
  async (box) => {
    const { container, cni } = box;
    cni.add({ ...layer3, owner: 1234 });
    const stranger = container.run(attach(1235, tapFlags, "leave"));
    assert.match(stranger.stderr, /attach: Operation not permitted/);
    const answered = container.runAsync(attach(1234, tapFlags, "stay"));
    assert(container.reaches("10.1.2.77", "-I eth0"));
    assert.equal((await answered).status, 0);
  },
);

onlyOurs("a group may attach, and several queues of a multi-queue tap", why, needs, (box) => {
  const { container, cni } = box;
  cni.add({ ...layer3, group: 1234 });
  const said = (uid: number, flags: number) => container.run(attach(uid, flags, "leave")).stderr;
  assert.equal(said(1234, tapFlags), "");
  assert.match(said(1235, tapFlags), /Operation not permitted/);
  assert.match(said(1234, queueFlags), /Invalid argument/, "it has one queue");
  cni.add({ ...layer2, multiQueue: true }, { ifName: "eth1" });
  const twice = [1, 2].map((n) =>
    answer.split("exit 0")[0]?.replaceAll("$tap", `$tap${n}`).replace('"eth0"', '"eth1"'),
  );
  const both = twice.join("").replaceAll(/^.*setuid\(.*$/gm, "");
  assert.equal(container.run(["perl", "-e", both, `${queueFlags}`]).stderr, "");
});

onlyOurs(
  "selinuxContext on a kernel without SELinux is an error that says so",
  why,
  needs,
  (box) => {
    const before = picture(box);
    assert.throws(
      () => box.cni.add({ ...layer3, selinuxContext: "system_u:system_r:container_t:s0" }),
      /Cannot add tap "eth0" with SELinux context "system_u:system_r:container_t:s0": Invalid argument/,
    );
    assert.deepEqual(picture(box), before);
  },
);

/**
 * The kernel's part played by strace: the label before the program starts, none after it. On Node
 * nobody knows which write of a thread it is: its event loop writes when it likes.
 */
const labelled = onNode ? () => {} : onlyOurs;
labelled("selinuxContext labels the program that makes the tap", why, needs, (box) => {
  const { host, container, cni } = box;
  const strace = ["strace", "-f", "-qq", "-s", "64", "-o", "/run/trace"];
  const calls = ["-e", "trace=execve,open,openat,write,setns"];
  const config = {
    ...layer2,
    ...{ owner: 1234, group: 1235, multiQueue: true, mtu: 1300, mac: "02:00:00:00:00:07" },
    selinuxContext: "u:r:t:s0",
  };
  // Which write of its thread it is.
  cni.invoke("ADD", config, { prefix: [...strace, ...calls] });
  const writes = host.sh("grep ' write(' /run/trace").split("\n");
  const last = writes.findIndex((line) => line.includes('"u:r:t:s0"'));
  const thread = writes[last]?.split(" ")[0];
  const n = writes.slice(0, last + 1).filter((line) => line.startsWith(`${thread} `)).length;
  const inject = ["-e", `inject=write:retval=9:when=${n}..${n + 1}`];
  cni.add(config, { prefix: [...strace, ...calls, ...inject] });
  const trace = host.sh("cat /run/trace").split("\n");
  const at = (pattern: RegExp) => trace.findIndex((line) => pattern.test(line));
  const label = at(/write\(\d+, "u:r:t:s0", 8\)/);
  const program = at(/execve\(".*\/ip", \["[^"]*ip", "tuntap", "add"/);
  const none = at(/write\(\d+, "", 0\)|write\(\d+, NULL, 0\)/);
  assert(label > 0 && label < program && program < none, trace.join("\n"));
  assert.match(
    trace.slice(0, label).join("\n"),
    /open(at)?\(.*"\/proc\/thread-self\/attr\/exec", O_WR/,
  );
  const eth0 = container.link("eth0");
  assert.deepEqual([eth0.mtu, eth0.address], [1300, "02:00:00:00:00:07"]);
  assert.deepEqual(
    [eth0.linkinfo.info_data.multi_queue, tunFile(box, "owner"), tunFile(box, "group")],
    [true, "1234", "1235"],
  );
});

/** What happened to the attachment → what CHECK says. */
const damages: Record<string, [string, RegExp]> = {
  "the device is gone": ["ip link del eth0", /Cannot find interface "eth0" of prevResult/],
  "it is of another kind": [
    "ip link del eth0; ip link add eth0 type bridge",
    /is not of kind tun; found bridge/,
  ],
  "the MAC is another": [
    "ip link set eth0 address 02:00:00:00:00:09",
    /Interface "eth0" has another MAC than prevResult/,
  ],
  "the owner is another": [
    "ip link del eth0; ip tuntap add eth0 mode tap user 99 multi_queue; ip link set eth0 address 02:00:00:00:00:08",
    /Owner of eth0: 99 does not match expected value: 1234/,
  ],
  "it has one queue": [
    "ip link del eth0; ip tuntap add eth0 mode tap user 1234; ip link set eth0 address 02:00:00:00:00:08",
    /Multi-queue of eth0: false does not match expected value: true/,
  ],
  "the group is another": [
    "ip link del eth0; ip tuntap add eth0 mode tap user 1234 group 9 multi_queue; ip link set eth0 address 02:00:00:00:00:08",
    /Group of eth0: 9 does not match expected value: undefined/,
  ],
  "the address is gone": [
    "ip addr del 10.1.2.2/24 dev eth0",
    /Failed to match addr 10\.1\.2\.2\/24 on interface eth0/,
  ],
  "a route is gone": [
    "ip route del 192.0.2.0/24",
    /Expected Route 192\.0\.2\.0\/24 not found in routing table/,
  ],
};
for (const [name, [damage, message]] of Object.entries(damages)) {
  onlyOurs(`tap CHECK fails: ${name}`, why, needs, ({ container, cni }) => {
    const attached = cni.attach({
      ...layer3,
      ...{ owner: 1234, multiQueue: true, mac: "02:00:00:00:00:08" },
      ipam: { ...layer3.ipam, routes: [{ dst: "192.0.2.0/24" }] },
    });
    attached.check();
    container.sh(damage);
    assert.throws(() => attached.check(), message);
  });
}

onlyOurs("tap CHECK wants its lease and a prevResult of this namespace", why, needs, (box) => {
  const { host, cni } = box;
  const result = cni.add(layer3);
  assert.throws(() => cni.check(layer3), /Required prevResult missing/);
  const moved = { ...result, interfaces: [{ ...result.interfaces[0], sandbox: "/run/netns/x" }] };
  assert.throws(
    () => cni.check(layer3, { prevResult: moved }),
    /Sandbox in prevResult \/run\/netns\/x doesn't match configured netns: \/run\/netns\/c1/,
  );
  host.sh("rm /var/lib/cni/networks/net1/10.*");
  assert.throws(
    () => cni.check(layer3, { prevResult: result }),
    /host-local: Failed to find address added by container c1/,
  );
});

for (const container of ["", "/run/netns/nonesuch"]) {
  onlyOurs(`tap DEL with the namespace "${container}" gives the lease back`, why, needs, (box) => {
    box.cni.add(layer3);
    assert.deepEqual(box.reserved(), ["10.1.2.2"]);
    box.cni.del(layer3, { container });
    assert.deepEqual(box.reserved(), []);
  });
}

const failures: Record<string, object> = {
  "the IPAM plugin is not there": { ipam: { type: "nonesuch" } },
  "the IPAM plugin gives nothing": { ipam: { type: "static" }, cniVersion: "1.0.0" },
  "a route cannot be set": {
    ipam: { ...layer3.ipam, routes: [{ dst: "192.0.2.0/24", gw: "203.0.113.1" }] },
  },
  "the MTU is impossible": { mtu: 100_000_000 },
  "the MAC is no interface's": { mac: "01:00:00:00:00:01" },
};
for (const [name, change] of Object.entries(failures)) {
  onlyOurs(`a failed tap ADD leaves nothing: ${name}`, "the tap stays", needs, (box) => {
    const before = picture(box);
    assert.throws(() => box.cni.add({ ...layer3, ...change }), CniFailure);
    assert.deepEqual(picture(box), before);
  });
}

onlyOurs("tap GC and STATUS reach the IPAM plugin", why, needs, ({ cni, reserved }) => {
  cni.add(layer3);
  cni.gc(layer3, [{ containerID: "c1", ifname: "eth0" }]);
  assert.deepEqual(reserved(), ["10.1.2.2"]);
  cni.gc(layer3, []);
  assert.deepEqual(reserved(), []);
  cni.status(layer3);
  cni.status(layer2);
  assert.throws(
    () => cni.status({ ...layer2, ipam: { type: "nonesuch" } }),
    /failed to find plugin "nonesuch" in path/,
  );
});
