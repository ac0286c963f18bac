/** static from outside: where addresses and gateways come from, errors, CHECK. */
import assert from "node:assert/strict";
import { differs, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";

const type = "static";
/** A config with these `ipam` keys, and others beside it. */
const config = (ipam: object, more: object = {}) => ({ type, ipam: { type, ...ipam }, ...more });

/** `address gateway` of each address of a result of version 0.3.0 or later. */
const given = (result: { ips?: { address: string; gateway?: string }[] }) =>
  (result.ips ?? []).map(({ address, gateway }) => `${address} ${gateway}`);

const dns = {
  nameservers: ["192.0.2.3"],
  domain: "one",
  search: ["a", "b"],
  options: ["x:1"],
};
const metric: object = differs("what Debian has is older than these keys", {
  go: {},
  ours: { priority: 7, table: 0 },
});
const dual = config({
  addresses: [
    { address: "10.10.0.1/24", gateway: "10.10.0.254" },
    { address: "3ffe:ffff:0:1ff::1/64", gateway: "3ffe:ffff:0::1" },
  ],
  routes: [
    { dst: "0.0.0.0/0" },
    { dst: "192.168.0.0/16", gw: "10.10.5.1" },
    { dst: "192.168.0.0/16", gw: "10.10.5.2", ...metric },
    { dst: "3ffe:ffff:0:01ff::1/64" },
  ],
  dns,
});
const routes: { dst: string; gw?: string }[] = [
  { dst: "0.0.0.0/0" },
  { dst: "192.168.0.0/16", gw: "10.10.5.1" },
  { dst: "192.168.0.0/16", gw: "10.10.5.2", ...metric },
  { dst: "3ffe:ffff:0:1ff::1/64" },
];

for (const cniVersion of versions.all) {
  sandbox(`addresses, routes and DNS of the config [${cniVersion}]`, ({ host, cni }) => {
    const before = host.state();
    const result = cni.add({ ...dual, cniVersion });
    const legacy = versions.without("interfaces").includes(cniVersion);
    const labelled = !["1.0.0", "1.1.0"].includes(cniVersion);
    const v = (version: string) => (labelled ? { version } : {});
    const [first, second] = [
      { address: "10.10.0.1/24", gateway: "10.10.0.254" },
      { address: "3ffe:ffff:0:1ff::1/64", gateway: "3ffe:ffff::1" },
    ];
    if (legacy) {
      assert.equal(result.ip4.ip, first.address);
      assert.equal(result.ip4.gateway, first.gateway);
      assert.deepEqual(
        result.ip4.routes.map(({ dst, gw }: { dst: string; gw?: string }) => `${dst} ${gw}`),
        routes.slice(0, 3).map(({ dst, gw }) => `${dst} ${gw}`),
      );
      assert.equal(result.ip6.ip, second.address);
      assert.deepEqual(result.dns, dns);
    } else {
      assert.deepEqual(result.ips, [
        { ...v("4"), ...first },
        { ...v("6"), ...second },
      ]);
      assert.deepEqual(result.routes, routes);
      assert.deepEqual(result.dns, dns);
    }
    if (versions.with("CHECK").includes(cniVersion)) {
      cni.check({ ...dual, cniVersion }, { prevResult: result });
    }
    cni.del({ ...dual, cniVersion });
    cni.del({ ...dual, cniVersion }, { containerId: "unknown" });
    assert.deepEqual(host.state(), before, "nothing is written down");
  });
}

const own = { addresses: [{ address: "10.1.2.3/24", gateway: "10.1.2.1" }] };
const ofArgs = { args: { cni: { ips: ["10.3.3.1/16", "2001:db8:3::1/64"] } } };
const ofRuntime = { runtimeConfig: { ips: ["10.4.4.1/24"] } };
const ipArgs = { args: "IP=10.10.0.1/24;GATEWAY=10.10.0.254" };
const sources: Record<string, [string[], object, object]> = {
  "the config alone": [["10.1.2.3/24 10.1.2.1"], own, {}],
  "CNI_ARGS alone": [["10.10.0.1/24 10.10.0.254"], {}, ipArgs],
  "CNI_ARGS with other keys": [
    ["10.10.0.1/24 undefined"],
    {},
    { args: "IgnoreUnknown=true;K8S_POD_NAME=x;IP=10.10.0.1/24" },
  ],
  "config, then CNI_ARGS": [["10.1.2.3/24 10.1.2.1", "10.10.0.1/24 10.10.0.254"], own, ipArgs],
  "two of CNI_ARGS, a gateway for one": [
    ["10.10.0.1/24 10.10.0.254", "10.11.0.1/24 undefined"],
    {},
    { args: "IP=10.10.0.1/24,10.11.0.1/24;GATEWAY=10.10.0.254" },
  ],
  "both families of CNI_ARGS, with spaces": [
    ["10.10.0.1/24 10.10.0.254", "2001:db8::5/64 2001:db8::1"],
    {},
    { args: "IP=10.10.0.1/24, 2001:db8::5/64;GATEWAY=10.10.0.254, 2001:db8::1" },
  ],
  "the last gateway of CNI_ARGS wins": [
    ["10.10.0.1/24 10.10.0.9"],
    {},
    { args: "IP=10.10.0.1/24;GATEWAY=10.10.0.254,10.10.0.9" },
  ],
  "args.cni in place of config and CNI_ARGS": [
    ["10.3.3.1/16 undefined", "2001:db8:3::1/64 undefined"],
    { ...own, more: ofArgs },
    ipArgs,
  ],
  "runtimeConfig in place of all": [
    ["10.4.4.1/24 undefined"],
    { ...own, more: { ...ofArgs, ...ofRuntime } },
    ipArgs,
  ],
  "empty lists replace nothing": [
    ["10.1.2.3/24 10.1.2.1"],
    { ...own, more: { args: { cni: { ips: [] } }, runtimeConfig: { ips: [] } } },
    {},
  ],
  "a config address that is none, replaced": [
    ["10.4.4.1/24 undefined"],
    { addresses: [{ address: "nonsense" }], more: ofRuntime },
    {},
  ],
  "none at all": [[], {}, {}],
};

for (const [name, [expected, { more = {}, ...ipam }, options]] of Object.entries<
  [string[], { more?: object }, object]
>(sources)) {
  sandbox(`addresses of ${name}`, ({ cni }) => {
    assert.deepEqual(given(cni.add(config(ipam, more), options)), expected);
  });
}

onlyOurs(
  "gateways reach the addresses of every source",
  "its GATEWAY is for CNI_ARGS alone, and it does not know `gateways`",
  ({ cni }) => {
    const bare = { addresses: [{ address: "10.1.2.3/24" }] };
    const args = "GATEWAY=10.1.2.1,10.4.4.254,2001:db8:3::fe";
    assert.deepEqual(given(cni.add(config(bare), { args })), ["10.1.2.3/24 10.1.2.1"]);
    assert.deepEqual(given(cni.add(config(own), { args: "GATEWAY=10.1.2.99" })), [
      "10.1.2.3/24 10.1.2.1",
    ]);
    assert.deepEqual(given(cni.add(config({}, ofRuntime), { args })), ["10.4.4.1/24 10.4.4.254"]);
    const gateways = ["10.3.0.1", "10.4.4.1", "2001:db8:3::fe"];
    assert.deepEqual(given(cni.add(config({ gateways }, ofArgs))), [
      "10.3.3.1/16 10.3.0.1",
      "2001:db8:3::1/64 2001:db8:3::fe",
    ]);
    assert.deepEqual(given(cni.add(config({ gateways }, ofRuntime), { args })), [
      "10.4.4.1/24 10.4.4.254",
    ]);
  },
);

const cidr = "is expected to be in CIDR notation, got: '10.1.2.3'";
const twice = [{ address: "10.1.2.3/24" }, { address: "10.1.3.3/24" }];
const mistakes: Record<string, [object, object, string | RegExp]> = {
  "no ipam": [{ type }, {}, "IPAM config missing 'ipam' key"],
  "no ipam, addresses elsewhere": [
    { type, ...ofRuntime },
    ipArgs,
    "IPAM config missing 'ipam' key",
  ],
  "no prefix length in the config": [
    config({ addresses: [{ address: "10.1.2.3" }] }),
    {},
    `the 'address' field ${cidr}`,
  ],
  "no prefix length in CNI_ARGS": [config({}), { args: "IP=10.1.2.3" }, `the 'ip' field ${cidr}`],
  "a gateway in CNI_ARGS that is none": [
    config({}),
    { args: "IP=10.1.2.3/24;GATEWAY=nonsense" },
    "invalid gateway address: nonsense",
  ],
  "no prefix length in args.cni": [
    config({}, { args: { cni: { ips: ["10.1.2.3"] } } }),
    {},
    "an entry in the 'ips' field is NOT in CIDR notation, got: '10.1.2.3'",
  ],
  "no prefix length in runtimeConfig": [
    config({}, { runtimeConfig: { ips: ["10.1.2.3"] } }),
    {},
    "an entry in the 'ips' field is NOT in CIDR notation, got: '10.1.2.3'",
  ],
  "a key in CNI_ARGS that nobody knows": [
    config(own),
    { args: "FOO=1" },
    'ARGS: unknown args ["FOO=1"]',
  ],
  "two addresses of a family in an old version": [
    config({ addresses: twice }, { cniVersion: "0.2.0" }),
    {},
    "CNI version 0.2.0 does not support more than 1 address per family",
  ],
  "a gateway in the config that is none": [
    config({ addresses: [{ address: "10.1.2.3/24", gateway: "nonsense" }] }),
    {},
    /invalid IP address: nonsense/,
  ],
};

for (const [name, [mistake, options, msg]] of Object.entries(mistakes)) {
  sandbox(`ADD refuses: ${name}`, ({ cni }) => {
    assert.throws(() => cni.add(mistake as typeof dual, options), { msg });
  });
}

sandbox("CHECK compares with prevResult", ({ cni }) => {
  const prevResult = cni.add(config(own));
  cni.check(config(own), { prevResult });
  assert.throws(() => cni.check(config(own)), { msg: "Required prevResult missing" });
  const gateway = { addresses: [{ address: "10.1.2.3/24", gateway: "10.1.2.9" }] };
  assert.throws(() => cni.check(config(gateway), { prevResult }), {
    msg: "static: Failed to match addr 10.1.2.3 on interface eth0",
  });
  cni.check(config({ addresses: [{ address: "10.1.2.3/24" }] }), { prevResult });
});

onlyOurs("CHECK finds what is missing", "it looks at gateways alone", ({ cni }) => {
  const prevResult = cni.add(config(own), { args: "IP=2001:db8::5/64" });
  const all = { prevResult, args: "IP=2001:db8::5/64" };
  cni.check(config(own), all);
  const missing = { addresses: [...own.addresses, { address: "10.1.2.4/24" }] };
  assert.throws(() => cni.check(config(missing), all), {
    msg: "static: Failed to match addr 10.1.2.4 on interface eth0",
    details: "prevResult does not have it",
  });
  assert.throws(() => cni.check(config(own), { prevResult, args: "IP=2001:db8::5/96" }), {
    msg: "static: Failed to match addr 2001:db8::5 on interface eth0",
    details: "the config has 2001:db8::5/96, prevResult has 2001:db8::5/64",
  });
  assert.throws(() => cni.check(config({}, ofRuntime), { prevResult }), /10\.4\.4\.1/);
  const stripped = { ...prevResult, ips: [{ address: "10.1.2.3/24" }] };
  assert.throws(() => cni.check(config(own), { prevResult: stripped }), {
    details: "the config has gateway 10.1.2.1, prevResult has none",
  });
});

sandbox("GC and STATUS succeed, DEL reads nothing", ({ host, cni }) => {
  if (!versions.all.includes("1.1.0")) return;
  const before = host.state();
  cni.gc(config(own), []);
  cni.status(config(own));
  cni.status(config({}));
  cni.del(config({ addresses: [{ address: "nonsense" }] }), { args: "FOO=1;IP=x" });
  assert.deepEqual(host.state(), before);
});

onlyOurs("STATUS tells what ADD would refuse", "it has no STATUS", ({ cni }) => {
  assert.throws(() => cni.status(config({ addresses: [{ address: "10.1.2.3" }] })), {
    code: 50,
    msg: `the 'address' field ${cidr}`,
  });
  assert.throws(() => cni.status({ type }), { code: 50, msg: "IPAM config missing 'ipam' key" });
});

sandbox("behind an interface plugin: both families, a route", ({ host, container, cni }) => {
  const attached = cni.attach(
    { ...dual, ...config(own), type: "bridge", bridge: "br0" },
    { args: "IgnoreUnknown=1;IP=2001:db8::5/64;GATEWAY=2001:db8::1" },
  );
  assert.deepEqual(container.addresses("eth0"), ["10.1.2.3/24", "2001:db8::5/64"]);
  attached.check();
  container.sh("ip addr del 10.1.2.3/24 dev eth0");
  assert.throws(() => attached.check());
  attached.del();
  assert.deepEqual(container.links(), ["lo"]);
  host.sh("ip link del br0");
});

sandbox("an old version without an address has no result", ({ cni }) => {
  assert.throws(() => cni.add(config({}, { cniVersion: "0.2.0" })), /no valid IP addresses/);
});
