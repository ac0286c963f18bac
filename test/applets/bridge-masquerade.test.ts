/** bridge: ipMasq. Judged by the packets that a machine beyond the host sees. */
import assert from "node:assert/strict";
import { gatewayBridge } from "../harness/configs.ts";
import { onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { watch } from "../harness/watch.ts";

const subnets = ["10.1.2.0/24", "2001:db8:42::/64"];
const config = { ...gatewayBridge(...subnets), ipMasq: true };

/** The container speaks to the outside, and the outside sees the host's address only. */
function judge({ container, addOutside }: Sandbox) {
  const outside = addOutside();
  const seen = watch(outside);
  const mine = ["ip saddr 10.1.2.0/24", "ip6 saddr 2001:db8:42::/64"];
  const hosts = ["ip saddr 192.0.2.1", "ip6 saddr 2001:db8:ffff::1 icmpv6 type echo-request"];
  for (const match of [...mine, ...hosts]) assert.equal(seen.count(match), 0);
  assert(container.reaches("192.0.2.2"), "IPv4 answers come back");
  assert(container.reaches("2001:db8:ffff::2"), "IPv6 answers come back");
  for (const match of mine) assert.equal(seen.count(match), 0, match);
  for (const match of hosts) assert(seen.count(match) > 0, match);
}

sandbox("ipMasq hides containers from the outside, whatever the backend", (box) => {
  const before = box.stateWithout(config);
  const attached = box.cni.attach(config);
  const outsideless = box.host.state();
  assert.notDeepEqual([outsideless.iptables, outsideless.nft], [before.iptables, before.nft]);
  judge(box);
  box.removeNamespace("outside");
  attached.del();
  attached.del();
  assert.deepEqual(box.host.state(), before);
});

sandbox("ipMasqBackend iptables: the rules that operators know", (box) => {
  const iptables = { ...config, ipMasqBackend: "iptables" };
  const before = box.stateWithout(iptables);
  const attached = box.cni.attach(iptables);
  const chain = "CNI-c2d892b58e87e28a12fe6479"; // SHA-512 of "net1c1"
  const comment = `-m comment --comment "name: \\"net1\\" id: \\"c1\\""`;
  assert.deepEqual(box.host.state().iptables, [
    `-A POSTROUTING -s 10.1.2.3/32 ${comment} -j ${chain}`,
    `-A ${chain} -d 10.1.2.0/24 ${comment} -j ACCEPT`,
    `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
    `-A POSTROUTING -s 2001:db8:42::3/128 ${comment} -j ${chain}`,
    `-A ${chain} -d 2001:db8:42::/64 ${comment} -j ACCEPT`,
    `-A ${chain} ! -d ff00::/8 ${comment} -j MASQUERADE`,
  ]);
  judge(box);
  box.removeNamespace("outside");
  attached.del();
  assert.deepEqual(box.host.state(), before);
});

const nftables = { ...config, ipMasqBackend: "nftables" };

onlyOurs(
  "ipMasqBackend nftables: one commented element for each address",
  "not in Go 1.1.1",
  { needs: ["CONFIG_NF_TABLES_INET"] },
  (box) => {
    const before = box.stateWithout(nftables);
    const attached = box.cni.attach(nftables);
    const owned = box.host
      .nft()
      .flatMap((o) => o.set?.elem ?? [])
      .filter(({ elem }) => /, net: net1, if: eth0, id: c1$/.test(elem.comment));
    assert.deepEqual(
      owned.map(({ elem }) => elem.val.concat),
      [
        ["10.1.2.3", "10.1.2.0"],
        ["2001:db8:42::3", "2001:db8:42::"],
      ],
    );
    judge(box);
    box.removeNamespace("outside");
    attached.del();
    attached.del();
    assert.deepEqual(box.host.state(), before);
  },
);

for (const ipMasqBackend of ["iptables", "nftables"]) {
  const multicast = ({ host, cni, addOutside }: Sandbox) => {
    cni.add({ ...config, ipMasqBackend });
    const seen = watch(addOutside());
    const match = "ip daddr 224.0.0.251 ip saddr 10.1.2.2";
    assert.equal(seen.count(match), 0);
    // A multicast packet with the container's source leaves through postrouting.
    host.sh(`ip netns exec c1 ip link set eth0 down
      ip addr add 10.1.2.2/32 dev out0
      ip route add 224.0.0.0/4 dev out0
      ping -n -q -c 1 -W 0.1 -I 10.1.2.2 224.0.0.251 >/dev/null || true`);
    assert(seen.count(match) > 0, "the source is the container's");
  };
  const neighbour = ({ container, cni, addNamespace }: Sandbox) => {
    const other = addNamespace("c2");
    cni.add({ ...config, ipMasqBackend });
    cni.add({ ...config, ipMasqBackend }, { container: other, containerId: "c2" });
    const seen = watch(other);
    assert.equal(seen.count("ip saddr 10.1.2.2"), 0);
    assert(container.reaches("10.1.2.3"));
    assert(seen.count("ip saddr 10.1.2.2") > 0);
  };
  for (const [name, body] of [
    [`ipMasq by ${ipMasqBackend} leaves multicast alone`, multicast],
    [`ipMasq by ${ipMasqBackend} leaves traffic in the subnet alone`, neighbour],
  ] as const) {
    if (ipMasqBackend === "nftables")
      onlyOurs(name, "not in Go 1.1.1", { needs: ["CONFIG_NF_TABLES_INET"] }, body);
    else sandbox(name, body);
  }
}

sandbox(
  "without ipMasq the outside sees the container's own address",
  ({ container, cni, addOutside }) => {
    cni.add(gatewayBridge(...subnets));
    const seen = watch(addOutside());
    assert.equal(seen.count("ip saddr 10.1.2.2"), 0);
    assert(container.silent("192.0.2.2"));
    assert(seen.count("ip saddr 10.1.2.2") > 0);
  },
);

onlyOurs(
  "an unknown backend is an error and leaves nothing",
  "not in Go 1.1.1",
  ({ container, cni, reserved }) => {
    assert.throws(
      () => cni.add({ ...config, ipMasqBackend: "ebtables" }),
      /unknown ipmasq backend "ebtables"/,
    );
    assert.deepEqual(container.links(), ["lo"]);
    assert.deepEqual(reserved(), []);
  },
);

onlyOurs(
  "DEL removes the rules after the namespace is gone",
  "it leaves them, see containernetworking/plugins issue tracker",
  ({ host, cni, stateWithout, addNamespace, removeNamespace }) => {
    for (const backend of ["iptables", "nftables", undefined]) {
      const chosen = { ...config, ...(backend ? { ipMasqBackend: backend } : {}) };
      const name = `gone-${backend ?? "default"}`;
      const before = stateWithout(chosen);
      const gone = addNamespace(name);
      const attached = cni.attach(chosen, { container: gone, containerId: name });
      removeNamespace(name);
      attached.del();
      assert.deepEqual(host.state(), before, name);
    }
  },
);

onlyOurs(
  "two addresses of one family share a chain, and DEL succeeds",
  "it reports that the chain is in use",
  ({ host, cni, stateWithout }) => {
    const two = {
      ...gatewayBridge("2001:db8:42::/64", "2001:db8:43::/64"),
      ipMasq: true,
      ipMasqBackend: "iptables",
    };
    const before = stateWithout(two);
    cni.attach(two).del();
    assert.deepEqual(host.state(), before);
  },
);

onlyOurs(
  "DEL without prevResult finds the rules of an attachment",
  "only for the addresses of the link, which must exist",
  ({ host, container, cni, stateWithout }) => {
    const before = stateWithout(config);
    cni.add(config);
    container.sh("ip link del eth0");
    cni.del(config);
    assert.deepEqual(host.state(), before);
  },
);
