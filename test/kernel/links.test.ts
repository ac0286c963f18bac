import { release } from "node:os";
import { dataOf } from "../../src/kernel/links.ts";
import { connect, failure, inNamespaces, refused } from "./namespaces.ts";

inNamespaces("one message makes a veth pair across two namespaces", ({ t, host, container }) => {
  const bridge = host.netns.links.add({
    name: "br0",
    mtu: 1400,
    info: { kind: "bridge" },
    up: true,
  });
  const link = host.netns.links.add({
    name: "veth0",
    mtu: 1400,
    mac: "02:00:00:00:00:05",
    txQueueLength: 3,
    master: bridge.index,
    up: true,
    info: {
      kind: "veth",
      data: {
        peer: {
          name: "eth0",
          netns: container.netns,
          mtu: 1400,
          mac: "02:00:00:00:00:06",
          txQueueLength: 0,
        },
      },
    },
  });
  const [seen] = host.json("ip -j -d link show dev veth0");
  t.match(seen, {
    ifindex: link.index,
    mtu: 1400,
    master: "br0",
    address: "02:00:00:00:00:05",
    txqlen: 3,
    linkinfo: { info_kind: "veth", info_slave_kind: "bridge" },
  });
  t.ok(seen.flags.includes("UP"));
  const [inside] = container.json("ip -j -d link show dev eth0");
  t.match(inside, { mtu: 1400, address: "02:00:00:00:00:06", operstate: "DOWN" });
  t.notOk(inside.flags.includes("UP"));
  t.equal(inside.txqlen ?? 0, 0);

  t.match(link, {
    name: "veth0",
    master: bridge.index,
    mtu: 1400,
    mac: "02:00:00:00:00:05",
    up: true,
  });
  const end = container.netns.links.get("eth0");
  t.equal(link.parent, end.index, "each end names the other");
  t.equal(end.parent, link.index);
  t.equal(end.info?.kind, "veth");
  t.end();
});

inNamespaces("links are found by name and by index", ({ t, host }) => {
  const { links } = host.netns;
  const lo = links.get("lo");
  t.match(lo, { index: 1, name: "lo", mtu: 65536, up: false, operState: "down", altNames: [] });
  t.ok(lo.flags.includes("loopback"));
  t.notOk("master" in lo || "parent" in lo || "info" in lo || "alias" in lo);
  t.strictSame(links.get(1), lo);
  host.sh("ip link property add dev lo altname a-name-of-more-than-fifteen-bytes altname ü");
  t.strictSame(links.get("a-name-of-more-than-fifteen-bytes").index, 1);
  t.strictSame(links.get("ü").altNames, ["a-name-of-more-than-fifteen-bytes", "ü"]);
  for (const absent of ["nix", "", "x".repeat(16), "x".repeat(200), 99, 0, -1]) {
    t.equal(links.find(absent), undefined, `no link ${absent}`);
    t.equal(links.remove(absent), false, `nothing to remove: ${absent}`);
  }
  t.strictSame(
    failure(() => links.get("nix")),
    refused("ENODEV", 'Link "nix" not found'),
  );
  t.strictSame(
    failure(() => links.get(99)),
    refused("ENODEV", "Link 99 not found"),
  );
  t.end();
});

inNamespaces("every change, alone and together", (box) => {
  const { t, host } = box;
  const { links } = host.netns;
  const { outer } = connect(box, { up: false });
  const look = (name = "h0") => host.json(`ip -j -d link show dev ${name}`)[0];
  links.change(outer.index, {
    mtu: 1300,
    mac: "02:00:00:00:00:09",
    txQueueLength: 9,
    alias: "ours: ü",
  });
  t.match(look(), { mtu: 1300, address: "02:00:00:00:00:09", txqlen: 9, ifalias: "ours: ü" });
  t.equal(links.get("h0").alias, "ours: ü");
  links.change(outer.index, { alias: "" });
  t.equal(look().ifalias, undefined);
  t.notOk("alias" in links.get("h0"), "an empty alias is none");
  links.change(outer.index, { up: true, promiscuous: true, allMulticast: true });
  t.match(look(), { promiscuity: 1 });
  for (const flag of ["UP", "PROMISC", "ALLMULTI"]) t.ok(look().flags.includes(flag), flag);
  t.match(links.get("h0"), { up: true, promiscuity: 1 });
  links.change(outer.index, { promiscuous: false });
  t.notOk(look().flags.includes("PROMISC"));
  t.ok(look().flags.includes("ALLMULTI"), "what is not said stays");
  links.change(outer.index, { up: false, addressGeneration: "none" });
  t.match(look(), { inet6_addr_gen_mode: "none" });
  links.change(outer.index, { name: "h1" });
  t.equal(look("h1").ifindex, outer.index);
  t.end();
});

inNamespaces("ports of a bridge", (box) => {
  const { t, host } = box;
  const { links } = host.netns;
  const { outer } = connect(box);
  const bridge = links.add({ name: "br0", info: { kind: "bridge" } });
  links.change(outer.index, { master: bridge.index });
  links.change(outer.index, {
    up: true,
    bridgePort: { hairpin: true, isolated: true, learning: false },
  });
  const port = host.json("ip -j -d link show dev h0")[0].linkinfo.info_slave_data;
  t.match(port, { hairpin: true, isolated: true, learning: false });
  t.match(links.get("h0"), {
    master: bridge.index,
    bridgePort: { hairpin: true, isolated: true, learning: false, flood: true },
  });
  links.change(outer.index, { bridgePort: { hairpin: false } });
  t.match(links.get("h0").bridgePort, { hairpin: false, isolated: true });
  t.strictSame(
    links.dump({ master: bridge.index }).map(({ name }) => name),
    ["h0"],
  );
  t.strictSame(
    links.dump({ kind: "bridge" }).map(({ name }) => name),
    ["br0"],
  );
  links.change(outer.index, { master: 0 });
  t.notOk("master" in links.get("h0"));
  t.notOk("bridgePort" in links.get("h0"));
  links.change(bridge.index, { info: { kind: "bridge", data: { forwardDelay: 300 } } });
  t.equal(host.json("ip -j -d link show dev br0")[0].linkinfo.info_data.forward_delay, 300);
  t.equal(dataOf(links.get("br0").info, "bridge")?.forwardDelay, 300);
  t.end();
});

inNamespaces("a link moves to another namespace", (box) => {
  const { t, host, container } = box;
  const { outer } = connect(box);
  host.netns.links.change(outer.index, { netns: container.netns, name: "moved" });
  t.equal(host.netns.links.find("h0"), undefined);
  t.match(container.json("ip -j link show dev moved")[0], { operstate: "DOWN" });
  t.equal(host.netns.links.remove("h0"), false);
  t.equal(container.netns.links.remove("moved"), true);
  t.equal(container.netns.links.find("c0"), undefined, "the other end goes with it");
  t.end();
});

inNamespaces(
  "a link that lands in another namespace takes its final name there",
  (box) => {
    const { t, host, container } = box;
    const { inner } = connect(box);
    const ifb = host.netns.links.add({
      name: "ifb9",
      netns: container.netns,
      info: { kind: "ifb" },
    });
    t.equal(container.json("ip -j link show dev ifb9")[0].ifindex, ifb.index);
    host.netns.links.add({ name: "left", info: { kind: "ifb" } });
    const macvlan = container.netns.links.add({
      name: "c0", // the parent's own name, in its namespace
      netns: host.netns,
      interim: "left",
      parent: inner.index,
      mac: "02:00:00:00:00:07",
      mtu: 1200,
      info: { kind: "macvlan", data: { mode: "private" } },
    });
    t.match(host.json("ip -j -d link show dev c0")[0], {
      ifindex: macvlan.index,
      address: "02:00:00:00:00:07",
      mtu: 1200,
      linkinfo: { info_kind: "macvlan", info_data: { mode: "private" } },
    });
    t.equal(macvlan.parent, inner.index);
    const [major = 0, minor = 0] = release().split(".").map(Number);
    const hasInterim = major < 6 || (major === 6 && minor < 13);
    t.equal(
      host.netns.links.find("left") === undefined,
      hasInterim,
      "who was killed there is gone",
    );
    t.strictSame(
      failure(() =>
        host.netns.links.add({ name: "c0", netns: container.netns, info: { kind: "ifb" } }),
      ),
      refused("EEXIST", 'Cannot add ifb link "c0": File exists'),
      "taken where it lands",
    );
    t.equal(container.netns.links.dump({ kind: "ifb" }).length, 1, "and nothing is left over");
    t.type(macvlan.parentNetnsId, "number");
    t.end();
  },
  ["CONFIG_IFB", "CONFIG_MACVLAN"],
);

inNamespaces("what the kernel refuses", (box) => {
  const { t, host } = box;
  const { links } = host.netns;
  const { outer } = connect(box);
  const { index } = outer;
  const bridge = (name: string) => ({ name, info: { kind: "bridge" } }) as const;
  t.strictSame(
    failure(() => links.add(bridge("h0"))),
    refused("EEXIST", 'Cannot add bridge link "h0": File exists'),
  );
  const pair = (peer: string) =>
    ({
      name: "free",
      netns: host.netns,
      info: { kind: "veth", data: { peer: { name: peer, netns: box.container.netns } } },
    }) as const;
  t.strictSame(
    failure(() => links.add(pair("c0"))),
    refused("EEXIST", 'Cannot add veth link "free": File exists'),
    "the other end's name is taken",
  );
  t.strictSame(
    failure(() => links.add(bridge("a-name-of-16-bys"))),
    refused(
      "ERANGE",
      'Cannot add bridge link "a-name-of-16-bys": Numerical result out of range ' +
        "(Attribute failed policy validation: IFLA_IFNAME)",
    ),
  );
  t.strictSame(
    failure(() => links.change(index, { mtu: 20 })),
    refused(
      "EINVAL",
      'Cannot change mtu of link "h0": Invalid argument (mtu less than device minimum)',
    ),
  );
  t.strictSame(
    failure(() => links.change(99, { mtu: 2000, up: true })),
    refused("ENODEV", "Cannot change mtu, up of link 99: No such device"),
  );
  t.match(
    failure(() => links.change(index, { bridgePort: { hairpin: true } })),
    {
      name: "KernelError",
      message: /^Cannot change bridgePort of link "h0": /,
    },
  );
  t.strictSame(
    failure(() => links.remove("lo")),
    refused("EOPNOTSUPP", 'Cannot delete link "lo": Operation not supported'),
  );
  t.strictSame(
    failure(() => links.add({ name: "x", info: { kind: "nosuchkind" } as never })),
    refused(
      "EOPNOTSUPP",
      'Cannot add nosuchkind link "x": Operation not supported (Unknown device type)',
    ),
  );
  t.end();
});

inNamespaces("more than 1000 links", ({ t, host }) => {
  const count = 1040;
  host.sh(
    `for i in $(seq 2 2 ${count}); do echo "link add n$i type veth peer name m$i"; done > /tmp/b.$$; ip -batch /tmp/b.$$; rm /tmp/b.$$`,
  );
  const names = host.netns.links.dump().map(({ name }) => name);
  t.equal(new Set(names).size, count + 1);
  t.equal(names.length, count + 1);
  t.end();
});

inNamespaces("waiting for a link to work", (box) => {
  const { t, host, container } = box;
  const { links } = host.netns;
  const { outer, inner } = connect(box);
  t.equal(links.waitUntilUp(outer.index, 5000).operState, "up");

  // The kernel is in no hurry to tell that a link does not work any more.
  const breakIt = () => {
    container.netns.links.change(inner.index, { up: false });
    host.sh("while ip link show dev h0 | grep -q 'state UP'; do sleep 0.05; done");
  };
  const milliseconds = () => Number(process.hrtime.bigint()) / 1e6;
  breakIt();
  let started = milliseconds();
  t.not(links.waitUntilUp(outer.index, 100).operState, "up");
  t.ok(milliseconds() - started >= 100);

  // Another process brings it up while we wait.
  host.sh(`(sleep 0.2; ${container.enter} ip link set c0 up) >/dev/null 2>&1 &`);
  started = milliseconds();
  t.equal(links.waitUntilUp(outer.index, 20_000).operState, "up");
  t.ok(milliseconds() - started < 10_000, "told at once");

  breakIt();
  host.sh("(sleep 0.2; ip link delete h0) >/dev/null 2>&1 &");
  t.strictSame(
    failure(() => links.waitUntilUp(outer.index, 20_000)),
    refused("ENODEV", 'Link "h0" not found'),
  );
  t.end();
});

inNamespaces(
  "ipvlan, macvlan, vlan, vrf, dummy with their settings",
  ({ t, host, container }) => {
    const { links } = host.netns;
    const dummy = links.add({ name: "d0", info: { kind: "dummy" }, mac: "02:00:00:00:00:01" });
    const infos = [
      { kind: "vlan", data: { id: 7, protocol: "802.1ad" } },
      { kind: "macvlan", data: { mode: "vepa", broadcastQueueLength: 77 } },
    ] as const;
    for (const info of infos) {
      // The final name, although the host has a link of that name.
      const link = links.add({ name: "d0", parent: dummy.index, netns: container.netns, info });
      t.match(container.netns.links.get("d0"), { index: link.index, parent: dummy.index, info });
      container.netns.links.remove("d0");
    }
    const ipvlan = links.add({
      name: "eth0",
      parent: links.add({ name: "d1", info: { kind: "dummy" } }).index,
      netns: container.netns,
      mtu: 1400,
      info: { kind: "ipvlan", data: { mode: "l3s" } },
    });
    t.equal(dataOf(ipvlan.info, "ipvlan")?.mode, "l3s");
    const [seen] = container.json("ip -j -d link show dev eth0");
    t.match(seen, { mtu: 1400, linkinfo: { info_kind: "ipvlan", info_data: { mode: "l3s" } } });

    const vrf = links.add({ name: "vrf1", info: { kind: "vrf", data: { table: 5000 } }, up: true });
    links.change(dummy.index, { master: vrf.index });
    t.equal(dataOf(links.get("vrf1").info, "vrf")?.table, 5000);
    t.match(host.json("ip -j -d link show dev d0")[0], { master: "vrf1" });
    t.equal(links.get("d0").master, vrf.index);
    t.notOk("bridgePort" in links.get("d0"));
    t.end();
  },
  ["CONFIG_DUMMY", "CONFIG_IPVLAN", "CONFIG_MACVLAN", "CONFIG_VLAN_8021Q", "CONFIG_NET_VRF"],
);
