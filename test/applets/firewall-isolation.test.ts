/** firewall: who reaches whom, under each policy, with and without br_netfilter. */
import assert from "node:assert/strict";
import { hostLocal } from "../harness/configs.ts";
import { type Namespace, onlyOurs, type Sandbox, sandbox } from "../harness/sandbox.ts";
import { addOutside, attach, firewall, network, outsideAddress } from "./firewall-support.ts";

interface Place {
  name: string;
  namespace: Namespace;
  4: string;
  6: string;
}

/** Three containers: `a` and `b` on one bridge, `c` on another. */
function threeContainers(box: Sandbox, config: object, other: object = config) {
  const places = [
    { name: "a", bridge: "br0", net: 2, config },
    { name: "b", bridge: "br0", net: 2, config },
    { name: "c", bridge: "br1", net: 3, config: other },
  ] as const;
  return places.map(({ name, bridge, net, config: own }): Place => {
    const container = box.addNamespace(name);
    const ipam = hostLocal(`10.1.${net}.0/24`, `2001:db8:4${net}::/64`);
    const at = { container, containerId: name };
    attach(box, firewall({ name: bridge, ...own }), {
      ...at,
      network: { ...network, bridge, ipam },
    });
    const [v4 = "", v6 = ""] = container.addresses("eth0").map((each) => each.split("/")[0] ?? "");
    return { name, namespace: container, 4: v4, 6: v6 };
  });
}

/** `a>b4`: who reaches whom, by which family. All ask at once, three times each. */
function reached(places: readonly Place[]): string[] {
  return places.flatMap((from) => {
    const pings = places
      .filter((to) => to !== from)
      .flatMap((to) => ([4, 6] as const).map((family) => [to[family], `${to.name}${family}`]))
      .map(
        ([ip, to]) => `ping -nq -c 3 -i 0.1 -W 0.3 ${ip} >/dev/null && echo '${from.name}>${to}' &`,
      );
    return from.namespace
      .sh(`${pings.join("\n")}\nwait`)
      .trim()
      .split("\n")
      .filter(Boolean)
      .sort();
  });
}

const all = ["a>b4", "a>b6", "a>c4", "a>c6", "b>a4", "b>a6", "b>c4", "b>c6"].concat([
  ...["c>a4", "c>a6", "c>b4", "c>b6"],
]);
const sameBridge = ["a>b4", "a>b6", "b>a4", "b>a6"];

function filterBridges({ host }: Sandbox, on: boolean) {
  const keys = ["iptables", "ip6tables"].map(
    (name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`,
  );
  host.sh(keys.map((key) => `echo ${on ? 1 : 0} >${key}`).join("\n"));
}

for (const on of [true, false]) {
  const how = on ? "with br_netfilter" : "without br_netfilter";
  sandbox(`open, ${how}`, (box) => {
    filterBridges(box, on);
    assert.deepEqual(reached(threeContainers(box, {})), all);
  });

  sandbox(`same-bridge, ${how}`, (box) => {
    filterBridges(box, on);
    const places = threeContainers(box, { ingressPolicy: "same-bridge" });
    assert.deepEqual(reached(places), sameBridge);
  });
}

/** Go 1.1.1, which Debian has, knows no isolation. */
function notInGo(name: string, body: (box: Sandbox) => void) {
  onlyOurs(name, "it is newer", body);
}

notInGo("isolated, with br_netfilter", (box) => {
  filterBridges(box, true);
  const places = threeContainers(box, { ingressPolicy: "isolated" });
  assert.deepEqual(reached(places), []);
});

const itReaches = "it does not see what stays in the bridge";
onlyOurs("isolated, without br_netfilter", itReaches, (box) => {
  filterBridges(box, false);
  const places = threeContainers(box, { ingressPolicy: "isolated" });
  assert.deepEqual(reached(places), []);
  const [a, b] = places as [Place, Place];
  a.namespace.sh(
    `ip route add ${b[4]}/32 via 10.1.2.1; ip -6 route add ${b[6]}/128 via 2001:db8:42::1`,
  );
  assert.deepEqual(reached([a, b]), [], "nor by way of the gateway");
});

for (const ingressPolicy of ["same-bridge", "isolated"]) {
  const judge = ingressPolicy === "isolated" ? notInGo : sandbox;
  judge(`${ingressPolicy} leaves the way out, the gateway and the host open`, (box) => {
    const outside = addOutside(box);
    const [place] = threeContainers(box, { ingressPolicy }) as [Place];
    const { namespace } = place;
    for (const family of [4, 6] as const) {
      assert(namespace.reaches(outsideAddress[family]), "outside");
      assert(outside.reaches(place[family]), "from outside");
      assert(box.host.reaches(place[family]), "from the host");
      assert(namespace.reaches({ 4: "10.1.2.1", 6: "2001:db8:42::1" }[family]), "the gateway");
    }
  });
}

sandbox("a bridge with a policy and one without", (box) => {
  const places = threeContainers(box, { ingressPolicy: "same-bridge" }, {});
  assert.deepEqual(reached(places), all, "both must have one");
});

onlyOurs("a policy ends with the last container that has it", "it stays", (box) => {
  const { host, cni } = box;
  const isolated = { ingressPolicy: "isolated" };
  const places = threeContainers(box, isolated);
  const [a, b, c] = places as [Place, Place, Place];
  const del = (place: Place, name: string) =>
    cni.del(firewall({ name, ...isolated }), {
      container: place.namespace,
      containerId: place.name,
    });
  assert.deepEqual(reached(places), []);
  del(a, "br0");
  assert.deepEqual(reached(places), [], "br0 has one that is isolated");
  del(b, "br0");
  assert.deepEqual(reached([a, b]), sameBridge);
  assert.deepEqual(
    reached([a, c]),
    all.filter((each) => !each.includes("b")),
  );
  del(c, "br1");
  assert.doesNotMatch(host.sh("nft list ruleset"), /cnibox/);
});

onlyOurs("a changed policy replaces the one before", "the drop stays", (box) => {
  const { host, cni, container } = box;
  const prevResult = cni.add(network);
  const tables = () => [...host.sh("nft list tables").matchAll(/\w+ cnibox_\w+/g)].map(String);
  cni.add(firewall({ ingressPolicy: "isolated" }), { prevResult });
  assert.match(host.sh("nft list table bridge cnibox_isolation"), /elements = { "veth/);
  cni.add(firewall({ ingressPolicy: "same-bridge" }), { prevResult });
  const text = host.sh("nft list ruleset");
  assert.match(text, /elements = { "br0" . "br0" }/);
  assert.doesNotMatch(text, /"veth/);
  cni.add(firewall(), { prevResult });
  assert.deepEqual(tables(), ["ip cnibox_firewall", "ip6 cnibox_firewall"]);
  assert(container.reaches("10.1.2.1"));
});

onlyOurs("CHECK finds a policy that is damaged", "it does not look", (box) => {
  const { host, cni } = box;
  const prevResult = cni.add(network);
  const damages = [
    "delete element ip cnibox_isolation bridges { br0 }",
    "delete element ip6 cnibox_isolation isolated { 2001:db8:42::2 }",
    "flush set bridge cnibox_isolation ports",
    "flush chain ip cnibox_isolation forward",
    "delete table bridge cnibox_isolation",
    "flush ruleset",
  ];
  for (const damage of damages) {
    const attached = cni.attach(firewall({ ingressPolicy: "isolated" }), { prevResult });
    attached.check();
    host.sh(`nft '${damage}'`);
    assert.throws(attached.check, /^Error: The firewall is damaged: /, damage);
  }
});

onlyOurs(
  "a policy needs an interface of the host",
  "it takes the container's",
  ({ cni, container }) => {
    const prevResult = {
      cniVersion: firewall().cniVersion,
      interfaces: [{ name: "eth0", sandbox: container.netns }],
      ips: [{ address: "10.1.2.2/24" }],
    };
    const add = () => cni.add(firewall({ ingressPolicy: "same-bridge" }), { prevResult });
    assert.throws(add, /needs an interface of the host in prevResult$/);
  },
);

onlyOurs("cables of ptp are bridges of one container", "it takes the container's name", (box) => {
  const places = ["a", "b"].map((name): Place => {
    const container = box.addNamespace(name);
    const ptp = { type: "ptp", ipam: hostLocal("10.1.2.0/24", "2001:db8:42::/64") };
    const at = { container, containerId: name };
    attach(box, firewall({ ingressPolicy: "isolated" }), { ...at, network: ptp });
    const [v4 = "", v6 = ""] = container.addresses("eth0").map((each) => each.split("/")[0] ?? "");
    return { name, namespace: container, 4: v4, 6: v6 };
  });
  assert.deepEqual(reached(places), []);
  box.cni.del(firewall({ ingressPolicy: "isolated" }), { containerId: "b" });
  assert.deepEqual(reached(places), ["a>b4", "a>b6", "b>a4", "b>a6"], "b has no policy any more");
});

onlyOurs("any name that the kernel takes", "other rules", ({ host, cni }) => {
  const prevResult = {
    cniVersion: firewall().cniVersion,
    interfaces: [{ name: "br@1+2" }, { name: 'v"1' }],
    ips: [{ address: "10.1.2.2/24" }],
  };
  const config = firewall({ ingressPolicy: "isolated" });
  const attached = cni.attach(config, { prevResult });
  attached.check();
  assert.match(host.sh("nft list table ip cnibox_isolation"), /elements = { "br@1\+2" }/);
  attached.del();
  assert.equal(host.sh("nft list ruleset"), "");
});
