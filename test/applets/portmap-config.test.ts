/** portmap: what its config may say, and what becomes of it. */
import assert from "node:assert/strict";
import { CniFailure, differs, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";
import { ask, serve } from "../harness/servers.ts";
import {
  attach,
  hostAddress,
  mapping,
  network,
  portmap,
  withoutPrograms,
} from "./portmap-support.ts";

/** A result that needs no bridge: nothing is sent to it. */
const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "v0" }, { name: "eth0", sandbox: "/run/netns/c1" }],
  ips: [
    { interface: 0, address: "10.9.9.9/24" },
    { interface: 1, address: "10.1.2.2/24" },
    { interface: 1, address: "2001:db8:42::2/64" },
  ],
};
const cniVersion = "1.0.0";
const one = { ...portmap([mapping(8080, 80)]), cniVersion };

function failure(act: () => void): CniFailure {
  try {
    act();
  } catch (error) {
    if (error instanceof CniFailure) return error;
    throw error;
  }
  throw new Error("it succeeds");
}

for (const version of versions.all) {
  sandbox(`the result passes through unchanged [${version}]`, ({ cni }) => {
    const given = cni.add({ ...network, cniVersion: version });
    const config = { ...one, cniVersion: version };
    assert.deepEqual(cni.add(config, { prevResult: given }), given);
    assert.deepEqual(cni.add({ ...config, runtimeConfig: {} }, { prevResult: given }), given);
  });
}

sandbox("without mappings nothing is touched", ({ host, cni }) => {
  const before = host.state();
  for (const config of [portmap([]), { type: "portmap" }]) {
    cni.attach({ ...config, cniVersion }, { prevResult }).del();
    cni.add({ ...config, cniVersion }, { prevResult });
  }
  assert.deepEqual(host.state(), before);
});

const refused: [string, object, RegExp][] = [
  ["hostPort 0", portmap([mapping(0, 80)]), /Invalid host port number: 0$/],
  ["no hostPort", portmap([{ containerPort: 80 }]), /Invalid host port number: 0$/],
  ["hostPort -1", portmap([mapping(-1, 80)]), /Invalid host port number: -1$/],
  [
    "the container's port comes first",
    portmap([mapping(0, 0)]),
    /Invalid container port number: 0$/,
  ],
  [
    "both ways to mark",
    portmap([mapping(1, 1)], { markMasqBit: 5, externalSetMarkChain: "X" }),
    /Cannot specify externalSetMarkChain and markMasqBit$/,
  ],
  [
    "bit 32",
    portmap([mapping(1, 1)], { markMasqBit: 32 }),
    /MasqMarkBit must be between 0 and 31$/,
  ],
  ["bit -1", portmap([], { markMasqBit: -1 }), /MasqMarkBit must be between 0 and 31$/],
];

const refusedByUs: [string, object, RegExp][] = [
  ["hostPort 65536", portmap([mapping(65536, 80)]), /^Invalid host port number: 65536$/],
  ["containerPort 65536", portmap([mapping(80, 65536)]), /^Invalid container port number: 65536$/],
  ["a protocol without ports", portmap([{ ...mapping(1, 1), protocol: "icmp" }]), /"icmp"$/],
  ["a hostIP that is none", portmap([mapping(1, 1, "tcp", "1.2.3")]), /"1\.2\.3"$/],
  ["an unknown backend", portmap([], { backend: "ebtables" }), /^unrecognized backend "ebtables"$/],
  [
    "nft's words for iptables",
    portmap([], { backend: "iptables", conditionsV4: ["aaa", "bbbb"], conditionsV6: ["ccc"] }),
    /^iptables backend was requested but configuration contains nftables-specific options \[conditionsV4 conditionsV6\]$/,
  ],
  [
    "iptables' words for nft",
    portmap([], {
      backend: "nftables",
      externalSetMarkChain: "KUBE-MARK-MASQ",
      conditionsV4: ["-a", "b"],
      conditionsV6: ["!", "-c", "d"],
    }),
    /^nftables backend was requested but configuration contains iptables-specific options \[externalSetMarkChain conditionsV4 conditionsV6\]$/,
  ],
];

for (const [name, config, message] of refused) {
  sandbox(`refused: ${name}`, ({ host, cni }) => {
    const before = host.state();
    const error = failure(() => cni.add({ ...one, ...config }, { prevResult }));
    assert.match(error.message, message);
    assert.equal(error.code, differs("Go has no codes", { go: 999, ours: 7 }));
    assert.deepEqual(host.state(), before);
  });
}

for (const [name, config, message] of refusedByUs) {
  onlyOurs(`refused: ${name}`, "not in Go 1.1.1", ({ host, cni }) => {
    const before = host.state();
    const error = failure(() => cni.add({ ...one, ...config }, { prevResult }));
    assert.match(error.message, message);
    assert.equal(error.code, 7);
    cni.del({ ...one, ...config }, { prevResult });
    assert.deepEqual(host.state(), before);
  });
}

sandbox("it must be chained", ({ cni }) => {
  assert.match(failure(() => cni.add(one)).message, /must be called as chained plugin$/);
  assert.match(failure(() => cni.check(one)).message, /Required prevResult missing$/);
});

sandbox("keys in other letter case, and protocols too", ({ host, cni }) => {
  const protocol = differs("Go gives it to iptables as it is", { go: "tcp", ours: "TCP" });
  const RuntimeConfig = { PortMappings: [{ HostPort: 8080, containerport: 80, protocol }] };
  cni.add({ type: "portmap", cniVersion, RuntimeConfig }, { prevResult });
  const place = differs("Go has a rule", { go: /10\.1\.2\.2:80/, ours: /10\.1\.2\.2 \. 80/ });
  assert.match(host.sh("nft list ruleset"), place);
});

/** Where the ports of IPv4 lead, as `nft` lists them. */
function portsOf(host: Host): string[] {
  return elementsOf(host, "ip").filter((each) => each.startsWith("ports: "));
}

onlyOurs("addresses: the interface's own, the first of each family", "rules", ({ host, cni }) => {
  const ips = [
    { interface: 0, address: "10.9.9.9/24" },
    { interface: 2, address: "10.8.8.8/24" },
    { interface: 7, address: "10.7.7.7/24" },
    { interface: 1, address: "10.1.2.2/24" },
  ];
  const interfaces = [...prevResult.interfaces, { name: "eth1", sandbox: "/run/netns/c1" }];
  const add = (list: object[]) => {
    cni.add(one, { prevResult: { ...prevResult, interfaces, ips: list } });
    return portsOf(host);
  };
  const to = (ip: string) => [`ports: tcp . 8080 : ${ip} . 80`];
  assert.deepEqual(add(ips), to("10.7.7.7"), "an index out of range");
  assert.deepEqual(add(ips.filter((ip) => ip.interface !== 7)), to("10.1.2.2"));
  assert.deepEqual(add([{ address: "10.5.5.5/24" }]), to("10.5.5.5"));
});

const mixed = [
  mapping(8080, 80),
  mapping(8053, 53, "udp"),
  mapping(9000, 9001, "sctp"),
  mapping(8081, 81, "tcp", "192.168.0.2"),
  mapping(8082, 82, "tcp", "2001:db8:a::1"),
];
const id = "8e48f37d5de60467-f4d01f2ef4b92245"; // of net1, and of eth0:c1
const owner = `comment "${id}, net: net1, if: eth0, id: c1"`;

type Host = { sh(commands: string): string };

function listed(host: Host, family: string, table = "cnibox_portmap"): string {
  return host.sh(`nft list table ${family} ${table}`).replace(/\s+/g, " ").trim();
}

/** What the maps and sets hold, as `NAME: ELEMENT`, without their comments, and without `owners`. */
function elementsOf(host: Host, family: string): string[] {
  const sets = listed(host, family).matchAll(
    /(?:map|set) (\w+) \{[^}]*? elements = \{ (.*?) \} \}/g,
  );
  return [...sets]
    .filter(([, name]) => name !== "owners")
    .flatMap(([, name, list = ""]) => {
      const whole = list.replaceAll(` ${owner}`, "");
      assert.doesNotMatch(whole, /comment/, "all have the owner");
      return whole.split(", ").map((element) => `${name}: ${element}`);
    })
    .sort();
}

onlyOurs("the rules: maps that are the same for all, and what they hold", "rules", (box) => {
  const { host, cni } = box;
  const config = { ...portmap(mixed), cniVersion };
  cni.add(config, { prevResult });
  assert.deepEqual(elementsOf(host, "ip"), [
    "addressed: 192.168.0.2 . tcp . 8081 : 10.1.2.2 . 81",
    "containers: 10.1.2.2",
    "ports: sctp . 9000 : 10.1.2.2 . 9001",
    "ports: tcp . 8080 : 10.1.2.2 . 80",
    "ports: udp . 8053 : 10.1.2.2 . 53",
    "siblings24: 10.1.2.0 . 10.1.2.2",
  ]);
  assert.deepEqual(elementsOf(host, "ip6"), [
    "addressed: 2001:db8:a::1 . tcp . 8082 : 2001:db8:42::2 . 82",
    "ports: sctp . 9000 : 2001:db8:42::2 . 9001",
    "ports: tcp . 8080 : 2001:db8:42::2 . 80",
    "ports: udp . 8053 : 2001:db8:42::2 . 53",
    "siblings64: 2001:db8:42:: . 2001:db8:42::2",
  ]);
  const rulesIn = (family: string, name: string) => {
    const hook = new RegExp(`chain ${name} \\{ type \\w+ hook [^;]*; policy \\w+; (.*?) \\}`);
    return hook.exec(listed(host, family))?.[1];
  };
  const service = "meta l4proto . th dport";
  for (const name of ["prerouting", "output"]) {
    for (const family of ["ip", "ip6"]) {
      const first = `${family === "ip" ? "" : "ip6 daddr ::1 return "}fib daddr type != local return`;
      const own = `${first} dnat ${family} to ${service} map @ports`;
      assert.equal(rulesIn(family, name), own);
      const addressed = `${first} dnat ${family} to ${family} daddr . ${service} map @addressed`;
      assert.equal(rulesIn(family, `${name}_addressed`), addressed);
    }
  }
  assert.equal(
    rulesIn("ip", "postrouting"),
    "ct status ! dnat return ip saddr 127.0.0.0/8 ip daddr @containers masquerade " +
      "ip saddr & 255.255.255.0 . ip daddr @siblings24 masquerade",
  );
  assert.equal(
    rulesIn("ip6", "postrouting"),
    "ct status ! dnat return " +
      "ip6 saddr & ffff:ffff:ffff:ffff:: . ip6 daddr @siblings64 masquerade",
  );

  const before = ["ip", "ip6"].map((family) => listed(host, family));
  cni.add(config, { prevResult });
  assert.deepEqual(
    ["ip", "ip6"].map((f) => sorted(listed(host, f))),
    before.map(sorted),
    "ADD again",
  );
  // An operator may keep the rules in a file.
  host.sh("nft list ruleset >/run/rules; nft flush ruleset; nft -f /run/rules");
  cni.check(config, { prevResult });

  const fewer = { ...portmap([mapping(8080, 80)]), cniVersion };
  cni.add(fewer, { prevResult });
  assert.deepEqual(portsOf(host), ["ports: tcp . 8080 : 10.1.2.2 . 80"]);
  assert.doesNotMatch(listed(host, "ip"), /8053|9000|8081/, "what it had before is gone");
});

onlyOurs("the first of two mappings of one port counts", "as the rules stand", ({ host, cni }) => {
  cni.add({ ...portmap([mapping(8080, 80), mapping(8080, 81)]), cniVersion }, { prevResult });
  assert.match(listed(host, "ip"), /tcp \. 8080 .*? : 10\.1\.2\.2 \. 80 /);
});

onlyOurs("subnets of any length", "rules", ({ host, cni }) => {
  const expected = {
    "10.1.2.2/24": "siblings24: 10.1.2.0 . 10.1.2.2",
    "10.1.2.2/32": "siblings32: 10.1.2.2 . 10.1.2.2",
    "10.1.2.2/31": "siblings31: 10.1.2.2 . 10.1.2.2",
    "10.1.2.2/19": "siblings19: 10.1.0.0 . 10.1.2.2",
    "10.1.2.2/0": "siblings0: 0.0.0.0 . 10.1.2.2",
    "2001:db8:42:7::2/60": "siblings60: 2001:db8:42:: . 2001:db8:42:7::2",
    "2001:db8:42:7::2/128": "siblings128: 2001:db8:42:7::2 . 2001:db8:42:7::2",
  };
  for (const [address, element] of Object.entries(expected)) {
    const config = { ...portmap([mapping(8080, 80)]), cniVersion };
    const attached = cni.attach(config, {
      prevResult: { ...prevResult, ips: [{ interface: 1, address }] },
    });
    const family = address.includes(":") ? "ip6" : "ip";
    const siblings = elementsOf(host, family).filter((each) => each.startsWith("siblings"));
    assert.deepEqual(siblings, [element], address);
    attached.check();
    attached.del();
    assert.doesNotMatch(host.sh("nft list ruleset"), /portmap/);
  }
});

/** Elements of a map come in any order. */
function sorted(text: string): string {
  return text.replace(/elements = \{ (.*?) \}/g, (_, list: string) =>
    list.split(", ").sort().join(),
  );
}

// ── conditions ────────────────────────────────────────────────────────────────────────────────

onlyOurs("conditions hold for one container, not for all", "for all", async (box) => {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  const other = box.addNamespace("c2");
  const notFromOutside = { conditionsV4: ["ip", "saddr", "!=", "192.0.2.2"] };
  attach(box, portmap([mapping(8080, 80)], notFromOutside));
  attach(box, portmap([mapping(8081, 80)]), { container: other, containerId: "c2" });
  await serve(container, "one", "tcp/80");
  await serve(other, "two", "tcp/80");
  assert.equal(ask(outside, "tcp", hostAddress[4], 8080), undefined);
  assert.match(ask(outside, "tcp", hostAddress[6], 8080) ?? "", /^one /);
  assert.match(ask(host, "tcp", hostAddress[4], 8080) ?? "", /^one /);
  assert.match(ask(outside, "tcp", hostAddress[4], 8081) ?? "", /^two /);
});

onlyOurs("who fails the conditions of one gets what all get", "for all", async (box) => {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  const other = box.addNamespace("c2");
  const fromOutside = { conditionsV4: ['iifname "out0"'] };
  attach(box, portmap([mapping(8080, 80)], fromOutside));
  attach(box, portmap([mapping(8080, 80)]), { container: other, containerId: "c2" });
  await serve(container, "one", "tcp/80");
  await serve(other, "two", "tcp/80");
  assert.match(ask(outside, "tcp", hostAddress[4], 8080) ?? "", /^one /);
  assert.match(ask(host, "tcp", hostAddress[4], 8080) ?? "", /^two /);
});

onlyOurs("conditions come and go with another ADD", "for all", ({ host, cni }) => {
  const conditional = { ...one, conditionsV4: ["ip saddr 10.0.0.0/8"] };
  for (const config of [one, conditional, one, conditional]) {
    cni.add(config, { prevResult });
    cni.check(config, { prevResult });
    const other = config === one ? conditional : one;
    assert.throws(() => cni.check(other, { prevResult }), /Port mappings are damaged/);
  }
  assert.deepEqual(elementsOf(host, "ip"), [
    "containers: 10.1.2.2",
    "siblings24: 10.1.2.0 . 10.1.2.2",
  ]);
  const guarded = listed(host, "ip", "cnibox_portmap_guarded");
  assert.ok(guarded.includes(`tcp . 8080 : jump guarded-${id}`), guarded);
  cni.add({ ...conditional, snat: false }, { prevResult });
  assert.doesNotMatch(host.sh("nft list tables ip"), /portmap$/m, "nothing of it is left");
  cni.check({ ...conditional, snat: false }, { prevResult });
  cni.del(conditional);
  assert.doesNotMatch(host.sh("nft list ruleset"), /portmap/);
});

onlyOurs("iptables' conditions hold natively", "for all", async (box) => {
  const outside = box.addOutside();
  const conditionsV4 = ["!", "-s", "192.0.2.2", "-i", "out+"];
  attach(box, portmap([mapping(8080, 80)], { conditionsV4 }));
  await serve(box.container, "one", "tcp/80");
  assert.equal(ask(outside, "tcp", hostAddress[4], 8080), undefined);
  outside.sh(
    "ip addr add 192.0.2.3/24 dev eth0; ip route replace 192.0.2.0/24 dev eth0 src 192.0.2.3",
  );
  assert.equal(ask(outside, "tcp", hostAddress[4], 8080), "one 192.0.2.3");
  assert.equal(ask(box.host, "tcp", hostAddress[4], 8080), undefined, "by no interface");
  assert.doesNotMatch(box.host.sh("nft list ruleset"), /CNI-/);
});

const other = "Go 1.1.1 takes what iptables takes";

onlyOurs(
  "conditions that are not understood are refused with their key",
  other,
  ({ host, cni }) => {
    const cases: [object, RegExp][] = [
      [
        { conditionsV4: ["ct", "state", "new"] },
        /^Cannot translate conditionsV4 \["ct",.*"ct" is not known$/,
      ],
      [
        { conditionsV6: ["ip6 saddr"] },
        /conditionsV6 \["ip6 saddr"\].*the end is in the place of a value$/,
      ],
      [{ conditionsV4: ["ip6", "saddr", "::1"] }, /"ip6" is of the other family$/],
      [{ backend: "nftables", conditionsV4: ["tcp dport 99999"] }, /"99999" is no port number$/],
    ];
    const prefix = withoutPrograms(host);
    const before = host.state();
    for (const [more, message] of cases) {
      const error = failure(() => cni.add({ ...one, ...more }, { prevResult }));
      assert.match(error.message, message);
      assert.equal(error.code, 2);
    }
    const needsIptables = { ...one, conditionsV4: ["-m", "string", "--string", "x"] };
    const error = failure(() => cni.add(needsIptables, { prevResult, prefix }));
    assert.match(error.message, /"-m string" is not known$/);
    assert.deepEqual(host.state(), before);
  },
);

onlyOurs("conditions for iptables' extensions are left to it", other, ({ host, cni }) => {
  const conditionsV4 = ["-m", "statistic", "--mode", "random", "--probability", "0.5"];
  const config = { ...one, conditionsV4 };
  cni.add(config, { prevResult });
  const own = () => host.state().iptables.filter((rule) => /CNI-DN-/.test(rule));
  assert.ok(own().some((rule) => /statistic --mode random.*-j CNI-DN-/.test(rule)));
  cni.del(config, { prevResult });
  assert.deepEqual(own(), []);
});
