/** portmap: packets from outside, from the host and from containers, and what is left alone. */
import assert from "node:assert/strict";
import { type Namespace, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { ask, serve } from "../harness/servers.ts";
import { attach, hostAddress, joined, mapping, network, portmap } from "./portmap-support.ts";

const mapped = [mapping(8080, 80), mapping(8053, 53, "udp")];
const ports = { tcp: 8080, udp: 8053 };

sandbox("TCP and UDP, IPv4 and IPv6, from everywhere", async (box) => {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  const sibling = joined(box, "c2");
  attach(box, portmap(mapped));
  await serve(container, "one", "tcp/80", "udp/53");

  for (const protocol of ["tcp", "udp"] as const) {
    const from = (who: Namespace, address: string) => ask(who, protocol, address, ports[protocol]);
    for (const family of [4, 6] as const) {
      const client = { 4: "192.0.2.2", 6: "2001:db8:ffff::2" }[family];
      const gateway = { 4: "10.1.2.1", 6: "2001:db8:42::1" }[family];
      const address = hostAddress[family];
      assert.equal(from(outside, address), `one ${client}`, `${protocol} from outside`);
      assert.match(from(host, address) ?? "", /^one /, `${protocol} from the host to ${address}`);
      for (const target of [address, gateway]) {
        assert.equal(from(container, target), `one ${gateway}`, `${protocol} hairpin to ${target}`);
        assert.equal(from(sibling, target), `one ${gateway}`, `${protocol} sibling to ${target}`);
      }
    }
    assert.equal(from(host, "127.0.0.1"), "one 10.1.2.1", `${protocol} to localhost`);
  }
});

sandbox("the bridge need not hairpin where it does not filter", async (box) => {
  const { host, container } = box;
  host.sh("echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables");
  attach(box, portmap(mapped), { network: { ...network, hairpinMode: false } });
  await serve(container, "one", "tcp/80");
  assert.equal(ask(container, "tcp", "10.1.2.1", 8080), "one 10.1.2.1");
});

onlyOurs("a service of the host on ::1 stays", "it waits in vain", async (box) => {
  attach(box, portmap(mapped));
  assert.equal(ask(box.host, "tcp", "::1", 8080), undefined);
  await serve(box.host, "host", "tcp/8080");
  assert.equal(ask(box.host, "tcp", "::1", 8080), "host ::1");
});

sandbox("another container's port of the same number is untouched", async (box) => {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  outside.sh(`ip route add 10.1.2.0/24 via ${hostAddress[4]}
    ip route add 2001:db8:42::/64 via ${hostAddress[6]}`);
  const sibling = joined(box, "c2");
  attach(box, portmap(mapped));
  await serve(container, "one", "tcp/80", "udp/53");
  await serve(sibling, "two", "tcp/8080", "udp/8053");
  for (const protocol of ["tcp", "udp"] as const) {
    for (const address of ["10.1.2.2", "2001:db8:42::2"]) {
      for (const who of [outside, host, container]) {
        assert.match(ask(who, protocol, address, ports[protocol]) ?? "", /^two /, `${address}`);
      }
    }
  }
});

/** A rule about one service, as kube-proxy has it: tcp/8080 of one address goes to `two`. */
const specific = {
  "before us": (box: Sandbox) => foreignRule(box.host),
  "after us": (box: Sandbox) => {
    attach(box, portmap(mapped));
    foreignRule(box.host);
  },
};

function foreignRule(host: Namespace) {
  const rule = `-p tcp -d ${hostAddress[4]} --dport 8080 -j DNAT --to-destination 10.1.2.2:9000`;
  host.sh(`iptables -t nat -I PREROUTING ${rule}; iptables -t nat -I OUTPUT ${rule}`);
}

for (const [when, prepare] of Object.entries(specific)) {
  sandbox(`more specific rules of others come first, also ${when}`, async (box) => {
    const { host, container, addOutside } = box;
    const outside = addOutside();
    const sibling = joined(box, "c2");
    prepare(box);
    if (when === "before us") attach(box, portmap(mapped));
    await serve(container, "one", "tcp/80", "udp/53");
    await serve(sibling, "two", "tcp/9000");
    for (const who of [outside, host]) {
      assert.match(ask(who, "tcp", hostAddress[4], 8080) ?? "", /^two /);
      assert.match(ask(who, "udp", hostAddress[4], 8053) ?? "", /^one /);
    }
    assert.match(ask(host, "tcp", "10.1.2.1", 8080) ?? "", /^one /);
  });
}

sandbox("hostIP: one port of two addresses leads to two containers", async (box) => {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  host.sh("ip addr add 192.0.2.9/24 dev out0; ip addr add 2001:db8:ffff::9/64 dev out0 nodad");
  const other = box.addNamespace("c2");
  const at = (...addresses: string[]) =>
    portmap(addresses.map((ip) => mapping(8080, 80, "tcp", ip)));
  attach(box, at(hostAddress[4], hostAddress[6]));
  attach(box, at("192.0.2.9", "2001:db8:ffff::9"), { container: other, containerId: "c2" });
  await serve(container, "one", "tcp/80");
  await serve(other, "two", "tcp/80");
  for (const who of [outside, host]) {
    for (const address of Object.values(hostAddress)) {
      assert.match(ask(who, "tcp", address, 8080) ?? "", /^one /, address);
    }
    for (const address of ["192.0.2.9", "2001:db8:ffff::9"]) {
      assert.match(ask(who, "tcp", address, 8080) ?? "", /^two /, address);
    }
  }
  assert.equal(ask(host, "tcp", "127.0.0.1", 8080), undefined, "an address that nobody asked for");
});

onlyOurs("a mapping of one address comes before one of all", "the first ADD wins", async (box) => {
  const { host, container } = box;
  const other = box.addNamespace("c2");
  box.addOutside();
  const specific = portmap([mapping(8080, 80, "tcp", hostAddress[4])]);
  attach(box, portmap([mapping(8080, 80)]));
  attach(box, specific, { container: other, containerId: "c2" });
  await serve(container, "one", "tcp/80");
  await serve(other, "two", "tcp/80");
  assert.match(ask(host, "tcp", hostAddress[4], 8080) ?? "", /^two /);
  assert.match(ask(host, "tcp", "127.0.0.1", 8080) ?? "", /^one /);
});

sandbox("hostIP 0.0.0.0 and :: choose a family", async (box) => {
  const { host, container, addOutside } = box;
  addOutside();
  attach(box, portmap([mapping(8080, 80, "tcp", "0.0.0.0"), mapping(8086, 80, "tcp", "::")]));
  await serve(container, "one", "tcp/80");
  const answers = [8080, 8086].map((port) =>
    ([4, 6] as const).map((family) => ask(host, "tcp", hostAddress[family], port) !== undefined),
  );
  assert.deepEqual(answers, [
    [true, false],
    [false, true],
  ]);
});

onlyOurs("masqAll hides everybody", "not in Go 1.1.1", async (box) => {
  const outside = box.addOutside();
  attach(box, portmap(mapped, { masqAll: true }));
  await serve(box.container, "one", "tcp/80", "udp/53");
  assert.equal(ask(outside, "tcp", hostAddress[4], 8080), "one 10.1.2.1");
  assert.equal(ask(outside, "udp", hostAddress[6], 8053), "one 2001:db8:42::1");
});

onlyOurs("masqAll hides nobody who asks the container itself", "any packet to it", async (box) => {
  const outside = box.addOutside();
  outside.sh(`ip route add 10.1.2.0/24 via ${hostAddress[4]}`);
  attach(box, portmap(mapped, { masqAll: true, backend: "nftables" }));
  await serve(box.container, "one", "tcp/80");
  assert.equal(ask(outside, "tcp", "10.1.2.2", 80), "one 192.0.2.2");
});

sandbox("without snat nobody is hidden, and localhost is not served", async (box) => {
  const { host, container, addOutside } = box;
  const outside = addOutside();
  attach(box, portmap(mapped, { snat: false }));
  await serve(container, "one", "tcp/80");
  assert.equal(ask(outside, "tcp", hostAddress[4], 8080), "one 192.0.2.2");
  assert.equal(ask(container, "tcp", hostAddress[4], 8080), undefined);
  assert.equal(ask(host, "tcp", "127.0.0.1", 8080), undefined);
  assert.equal(host.sysctl("net/ipv4/conf/br0/route_localnet"), "0");
});

onlyOurs("containers do not get at the host's loopback addresses", "they do", async (box) => {
  const { host, container } = box;
  attach(box, portmap(mapped));
  assert.equal(host.sysctl("net/ipv4/conf/br0/route_localnet"), "1");
  await serve(host, "host", "tcp/9999");
  container.sh(`ip route del local 127.0.0.0/8 dev lo table local 2>/dev/null || true
    echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet
    ip route add 127.0.0.1 via 10.1.2.1 dev eth0 src 10.1.2.2`);
  assert.equal(ask(container, "tcp", "127.0.0.1", 9999), undefined);
  host.sh("nft flush chain ip cnibox_portmap input");
  assert.equal(ask(container, "tcp", "127.0.0.1", 9999), "host 10.1.2.2", "else they would");
});
