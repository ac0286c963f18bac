/** firewall: packets, on each kind of host. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { go, type Namespace, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { ask, serve } from "../harness/servers.ts";
import { orSkip } from "../net/support.ts";
import {
  addOutside,
  attach,
  cniVersion,
  dropForwarded,
  firewall,
  lists,
  network,
  outsideAddress,
} from "./firewall-support.ts";

const programs = ["iptables", "ip6tables"];

/** Whether the container gets answers from outside, and whether its own port is closed to there. */
async function expectConnected({ container, host }: Sandbox, outside: Namespace) {
  await serve(outside, "outside", "tcp/80", "udp/53");
  for (const family of [4, 6] as const) {
    const address = outsideAddress[family];
    assert(container.reaches(address), `ping to ${address}`);
    assert.match(ask(container, "tcp", address, 80) ?? "", /^outside /);
    assert.match(ask(container, "udp", address, 53) ?? "", /^outside /);
  }
  assert.equal(host.sysctl("net/ipv4/ip_forward"), "1");
}

sandbox("a host that drops nothing", async (box) => {
  const outside = addOutside(box);
  attach(box, firewall());
  await expectConnected(box, outside);
});

sandbox("a host with docker, and iptables-nft", async (box) => {
  const { host, container } = box;
  const outside = addOutside(box);
  dropForwarded(host);
  const prevResult = box.cni.add({ ...network, cniVersion: firewall().cniVersion });
  assert(container.silent(outsideAddress[4]), "nothing gets through before");
  assert(container.silent(outsideAddress[6]), "nothing gets through before");
  const attached = box.cni.attach(firewall(), { prevResult });
  await expectConnected(box, outside);
  attached.check();
  await serve(container, "one", "tcp/80");
  assert.equal(ask(outside, "tcp", "10.1.2.2", 80), undefined, "who begins from outside");
  attached.del();
  assert(container.silent(outsideAddress[4]), "nor after");
  assert(container.silent(outsideAddress[6]), "nor after");
});

sandbox("the rules are there as iptables itself writes them", ({ host, cni, container }) => {
  dropForwarded(host);
  const prevResult = {
    cniVersion: firewall().cniVersion,
    interfaces: [{ name: "br0" }, { name: "v1" }, { name: "eth0", sandbox: container.netns }],
    ips: [{ address: "10.1.2.2/24" }, { address: "2001:db8:42::2/64" }],
  };
  const attached = cni.attach(firewall({ iptablesAdminChainName: "MINE" }), { prevResult });
  const noDns = { dns: {} }; // which Go 1.1.1 prints
  assert.deepEqual({ ...attached.result, ...noDns }, { ...prevResult, ...noDns });
  const there = programs.map((program) => lists(host, program, /CNI|MINE/));
  const expected = (ip: string) => [
    "-N CNI-FORWARD",
    "-N MINE",
    '-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD',
    '-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j MINE',
    `-A CNI-FORWARD -d ${ip} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A CNI-FORWARD -s ${ip} -j ACCEPT`,
  ];
  assert.deepEqual(there[0], expected("10.1.2.2/32"));
  assert.deepEqual(there[1], expected("2001:db8:42::2/128"));
  const first = programs.map((program) => lists(host, program, /^-A FORWARD/)[0]);
  assert.deepEqual(first, [expected("")[2], expected("")[2]], "before all others");

  // Byte for byte: a table that iptables itself fills shows the same, in the words of the kernel.
  const ours = programs.map((_, i) =>
    host.sh(`nft --debug=netlink list table ip${i ? 6 : ""} filter`),
  );
  attached.del();
  for (const [i, program] of programs.entries()) {
    assert.deepEqual(lists(host, program, /10\.1\.2\.2|42::2/), []);
    const ip = i === 0 ? "10.1.2.2" : "2001:db8:42::2";
    host.sh(`${program} -A CNI-FORWARD -d ${ip} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      ${program} -A CNI-FORWARD -s ${ip} -j ACCEPT`);
    const theirs = host.sh(`nft --debug=netlink list table ip${i ? 6 : ""} filter`);
    const plain = (text = "") => text.replace(/ \d+( \d+)?$/gm, "");
    assert.equal(plain(ours[i]), plain(theirs));
  }
});

const legacy = spawnSync("unshare", ["--net", "iptables-legacy", "-S"]).status === 0;

orSkip(legacy ? "" : "no iptables-legacy here", "a host with iptables-legacy", (box) => {
  const { host, cni, container } = box;
  addOutside(box);
  dropForwarded(host, "-legacy");
  const prevResult = cni.add({ ...network, cniVersion });
  if (!go) {
    const done = cni.invoke("ADD", firewall(), { prevResult });
    assert.equal(done.status, 0);
    assert.match(done.stderr, /rules of iptables-legacy, .* "backend": "iptables" is needed$/m);
    assert(container.silent(outsideAddress[4]), "which is so");
  }
  // What is needed, where the program of that name is the old one.
  host.sh(`mkdir /run/bin
    for program in iptables ip6tables; do
      ln -s $(command -v $program-legacy) /run/bin/$program
    done`);
  const env = { PATH: `/run/bin:${process.env.PATH}` };
  const attached = cni.attach(firewall({ backend: "iptables" }), { prevResult, env });
  for (const family of [4, 6] as const) assert(container.reaches(outsideAddress[family]));
  attached.check();
  attached.del();
  assert.doesNotMatch(host.sh("iptables-legacy -S; ip6tables-legacy -S"), /10\.1\.2|db8:42/);
  assert(container.silent(outsideAddress[4]), "after");
});

sandbox("rules of the operator's own come first", (box) => {
  const { host, container } = box;
  addOutside(box);
  dropForwarded(host);
  attach(box, firewall());
  assert(container.reaches(outsideAddress[4]));
  host.sh(`iptables -A CNI-ADMIN -d ${outsideAddress[4]} -j DROP`);
  assert(container.silent(outsideAddress[4]));
  assert(container.reaches(outsideAddress[6]));
});

onlyOurs("and without iptables there is a chain for them", "it needs iptables", (box) => {
  const { host, container } = box;
  addOutside(box);
  const config = firewall({ iptablesAdminChainName: "MINE" });
  const attached = attach(box, config);
  assert(container.reaches(outsideAddress[4]));
  host.sh(`nft add rule ip cnibox_firewall MINE ip daddr ${outsideAddress[4]} drop`);
  assert(container.silent(outsideAddress[4]));
  box.cni.add(config, { prevResult: attached.result });
  attached.check();
  assert(container.silent(outsideAddress[4]), "the rule is still there");
  attached.del();
  assert.match(host.sh("nft list table ip cnibox_firewall"), /MINE {[^}]* drop/, "and stays");
  assert.doesNotMatch(host.sh("nft list tables"), /ip6 cnibox_firewall/);
  host.sh("nft flush chain ip cnibox_firewall MINE");
  attach(box, config, { containerId: "c2", ifName: "eth1" }).del();
  assert.doesNotMatch(host.sh("nft list tables"), /cnibox/, "nothing is left to keep");
});
