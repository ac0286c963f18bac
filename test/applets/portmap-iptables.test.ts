/** portmap with the program iptables: the rules that operators and other programs know. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { go, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { ask, serve } from "../harness/servers.ts";
import { orSkip } from "../net/support.ts";
import {
  attach,
  hostAddress,
  mapping,
  network,
  portmap,
  withoutPrograms,
} from "./portmap-support.ts";

const cniVersion = "1.0.0";
const backend = "iptables";
const chain = "CNI-DN-c2d892b58e87e28a12fe6"; // SHA-512 of "net1c1"
const comment = String.raw`-m comment --comment "dnat name: \"net1\" id: \"c1\""`;
const mapped = [
  mapping(8080, 80),
  mapping(8081, 80),
  mapping(8053, 53, "udp"),
  mapping(8083, 83, "tcp", "192.168.0.2"),
  mapping(8084, 84, "tcp", "0.0.0.0"),
  mapping(8085, 85, "tcp", "2001:db8:a::1"),
];
const prevResult = {
  cniVersion,
  interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
  ips: [
    { interface: 0, address: "10.1.2.2/24" },
    { interface: 0, address: "2001:db8:42::2/64" },
  ],
};

function lists({ host }: Sandbox, program = "iptables", of = /./): string[] {
  return host
    .sh(`${program}-save -t nat`)
    .split("\n")
    .filter((line) => line.startsWith("-A") && of.test(line));
}

sandbox("the rules, of both families", (box) => {
  const config = { ...portmap(mapped, { backend, markMasqBit: 5 }), cniVersion };
  const attached = box.cni.attach(config, { prevResult });
  const entries = [
    `-A CNI-HOSTPORT-DNAT -p tcp ${comment} -m multiport --dports 8080,8081,8083,8084,8085 -j ${chain}`,
    `-A CNI-HOSTPORT-DNAT -p udp ${comment} -m multiport --dports 8053 -j ${chain}`,
  ];
  const shared = (own: string[]) => [
    "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
    "-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
    '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
    ...own,
    ...entries,
    "-A CNI-HOSTPORT-MASQ -m mark --mark 0x20/0x20 -j MASQUERADE",
    '-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x20/0x20',
  ];
  const own = (match: string, port: number, sources: string[], to: string) => [
    ...sources.map((s) => `-A ${chain} -s ${s} ${match} --dport ${port} -j CNI-HOSTPORT-SETMARK`),
    `-A ${chain} ${match} --dport ${port} -j DNAT --to-destination ${to}`,
  ];
  const tcp = "-p tcp -m tcp";
  const udp = "-p udp -m udp";
  const sources = ["10.1.2.0/24", "127.0.0.1/32"];
  const toIp = "-d 192.168.0.2/32 -p tcp -m tcp";
  const v4 = [
    ...own(tcp, 8080, sources, "10.1.2.2:80"),
    ...own(tcp, 8081, sources, "10.1.2.2:80"),
    ...own(udp, 8053, sources, "10.1.2.2:53"),
    ...own(toIp, 8083, sources, "10.1.2.2:83"),
    ...own(tcp, 8084, sources, "10.1.2.2:84"),
  ];
  assert.deepEqual(lists(box).sort(), shared(v4).sort());
  const from6 = ["2001:db8:42::/64"];
  const v6 = [
    ...own(tcp, 8080, from6, "[2001:db8:42::2]:80"),
    ...own(tcp, 8081, from6, "[2001:db8:42::2]:80"),
    ...own(udp, 8053, from6, "[2001:db8:42::2]:53"),
    ...own("-d 2001:db8:a::1/128 -p tcp -m tcp", 8085, from6, "[2001:db8:42::2]:85"),
  ];
  assert.deepEqual(lists(box, "ip6tables").sort(), shared(v6).sort());
  const inOrder = lists(box).filter((line) => line.startsWith(`-A ${chain}`));
  assert.deepEqual(inOrder, v4, "the marks before the redirection");

  if (!go) attached.check(); // Go 1.1.1 looks for the rules of IPv4 among those of IPv6
  const before = box.host.state();
  box.cni.add(config, { prevResult });
  assert.deepEqual(box.host.state(), before, "ADD again changes nothing");
  attached.del();
  assert.deepEqual(lists(box, "iptables", /CNI-DN-/), []);
  assert.deepEqual(lists(box, "ip6tables", /CNI-DN-/), []);
  assert.doesNotMatch(box.host.sh("iptables-save"), /^:CNI-DN-/m);
});

sandbox("externalSetMarkChain, conditions, more ports than multiport takes", (box) => {
  box.host.sh("iptables -t nat -N KUBE-MARK-MASQ; ip6tables -t nat -N KUBE-MARK-MASQ");
  const ports = Array.from({ length: 17 }, (_, i) => mapping(9000 + i, 80));
  const config = {
    ...portmap(ports, {
      externalSetMarkChain: "KUBE-MARK-MASQ",
      conditionsV4: ["!", "-d", "192.0.2.0/24"],
      conditionsV6: ["!", "-d", "2001:db8:1::/64"],
    }),
    cniVersion,
  };
  const attached = box.cni.attach(config, { prevResult });
  const text = lists(box).join("\n");
  assert.doesNotMatch(text, /CNI-HOSTPORT-(SETMARK|MASQ)/);
  assert.match(text, /-s 10.1.2.0\/24 .*--dport 9016 -j KUBE-MARK-MASQ/);
  const first = Array.from({ length: 15 }, (_, i) => 9000 + i).join();
  const entries = lists(box, "iptables", /^-A CNI-HOSTPORT-DNAT/);
  const entry = (list: string) =>
    `-A CNI-HOSTPORT-DNAT ! -d 192.0.2.0/24 -p tcp ${comment} -m multiport --dports ${list} -j ${chain}`;
  assert.deepEqual(entries, [entry(first), entry("9015,9016")]);
  assert.match(lists(box, "ip6tables").join("\n"), /! -d 2001:db8:1::\/64 -p tcp/);
  if (!go) attached.check();
  attached.del();
  assert.deepEqual(lists(box, "iptables", /CNI-DN-/), []);
});

onlyOurs("an earlier ADD's ports are gone", "they stay", (box) => {
  const add = (port: number) =>
    box.cni.add({ ...portmap([mapping(port, 80)], { backend }), cniVersion }, { prevResult });
  add(8080);
  add(8081);
  assert.doesNotMatch(lists(box, "iptables", new RegExp(`^-A ${chain}`)).join("\n"), /8080/);
});

onlyOurs("CHECK finds what is missing", "it fails always", (box) => {
  const config = { ...portmap([mapping(8080, 80)], { backend }), cniVersion };
  const attached = box.cni.attach(config, { prevResult });
  attached.check();
  box.host.sh(`iptables -t nat -D ${chain} 1`);
  assert.throws(attached.check, /there is no rule CNI-DN-/);
});

sandbox("packets, beside ipMasq", async (box) => {
  const { container, host, addOutside } = box;
  const outside = addOutside();
  const masqueraded = { ...network, ipMasq: true };
  attach(box, portmap([mapping(8080, 80)], { backend }), { network: masqueraded });
  await serve(container, "one", "tcp/80");
  assert.equal(ask(outside, "tcp", hostAddress[4], 8080), "one 192.0.2.2");
  assert.equal(ask(container, "tcp", hostAddress[4], 8080), "one 10.1.2.1");
  assert.equal(ask(host, "tcp", "127.0.0.1", 8080), "one 10.1.2.1");
  assert.equal(ask(outside, "tcp", hostAddress[6], 8080), "one 2001:db8:ffff::2");
});

onlyOurs("GC removes the chains of containers that are gone", "it has none", (box) => {
  const add = (containerId: string, name: string, port: number) =>
    box.cni.add(
      { ...portmap([mapping(port, 80)], { backend }), name, cniVersion },
      { prevResult, containerId },
    );
  add("c1", "net1", 8081);
  add("c2", "net1", 8082);
  add("c3", "net2", 8083);
  const left = () =>
    ["iptables", "ip6tables"].map((program) =>
      lists(box, program, /DNAT --to/)
        .map((line) => /--dport (\d+)/.exec(line)?.[1])
        .sort(),
    );
  box.cni.gc({ type: "portmap" }, [{ containerID: "c1", ifname: "eth0" }]);
  assert.deepEqual(left(), [
    ["8081", "8083"],
    ["8081", "8083"],
  ]);
  box.cni.gc({ type: "portmap" }, []);
  assert.deepEqual(left(), [["8083"], ["8083"]]);
});

const legacy = "iptables-legacy -t nat";
const hasLegacy = spawnSync("unshare", ["--net", "sh", "-c", `${legacy} -S`]).status === 0;

const noLegacy = hasLegacy
  ? go && "Go differs: it needs the ports"
  : `${legacy} does not work here`;

orSkip(noLegacy || "", "tables of iptables-legacy are cleaned too", (box) => {
  const { host, cni } = box;
  const rule = (id: string, name: string) =>
    `-m comment --comment 'dnat name: "net1" id: "${id}"' -m multiport -p tcp --destination-ports 80 -j ${name}`;
  const gone = `CNI-DN-${host.sh("printf net1gone | sha512sum").slice(0, 21)}`;
  host.sh(`${legacy} -N CNI-HOSTPORT-DNAT; ${legacy} -N ${chain}; ${legacy} -N ${gone}
    ${legacy} -A ${chain} -p tcp --dport 80 -j DNAT --to-destination 10.1.2.2:80
    ${legacy} -A CNI-HOSTPORT-DNAT ${rule("c1", chain)}
    ${legacy} -A CNI-HOSTPORT-DNAT ${rule("gone", gone)}`);
  cni.del({ type: "portmap" });
  assert.doesNotMatch(host.sh(`${legacy} -S`), new RegExp(chain));
  assert.match(host.sh(`${legacy} -S`), new RegExp(gone));
  cni.gc({ type: "portmap" }, []);
  assert.doesNotMatch(host.sh(`${legacy} -S`), /CNI-DN-/);
});

onlyOurs("without the program the error says so", "other words", ({ cni, host }) => {
  const prefix = withoutPrograms(host);
  const before = host.state();
  const config = { ...portmap([mapping(8080, 80)], { backend }), cniVersion };
  assert.throws(
    () => cni.add(config, { prevResult, prefix }),
    /^Error: Cannot map ports: iptables is not in PATH$/,
  );
  assert.deepEqual(host.state(), before);
});
