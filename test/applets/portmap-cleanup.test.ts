/** portmap: what DEL, GC, CHECK and STATUS see and leave. */
import assert from "node:assert/strict";
import { go, type Namespace, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { ask, askFrom, serve } from "../harness/servers.ts";
import {
  attach,
  hostAddress,
  mapping,
  network,
  portmap,
  withoutPrograms,
} from "./portmap-support.ts";

const cniVersion = "1.0.0";
const config = portmap([mapping(8080, 80), mapping(8053, 53, "udp")]);
/** Of a DEL from a runtime that does not remember the ports. */
const forgetful = { type: "portmap" };

/** What outlives attachments: the bridge, its addresses, forwarding. */
function beforeMapping(box: Sandbox, chosen: object = config) {
  const { host, cni, addNamespace } = box;
  const before = addNamespace("before");
  const at = { container: before, containerId: "before" };
  attach(box, { ...config, ...chosen }, at).del();
  cni.del(network, at);
  box.removeNamespace("before");
  return host.state();
}

sandbox("ADD, CHECK, DEL leave no trace", (box) => {
  const { host, cni } = box;
  const before = beforeMapping(box);
  const attached = attach(box, { ...config, cniVersion });
  assert.notDeepEqual(host.state(), before);
  if (!go) attached.check(); // Go 1.1.1 looks for the rules of IPv4 among those of IPv6
  attached.del();
  attached.del();
  cni.del(network);
  assert.deepEqual(host.state(), before);
});

onlyOurs("the last DEL takes the tables away", "it leaves its chains", (box) => {
  const other = box.addNamespace("c2");
  const first = attach(box, config);
  const second = attach(box, portmap([mapping(8081, 80)]), { container: other, containerId: "c2" });
  first.del();
  assert.match(box.host.sh("nft list tables"), /table ip cnibox_portmap\ntable ip6 cnibox_portmap/);
  second.del();
  assert.doesNotMatch(box.host.sh("nft list tables"), /portmap/);
});

onlyOurs("DEL needs nothing but the names", "it needs the ports", (box) => {
  const { host, cni, addNamespace } = box;
  const before = beforeMapping(box);
  const gone = addNamespace("gone");
  const at = { container: gone, containerId: "gone" };
  attach(box, config, at);
  box.removeNamespace("gone");
  cni.del(forgetful, at);
  cni.del(network, at);
  assert.deepEqual(host.state(), before);
});

onlyOurs("DEL leaves what other attachments have", "networks share a comment", (box) => {
  const { host, cni, container } = box;
  const ports = () =>
    [...host.sh("nft list ruleset").matchAll(/tcp \. (\d+) comment/g)].map(String);
  attach(box, portmap([mapping(8080, 80)]));
  const before = ports();
  const others = [
    { name: "net1", ifName: "eth1", containerId: "c1" },
    { name: "net2", ifName: "eth2", containerId: "c1" },
    { name: "net1", ifName: "eth0", containerId: "c2" },
  ];
  const prevResult = (ip: string, name: string) => ({
    cniVersion,
    interfaces: [{ name, sandbox: container.netns }],
    ips: [{ interface: 0, address: `${ip}/24` }],
  });
  for (const [i, { name, ...at }] of others.entries()) {
    const one = { ...portmap([mapping(9000 + i, 80)]), name, cniVersion };
    cni.attach(one, { ...at, prevResult: prevResult(`10.9.${i}.2`, at.ifName) }).del();
    assert.deepEqual(ports(), before);
  }
});

onlyOurs("a port that another took over is not his who had it", "the first has it", async (box) => {
  const { cni, host, container, addNamespace } = box;
  const heir = addNamespace("c2");
  attach(box, config);
  const second = attach(box, config, { container: heir, containerId: "c2" });
  await serve(container, "one", "tcp/80");
  await serve(heir, "two", "tcp/80");
  assert.equal(ask(host, "tcp", "127.0.0.1", 8080), "two 10.1.2.1");
  cni.del(forgetful);
  assert.equal(ask(host, "tcp", "127.0.0.1", 8080), "two 10.1.2.1");
  second.check();
});

// ── connections that the kernel remembers ─────────────────────────────────────────────────────

function connections(host: Namespace): string {
  return host.sh("conntrack -L 2>/dev/null");
}

/** A node keeps track only where some rule asks for it; with kube-proxy, say, each does. */
function track(host: Namespace) {
  host.sh(`nft add table ip track
    nft add chain ip track in '{ type filter hook prerouting priority 0; }'
    nft add rule ip track in ct state new accept`);
}

for (const backend of ["nftables", "iptables"]) {
  onlyOurs(`UDP clients follow the mapping, with ${backend}`, "only on ADD", async (box) => {
    const { host, container, cni, addOutside, addNamespace } = box;
    track(host);
    const outside = addOutside();
    outside.sh("ip route add 10.1.2.0/24 via 192.0.2.1");
    const heir = addNamespace("c2");
    const chosen = backend === "iptables" ? { ...config, backend } : config;
    const prevResult = cni.add(network);
    await serve(container, "one", "udp/53");
    await serve(outside, "out", "udp/8053");
    const client = () => askFrom(outside, 5555, hostAddress[4], 8053);
    assert.equal(client(), undefined, "nobody is there");
    assert.match(connections(host), /sport=5555 dport=8053/);
    assert.equal(askFrom(container, 5556, "192.0.2.2", 8053), "out 10.1.2.2");
    assert.match(connections(host), /sport=5556 dport=8053/);

    const first = cni.attach(chosen, { prevResult });
    assert.equal(client(), "one 192.0.2.2", "ADD forgets that nobody was there");
    assert.match(connections(host), /sport=5556 dport=8053/, "what passes by stays");

    first.del();
    assert.doesNotMatch(connections(host), /sport=5555/, "DEL forgets the client");
    assert.match(connections(host), /sport=5556 dport=8053/);
    attach(box, chosen, { container: heir, containerId: "c2" });
    await serve(heir, "two", "udp/53");
    assert.equal(client(), "two 192.0.2.2");
  });
}

onlyOurs(
  "UDP connections of other addresses and of the same container stay",
  "all go",
  async (box) => {
    const { host, container, addOutside } = box;
    const outside = addOutside();
    track(host);
    host.sh("ip addr add 192.0.2.9/24 dev out0");
    const at = portmap([mapping(8053, 53, "udp", "192.0.2.9")]);
    await serve(host, "host", "udp/8053");
    assert.equal(askFrom(outside, 5555, hostAddress[4], 8053), "host 192.0.2.2");
    const attached = attach(box, at);
    await serve(container, "one", "udp/53");
    assert.equal(askFrom(outside, 5556, "192.0.2.9", 8053), "one 192.0.2.2");
    const before = connections(host)
      .match(/sport=555[56] dport=8053/g)
      ?.sort();
    assert.deepEqual(before, ["sport=5555 dport=8053", "sport=5556 dport=8053"]);
    box.cni.add(at, { prevResult: attached.result });
    assert.deepEqual(
      connections(host)
        .match(/sport=555[56] dport=8053/g)
        ?.sort(),
      before,
    );
    attached.del();
    assert.deepEqual(connections(host).match(/sport=555[56] dport=8053/g), before.slice(0, 1));
  },
);

// ── CHECK, GC, STATUS ─────────────────────────────────────────────────────────────────────────

onlyOurs("CHECK finds what is damaged", "it looks at less", (box) => {
  const { host } = box;
  const attached = attach(box, config);
  attached.check();
  const ip = "ip cnibox_portmap";
  const owner = /comment "(.*?id: c1)"/.exec(host.sh(`nft list map ${ip} ports`))?.[1];
  const shared = /what all containers share in nft table ip .* is damaged/;
  const lacks = (set: string) =>
    new RegExp(`${set} of nft table ip cnibox_portmap does not hold what is the container's$`);
  const damages: [string, RegExp][] = [
    [`nft flush chain ${ip} output`, shared],
    [`nft flush table ${ip}`, shared],
    [`nft delete element ${ip} ports '{ udp . 8053 }'`, lacks("ports")],
    [`nft delete element ${ip} containers '{ 10.1.2.2 }'`, lacks("containers")],
    [`nft flush set ${ip} siblings24`, lacks("siblings24")],
    [`nft flush map ${ip} owners`, lacks("owners")],
    [
      `nft delete element ${ip} ports '{ udp . 8053 }'
       nft add element ${ip} ports '{ udp . 8053 comment "${owner}" : 10.1.2.2 . 54 }'`,
      lacks("ports"),
    ],
    [
      `nft delete element ${ip} ports '{ udp . 8053 }'
       nft add element ${ip} ports '{ udp . 8053 comment "other" : 10.1.2.2 . 53 }'`,
      lacks("ports"),
    ],
    ["nft delete table ip6 cnibox_portmap", /there is no nft table ip6 cnibox_portmap/],
  ];
  for (const [damage, message] of damages) {
    host.sh(damage);
    assert.throws(attached.check, (error: Error) => {
      assert.match(error.message, /^Port mappings are damaged: /);
      assert.match(error.message, message, damage);
      return true;
    });
    box.cni.add(config, { prevResult: attached.result });
    attached.check();
  }
  attached.del();
  assert.throws(attached.check, /there is no nft table ip cnibox_portmap/);
});

onlyOurs("GC removes what no attachment of the network owns", "it has none", async (box) => {
  const { host, cni, container } = box;
  const ports = () =>
    [...host.sh("nft list map ip cnibox_portmap ports").matchAll(/tcp \. (\d+) /g)]
      .map(([, port]) => port)
      .sort();
  const add = (port: number, containerId: string, name: string, ifName = "eth0") =>
    cni.add(
      { ...portmap([mapping(port, 80), mapping(port, 53, "udp")]), name, cniVersion },
      {
        ...{ containerId, ifName },
        prevResult: {
          cniVersion,
          interfaces: [{ name: ifName, sandbox: container.netns }],
          ips: [{ interface: 0, address: `10.1.2.${port % 256}/24` }],
        },
      },
    );
  add(8001, "c1", "net1");
  add(8002, "c2", "net1");
  add(8003, "c1", "net1", "eth1");
  add(8004, "c2", "net2");
  const outside = box.addOutside();
  host.sh("ip route add 10.1.2.0/24 dev out0; echo 1 >/proc/sys/net/ipv4/ip_forward");
  askFrom(outside, 5555, hostAddress[4], 8002);
  assert.match(connections(host), /sport=5555 dport=8002/);
  const valid = [
    { containerID: "c1", ifname: "eth0" },
    { containerID: "c2", ifname: "eth7" },
  ];
  cni.gc(forgetful, valid);
  assert.deepEqual(ports(), ["8001", "8004"]);
  assert.doesNotMatch(connections(host), /dport=8002/);
  cni.gc(forgetful, []);
  assert.deepEqual(ports(), ["8004"]);
  cni.gc({ ...forgetful, name: "net2" }, []);
  assert.doesNotMatch(host.sh("nft list ruleset"), /portmap/);
});

onlyOurs("STATUS says whether ports can be mapped", "it has none", ({ host, cni }) => {
  cni.status(forgetful);
  cni.status({ ...forgetful, backend: "iptables" });
  const without = { prefix: withoutPrograms(host) };
  cni.status(forgetful, without);
  assert.throws(
    () => cni.status({ ...forgetful, backend: "iptables" }, without),
    /^Error: Cannot map ports: iptables is not in PATH$/,
  );
});
