/** host-local from outside: addresses, requests, errors, and the verbs that Go does not have. */
import assert from "node:assert/strict";
import { differs, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";

const type = "host-local";
const dir = "/var/lib/cni/networks/net1";
/** A config with these `ipam` keys, and others beside it. */
const config = (ipam: object, more: object = {}) => ({ type, ipam: { type, ...ipam }, ...more });
const subnet = config({ subnet: "10.1.2.0/24" });

/** `address gateway` of each address of a result of version 0.3.0 or later. */
const given = (result: { ips: { address: string; gateway: string }[] }) =>
  result.ips.map(({ address, gateway }) => `${address} ${gateway}`);

const dual = config({
  ranges: [
    [{ subnet: "10.1.2.0/24" }, { subnet: "10.2.2.0/24" }],
    [{ subnet: "2001:db8:1::0/64" }],
  ],
  routes: [
    { dst: "0.0.0.0/0" },
    { dst: "::/0" },
    { dst: "192.168.0.0/16", gw: "1.1.1.1" },
    { dst: "2001:db8:2::0/64", gw: "2001:db8:3::1" },
  ],
  resolvConf: "/run/resolv.conf",
});
const resolvConf = "domain one\nnameserver 192.0.2.3\nsearch a b\nsearch c\noptions x:1\n";
const routes = [
  { dst: "0.0.0.0/0" },
  { dst: "::/0" },
  { dst: "192.168.0.0/16", gw: "1.1.1.1" },
  { dst: "2001:db8:2::/64", gw: "2001:db8:3::1" },
];
const dns = {
  domain: "one",
  nameservers: ["192.0.2.3"],
  options: ["x:1"],
  search: ["a", "b", "c"],
};

for (const cniVersion of versions.all) {
  sandbox(`an address of each set, routes and DNS [${cniVersion}]`, ({ host, cni, reserved }) => {
    host.sh(`cat >/run/resolv.conf <<.\n${resolvConf}.`);
    const result = cni.add({ ...dual, cniVersion });
    const legacy = versions.without("interfaces").includes(cniVersion);
    const labelled =
      legacy || versions.without("CHECK").includes(cniVersion) || cniVersion === "0.4.0";
    const v = (version: string) => (labelled ? { version } : {});
    const of = (family: string) =>
      routes.filter(({ dst }) => dst.includes(":") === (family === "6"));
    const expected = legacy
      ? {
          cniVersion,
          ip4: { ip: "10.1.2.2/24", gateway: "10.1.2.1", routes: of("4") },
          ip6: { ip: "2001:db8:1::2/64", gateway: "2001:db8:1::1", routes: of("6") },
          dns,
        }
      : {
          cniVersion,
          ips: [
            { ...v("4"), address: "10.1.2.2/24", gateway: "10.1.2.1" },
            { ...v("6"), address: "2001:db8:1::2/64", gateway: "2001:db8:1::1" },
          ],
          routes,
          dns,
        };
    assert.deepEqual(result, expected);
    assert.equal(host.sh(`cat ${dir}/10.1.2.2`), "c1\r\neth0");
    assert.equal(host.sh(`cat ${dir}/2001:db8:1::2`), "c1\r\neth0");
    assert.equal(host.sh(`cat ${dir}/last_reserved_ip.0`), "10.1.2.2");
    assert.equal(host.sh(`cat ${dir}/last_reserved_ip.1`), "2001:db8:1::2");
    if (versions.with("CHECK").includes(cniVersion)) cni.check({ ...dual, cniVersion });
    cni.del({ ...dual, cniVersion });
    cni.del({ ...dual, cniVersion }); // the spec allows DEL twice
    assert.deepEqual(reserved(), []);
    assert.equal(host.sh(`ls -A ${dir}`), "last_reserved_ip.0\nlast_reserved_ip.1\nlock\n");
  });
}

sandbox("nothing is said on stderr at first use", ({ cni }) => {
  assert.equal(cni.invoke("ADD", subnet).stderr, "");
});

sandbox("attachments are told apart by container and interface", ({ cni, reserved }) => {
  cni.add(subnet);
  cni.add(subnet, { ifName: "eth1" });
  cni.add(subnet, { containerId: "c2" });
  assert.throws(() => cni.add(subnet), {
    msg:
      "failed to allocate for range 0: " +
      "10.1.2.2 has been allocated to c1, duplicate allocation is not allowed",
    code: 999,
  });
  cni.del(subnet);
  assert.deepEqual(reserved(), ["10.1.2.3", "10.1.2.4"]);
  assert.throws(() => cni.check(subnet), {
    msg: "host-local: Failed to find address added by container c1",
  });
  cni.check(subnet, { ifName: "eth1" });
  cni.del(subnet, { containerId: "unknown" });
  assert.deepEqual(reserved(), ["10.1.2.3", "10.1.2.4"]);
});

sandbox("sets come from runtimeConfig, then the old keys, then ranges", ({ cni, host }) => {
  const all = config(
    {
      subnet: "10.1.2.0/24",
      rangeStart: "10.1.2.9",
      rangeEnd: "10.1.2.20",
      gateway: "10.1.2.30",
      ranges: [[{ subnet: "10.1.3.0/24" }]],
      dataDir: "/run/leases",
    },
    { RuntimeConfig: { ipRanges: [[{ subnet: "2001:db8:1::/64" }]] } },
  );
  assert.deepEqual(given(cni.add(all)), [
    "2001:db8:1::2/64 2001:db8:1::1",
    "10.1.2.9/24 10.1.2.30",
    "10.1.3.2/24 10.1.3.1",
  ]);
  assert.equal(host.sh("cat /run/leases/net1/last_reserved_ip.1"), "10.1.2.9");
});

const sources = {
  CNI_ARGS: ["10.1.2.88", { args: "IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.1.2.88" }, {}],
  "CNI_ARGS with a length": ["10.1.2.88", { args: "IP=10.1.2.88/29" }, {}],
  "args.cni": ["10.1.2.88", {}, { args: { cni: { ips: ["10.1.2.88"] } } }],
  runtimeConfig: ["10.1.2.88", {}, { runtimeConfig: { ips: ["10.1.2.88/16"] } }],
  "all of them, the same": [
    "10.1.2.88",
    { args: "IP=10.1.2.88" },
    { args: { cni: { ips: ["10.1.2.88"] } }, runtimeConfig: { ips: ["10.1.2.88/24"] } },
  ],
} as const;

for (const [name, [ip, options, keys]] of Object.entries(sources)) {
  sandbox(`an address asked for by ${name}`, ({ cni, host }) => {
    const asked = config({ subnet: "10.1.2.0/24" }, keys);
    assert.deepEqual(given(cni.add(asked, options)), [`${ip}/24 10.1.2.1`]);
    assert.equal(host.sh(`cat ${dir}/last_reserved_ip.0`), ip);
    assert.throws(() => cni.add(asked, { ...options, containerId: "c2" }), {
      msg:
        `failed to allocate for range 0: requested IP address ${ip} is not available ` +
        "in range set 10.1.2.1-10.1.2.254",
    });
  });
}

sandbox("addresses asked for from several sets", ({ cni }) => {
  const ranges = [
    [{ subnet: "10.1.2.0/24" }, { subnet: "10.1.3.0/24" }],
    [{ subnet: "2001:db8:1::/64" }],
  ];
  const ips = ["2001:db8:1::999", "10.1.3.77"];
  assert.deepEqual(given(cni.add(config({ ranges }, { args: { cni: { ips } } }))), [
    "10.1.3.77/24 10.1.3.1",
    "2001:db8:1::999/64 2001:db8:1::1",
  ]);
});

onlyOurs(
  "IP in CNI_ARGS may be a list",
  "it takes one address, and calls a list an invalid one",
  ({ cni }) => {
    const both = config({ ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "2001:db8::/64" }]] });
    assert.deepEqual(given(cni.add(both, { args: "IP=10.1.2.9/24,2001:db8::9" })), [
      "10.1.2.9/24 10.1.2.1",
      "2001:db8::9/64 2001:db8::1",
    ]);
    assert.throws(() => cni.add(both, { containerId: "c2", args: "IP=10.1.2.10,nonsense" }), {
      msg: 'ARGS: error parsing value of pair "IP=10.1.2.10,nonsense": invalid IP address nonsense',
    });
  },
);

const ipam = (keys: object, more: object = {}) => config(keys, more);
const mistakes: Record<string, [object, string | RegExp]> = {
  "no ipam": [{ type }, "IPAM config missing 'ipam' key"],
  "no ranges": [ipam({}), "no IP ranges specified"],
  "empty range set": [ipam({ ranges: [[]] }), "invalid range set 0: empty range set"],
  "no subnet": [ipam({ ranges: [[{}]] }), "invalid range set 0: IP <nil> not v4 nor v6"],
  "bad subnet": [ipam({ subnet: "nonsense" }), /invalid CIDR address: nonsense/],
  "host bits": [
    ipam({ subnet: "10.1.2.3/24" }),
    "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0",
  ],
  "overlap within a set": [
    ipam({ ranges: [[{ subnet: "10.1.2.0/24" }, { subnet: "10.1.2.0/28" }]] }),
    "invalid range set 0: subnets 10.1.2.1-10.1.2.254 and 10.1.2.1-10.1.2.14 overlap",
  ],
  "overlap between sets": [
    ipam({ ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.1.2.0/28" }]] }),
    "range set 0 overlaps with 1",
  ],
  "mixed families": [
    ipam({ ranges: [[{ subnet: "10.1.2.0/24" }, { subnet: "2001:db8::/64" }]] }),
    "invalid range set 0: mixed address families",
  ],
  "two sets of a family in an old version": [
    ipam(
      { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.1.3.0/24" }]] },
      { cniVersion: "0.2.0" },
    ),
    "CNI version 0.2.0 does not support more than 1 address per family",
  ],
  "an empty address asked for": [
    ipam({ subnet: "10.1.2.0/24" }, { args: { cni: { ips: [""] } } }),
    "cannot understand ip: IP <nil> not v4 nor v6",
  ],
  "the gateway asked for": [
    ipam({ subnet: "10.1.2.0/24" }, { args: { cni: { ips: ["10.1.2.1"] } } }),
    "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway",
  ],
  "no set for an address": [
    ipam({ subnet: "10.1.2.0/24" }, { args: { cni: { ips: ["10.1.3.1"] } } }),
    "failed to allocate all requested IPs: 10.1.3.1",
  ],
  "no resolv.conf": [
    ipam({ subnet: "10.1.2.0/24", resolvConf: "/none" }),
    "open /none: no such file or directory",
  ],
};

for (const [name, [mistake, msg]] of Object.entries(mistakes)) {
  sandbox(`ADD refuses: ${name}`, ({ cni, reserved }) => {
    assert.throws(() => cni.add(mistake as typeof subnet), { msg });
    assert.deepEqual(reserved(), []);
  });
}

sandbox("ADD refuses an address in CNI_ARGS that is none", ({ cni }) => {
  assert.throws(() => cni.add(subnet, { args: "IP=10.1.2" }), {
    msg: 'ARGS: error parsing value of pair "IP=10.1.2": invalid IP address 10.1.2',
  });
  assert.throws(() => cni.add(subnet, { args: "FOO=1" }), { msg: 'ARGS: unknown args ["FOO=1"]' });
});

sandbox("exhaustion in the second set gives back the first", ({ cni, reserved }) => {
  const tight = config({ ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.1.3.0/30" }]] });
  cni.add(tight);
  const msg =
    "failed to allocate for range 1: no IP addresses available in range set: 10.1.3.1-10.1.3.2";
  assert.throws(() => cni.add(tight, { containerId: "c2" }), {
    msg: differs("we say how many are used, where, and what helps", {
      go: msg,
      ours:
        `${msg}: 1 of 1 are held by leases in ${dir}; a GC call, or DEL for each container that is ` +
        "gone, gives back what no container uses",
    }),
  });
  assert.deepEqual(reserved(), ["10.1.2.2", "10.1.3.2"]);
});

onlyOurs(
  "DEL works with ranges that are no longer valid",
  "it refuses the config",
  ({ cni, reserved }) => {
    cni.add(subnet);
    cni.del(config({ subnet: "10.1.2.99/24", resolvConf: "/none" }), { args: "FOO=1;IP=nonsense" });
    assert.deepEqual(reserved(), []);
  },
);

onlyOurs("DEL of an unknown network makes nothing", "it makes the directory", ({ host, cni }) => {
  cni.del(subnet);
  assert.equal(host.sh("ls -A /var/lib"), "");
});

onlyOurs(
  "GC releases what no valid attachment holds",
  "it has no GC",
  ({ cni, host, reserved }) => {
    for (const containerId of ["c1", "c2", "c3"]) cni.add(subnet, { containerId });
    cni.add(subnet, { ifName: "eth1" });
    cni.add({ ...subnet, name: "net2" });
    host.sh(`printf c3 >${dir}/10.1.2.50; printf gone >${dir}/10.1.2.51; : >${dir}/10.1.2.52`);
    cni.gc(subnet, [
      { containerID: "c1", ifname: "eth0" },
      { containerID: "c3", ifname: "eth0" },
    ]);
    assert.deepEqual(reserved(), ["10.1.2.2", "10.1.2.4", "10.1.2.50"]);
    assert.deepEqual(reserved("net2"), ["10.1.2.2"], "another network");
    cni.check(subnet);
    cni.gc(subnet, []);
    assert.deepEqual(reserved(), []);
  },
);

onlyOurs("STATUS reports exhaustion and locks that fail", "it has no STATUS", ({ host, cni }) => {
  const tight = config({ subnet: "10.1.2.0/30" });
  cni.status(tight);
  assert.equal(host.sh("ls -A /var/lib"), "", "asking makes nothing");
  cni.add(tight);
  assert.throws(() => cni.status(tight), {
    code: 50,
    msg: new RegExp(
      `^no IP addresses available in range set: 10.1.2.1-10.1.2.2: 1 of 1 .* in ${dir};`,
    ),
  });
  cni.del(tight);
  cni.status(tight);
  host.sh(`rm ${dir}/lock; mkdir -p ${dir}/lock`);
  assert.throws(() => cni.status(tight), { code: 50, msg: new RegExp(`^Cannot lock ${dir}/lock`) });
});

onlyOurs("reuse: the same address again", "it refuses", ({ cni, reserved }) => {
  const reuse = config({ subnet: "10.1.2.0/24", reuse: true });
  const first = cni.add(reuse);
  assert.deepEqual(cni.add(reuse), first);
  assert.deepEqual(reserved(), ["10.1.2.2"]);
});

onlyOurs("after a reboot the same address again", "it refuses", ({ host, cni, reserved }) => {
  const first = cni.add(subnet);
  const reboot = "/run/boot_id";
  host.sh(`echo another-boot >${reboot}; mount --bind ${reboot} /proc/sys/kernel/random/boot_id`);
  assert.deepEqual(cni.add(subnet), first);
  assert.throws(() => cni.add(subnet), /duplicate allocation is not allowed/);
  assert.deepEqual(reserved(), ["10.1.2.2"]);
});
