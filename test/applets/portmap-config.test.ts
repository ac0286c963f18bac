/** portmap: what its config may say, and what becomes of it. */
import assert from "node:assert/strict";
import { CniFailure, differs, onlyOurs, sandbox, versions } from "../harness/sandbox.ts";
import { ask, serve } from "../harness/servers.ts";
import { attach, hostAddress, mapping, network, portmap } from "./portmap-support.ts";

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
  assert.match(host.sh("nft list ruleset"), /10\.1\.2\.2:80/);
});

/** Where the mappings of IPv4 lead, as `nft` lists them. */
function rulesOf(host: { sh(commands: string): string }, family = "ip"): string[] {
  const text = host.sh(`nft list table ${family} cnibox_portmap`);
  const rules = [...text.matchAll(/^\t\t(.* dnat to .*?) comment/gm)];
  return rules.map(([, rule = ""]) => rule);
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
    return rulesOf(host);
  };
  assert.deepEqual(add(ips), ["tcp dport 8080 dnat to 10.7.7.7:80"], "an index out of range");
  assert.deepEqual(add(ips.filter((ip) => ip.interface !== 7)), [
    "tcp dport 8080 dnat to 10.1.2.2:80",
  ]);
  assert.deepEqual(add([{ address: "10.5.5.5/24" }]), ["tcp dport 8080 dnat to 10.5.5.5:80"]);
});

onlyOurs("the rules: one chain for each container, led to by maps", "rules", ({ host, cni }) => {
  const mappings = [
    mapping(8080, 80),
    mapping(8053, 53, "udp"),
    mapping(9000, 9001, "sctp"),
    mapping(8081, 81, "tcp", "192.168.0.2"),
    mapping(8082, 82, "tcp", "2001:db8:a::1"),
  ];
  const config = { ...portmap(mappings), cniVersion };
  cni.add(config, { prevResult });
  const listed = (family: string) =>
    host.sh(`nft list table ${family} cnibox_portmap`).replace(/\s+/g, " ").trim();
  const id = "8e48f37d5de60467-f4d01f2ef4b92245"; // of net1, and of eth0:c1
  const comment = `comment "${id}, net: net1, if: eth0, id: c1"`;
  const tables = [listed("ip"), listed("ip6")];
  for (const [i, family] of (["ip", "ip6"] as const).entries()) {
    const text = tables[i] ?? "";
    const elements = [...text.matchAll(/[\w.:]+(?: \. \w+)* : jump \w+-/g)].map(String).sort();
    const address = { ip: "10.1.2.2", ip6: "2001:db8:42::2" }[family];
    const own = {
      ip: "192.168.0.2 . tcp . 8081 : jump dnat-",
      ip6: "2001:db8:a::1 . tcp . 8082 : jump dnat-",
    }[family];
    const shared = ["tcp . 8080", "udp . 8053", "sctp . 9000"].map((key) => `${key} : jump dnat-`);
    assert.deepEqual(elements, [...shared, own, `${address} : jump snat-`].sort());
  }
  const [ip = "", ip6 = ""] = tables;
  assert.ok(
    ip.includes("fib daddr type != local return ip daddr . meta l4proto . th dport vmap"),
    ip,
  );
  assert.ok(ip6.includes("ip6 daddr ::1 return fib daddr type != local return ip6 daddr ."), ip6);
  const rules = {
    ip: [
      `ip daddr 192.168.0.2 tcp dport 8081 dnat to 10.1.2.2:81 ${comment}`,
      `tcp dport 8080 dnat to 10.1.2.2:80 ${comment}`,
      `udp dport 8053 dnat to 10.1.2.2:53 ${comment}`,
      `sctp dport 9000 dnat to 10.1.2.2:9001 ${comment}`,
    ],
    snat: [
      `ip saddr 10.1.2.0/24 ip daddr 10.1.2.2 masquerade ${comment}`,
      `ip saddr 127.0.0.0/8 ip daddr 10.1.2.2 masquerade ${comment}`,
    ],
  };
  assert.ok(ip.includes(`chain dnat-${id} { ${rules.ip.join(" ")} }`), ip);
  assert.ok(ip.includes(`chain snat-${id} { ${rules.snat.join(" ")} }`), ip);

  cni.add(config, { prevResult });
  assert.deepEqual([listed("ip"), listed("ip6")].map(sorted), tables.map(sorted), "ADD again");
  const fewer = { ...portmap([mapping(8080, 80)]), cniVersion };
  cni.add(fewer, { prevResult });
  assert.deepEqual(rulesOf(host), ["tcp dport 8080 dnat to 10.1.2.2:80"]);
  assert.doesNotMatch(listed("ip"), /8053|9000|8081/, "what it had before is gone");
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
    const before = host.state();
    for (const [more, message] of cases) {
      const error = failure(() => cni.add({ ...one, ...more }, { prevResult }));
      assert.match(error.message, message);
      assert.equal(error.code, 2);
    }
    const needsIptables = { ...one, conditionsV4: ["-m", "string", "--string", "x"] };
    const prefix = ["env", "PATH=/nowhere"];
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
