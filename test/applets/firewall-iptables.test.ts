/** firewall by the program iptables: the rules of the reference's newest release, and what is better. */
import assert from "node:assert/strict";
import { onlyOurs, sandbox } from "../harness/sandbox.ts";
import { cniVersion, firewall, lists, network } from "./firewall-support.ts";
import { withoutPrograms } from "./portmap-support.ts";

const prevResult = {
  cniVersion,
  interfaces: [{ name: "br0" }, { name: "v1" }, { name: "eth0", sandbox: "/run/netns/c1" }],
  ips: [{ address: "10.1.2.2/24" }],
};
const backend = "iptables";

onlyOurs("isolated", "Go 1.1.1 does not know it", ({ host, cni }) => {
  const config = firewall({ backend, ingressPolicy: "isolated" });
  const attached = cni.attach(config, { prevResult });
  const by = (policy: string) => `--comment "CNI firewall plugin rules (ingressPolicy: ${policy})"`;
  const both = `-m comment ${by("same-bridge|isolated")}`;
  const isolated = `-m comment ${by("isolated")}`;
  assert.deepEqual(lists(host, "iptables", /^-A/), [
    `-A FORWARD ${both} -j CNI-ISOLATION-STAGE-1`,
    '-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD',
    '-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN',
    "-A CNI-FORWARD -d 10.1.2.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A CNI-FORWARD -s 10.1.2.2/32 -j ACCEPT",
    `-A CNI-ISOLATION-STAGE-1 -i br0 -o br0 ${isolated} -j DROP`,
    `-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 ${isolated} -j CNI-ISOLATION-STAGE-2`,
    `-A CNI-ISOLATION-STAGE-1 ${both} -j RETURN`,
    `-A CNI-ISOLATION-STAGE-2 -o br0 ${both} -j DROP`,
    `-A CNI-ISOLATION-STAGE-2 ${both} -j RETURN`,
  ]);
  assert.deepEqual(lists(host, "ip6tables", /CNI/), [], "no address of IPv6");
  attached.check();
  const once = host.state();
  cni.add(config, { prevResult });
  assert.deepEqual(host.state(), once, "ADD again changes nothing");

  // What somebody put in the wrong order is put right.
  host.sh("iptables -D FORWARD 2; iptables -I FORWARD -j CNI-FORWARD");
  assert.throws(attached.check, /damaged/);
  cni.add(config, { prevResult });
  attached.check();
  assert.match(lists(host, "iptables", /^-A FORWARD/)[0] ?? "", /STAGE-1$/);

  cni.add(firewall({ backend, ingressPolicy: "same-bridge" }), { prevResult });
  assert.doesNotMatch(lists(host).join("\n"), /-i br0 -o br0/, "another policy");
  attached.del();
  assert.deepEqual(lists(host, "iptables", /10\.1\.2/), []);
});

onlyOurs("isolated does not depend on br_netfilter", "it does", ({ host, cni, addNamespace }) => {
  host.sh("echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables");
  const isolated = firewall({ backend, ingressPolicy: "isolated" });
  const [a, b] = ["a", "b"].map((containerId) => {
    const container = addNamespace(containerId);
    const result = cni.add(network, { container, containerId });
    cni.add(isolated, { container, containerId, prevResult: result });
    return container;
  });
  assert(a?.silent("10.1.2.3") && b?.silent("10.1.2.2"));
  assert(a?.reaches("10.1.2.1"));
});

onlyOurs("ip6tables is only needed for IPv6, and the error says so", "always", (box) => {
  const { host, cni } = box;
  const prefix = withoutPrograms(host);
  host.sh("ln -s $(command -v iptables) /run/bin/iptables");
  const config = firewall({ backend });
  cni.add(config, { prevResult, prefix });
  cni.del(config, { prefix });
  const before = host.state();
  const dual = { ...prevResult, ips: [...prevResult.ips, { address: "2001:db8:42::2/64" }] };
  assert.throws(
    () => cni.add(config, { prevResult: dual, prefix }),
    /^Error: Cannot set up the firewall: ip6tables is not in PATH$/,
  );
  const rulesOf = (state: typeof before) => JSON.stringify(state).match(/10\.1\.2\.2|42::2/g);
  assert.equal(rulesOf(host.state()), null);
  host.sh("rm /run/bin/iptables");
  assert.throws(() => cni.status(config, { prefix }), /iptables is not in PATH/);
});

onlyOurs("by default no program is run", "it needs iptables", ({ host, cni }) => {
  const prefix = withoutPrograms(host);
  host.sh("iptables -P FORWARD DROP");
  const config = firewall({ ingressPolicy: "isolated" });
  const attached = cni.attach(config, { prevResult, prefix });
  attached.check();
  cni.status(config, { prefix: withoutPrograms(host) });
  cni.gc(config, [], { prefix });
  attached.del();
});

sandbox("ADD needs a result, CHECK too, DEL does not", ({ cni }) => {
  assert.throws(() => cni.add(firewall()), /missing prevResult from earlier plugin/);
  assert.throws(() => cni.check(firewall()), /[Rr]equired prevResult missing|missing prevResult/);
  cni.del(firewall());
});

onlyOurs("what there is not is refused before anything is touched", "it is not", (box) => {
  const { host, cni } = box;
  const before = host.state();
  for (const [more, why] of [
    [{ backend: "nftable" }, /"backend": "nftable" is none of nftables, iptables, firewalld$/],
    [{ ingressPolicy: "closed" }, /"closed" is none of open, same-bridge, isolated$/],
  ] as const) {
    assert.throws(
      () => cni.add(firewall(more), { prevResult }),
      (error: Error & { code: number }) => error.code === 7 && why.test(error.message),
    );
  }
  assert.deepEqual(host.state(), before);
  const empty = { backend: "", iptablesAdminChainName: "", firewalldZone: "", ingressPolicy: "" };
  const attached = cni.attach(firewall(empty), { prevResult });
  assert.match(host.sh("nft list ruleset"), /chain CNI-ADMIN/);
  attached.del();
});

onlyOurs("the result passes through in the config's version", "Go 1.1.1 has no 1.1.0", (box) => {
  for (const version of ["0.4.0", "1.0.0", "1.1.0"]) {
    const old = version === "0.4.0";
    const result = {
      cniVersion: version,
      interfaces: [
        { name: "br0", mac: "02:00:00:00:00:01" },
        { name: "eth0", sandbox: "/x" },
      ],
      ips: [
        { ...(old && { version: "4" }), interface: 1, address: "10.1.2.2/24", gateway: "10.1.2.1" },
        { ...(old && { version: "6" }), interface: 1, address: "2001:db8::2/64" },
      ],
      routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }],
      dns: { nameservers: ["10.1.2.1"] },
    };
    const config = { ...firewall(), cniVersion: version };
    assert.deepEqual(box.cni.add(config, { prevResult: result }), result);
  }
});
